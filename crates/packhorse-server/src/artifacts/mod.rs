//! Artifacts: files that belong to a job, behind links that open in any browser.
//!
//! A link is a token that only this service can make (see `link`), so nothing about it is stored
//! and every server on the same master key serves it. It is valid for a day, as long as the access
//! key that asked for it is enabled and the job waits for its device. Whatever is wrong with a
//! link, the answer is the same.

mod label;
mod link;
mod paper;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, StatusCode};
use packhorse_core::job::State as JobState;
use packhorse_core::signature_file::Signature;
use packhorse_store::{AccessKey, Error, Job};
use packhorse_wire::actions::Artifact;

use crate::context::Context;
use crate::store_error::{Trouble, sort};
use crate::throttle::Throttle;

use link::Link;

pub(crate) use label::{Place, place, store};
pub(crate) use link::Document;
pub(crate) use paper::{NotPrinted, print_label, read_shipment};

/// Files of one account in a second, a second's worth of them at once: who prints the papers of a
/// whole pallet waits a little, and nobody else does.
const FILES_PER_SECOND: NonZeroU32 = NonZeroU32::new(8).expect("8 is not 0");
/// Seconds after which one may ask again.
const RETRY_AFTER_SECONDS: &str = "1";

/// What a browser must not do with a personal file from a link that is a key: keep it, guess what
/// it is, tell others where it came from.
const PRIVATE: [(HeaderName, &str); 3] = [
    (CACHE_CONTROL, "private, no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
];
const NOT_VALID: &str = "This link is not valid, or no longer valid. GetStatus and \
                         GetShippingLabel give new ones while the job waits for its device.\n";

/// Whether a parcel may still be sent for the job, so that there is something to print.
pub(crate) fn awaits_device(state: JobState) -> bool {
    state == JobState::NEW
}

/// The `ArtifactList` of a job, for its owner.
pub(crate) fn list(context: &Context, caller: &AccessKey, job: &Job) -> Vec<Artifact> {
    if !awaits_device(job.state) {
        return Vec::new();
    }
    let label = context.settings.facility.as_ref();
    let label = label.map(|_| Document::ShippingLabel);
    let documents = [Document::PackingSlip, Document::Signature];
    let documents = documents.into_iter().chain(label);
    let artifact = |document: Document| Artifact {
        description: document.description().to_owned(),
        url: url(context, caller, job, document),
    };
    documents.map(artifact).collect()
}

/// A link to a document of a job, for its owner.
pub(crate) fn url(context: &Context, caller: &AccessKey, job: &Job, document: Document) -> String {
    let link = Link::new(document, &job.id, &caller.id, context.now());
    let token = link.to_token(&context.artifact_key);
    format!("{}/artifacts/{token}", context.settings.public_url)
}

/// The files' side of the server.
struct Shelf {
    context: Context,
    throttle: Throttle,
}

/// The routes below `/artifacts`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(context: Context) -> Router<S> {
    let throttle = Throttle::new(FILES_PER_SECOND);
    Router::new()
        .route("/{token}", get(fetch).fallback(nothing_here))
        .fallback(nothing_here)
        .with_state(Arc::new(Shelf { context, throttle }))
}

async fn fetch(
    State(shelf): State<Arc<Shelf>>,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(token)) = token else {
        return refusal(Refusal::NotValid);
    };
    match shelf.find(&token).await {
        Ok(file) => file.into_response(),
        Err(refused) => refusal(refused),
    }
}

/// What is no link at all.
pub(crate) async fn nothing_here() -> Response {
    refusal(Refusal::NotValid)
}

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Forged, expired, of a job or key that is gone: never said which.
    NotValid,
    /// Try again.
    Busy,
    /// The account asks for too many at once: try again.
    TooMany,
    /// Something broke inside.
    Broken,
}

/// A document, ready to be sent.
struct File {
    document: Document,
    name: String,
    bytes: Bytes,
}

impl Shelf {
    async fn find(&self, token: &str) -> Result<File, Refusal> {
        let context = &self.context;
        let link = Link::from_token(token, &context.artifact_key, context.now());
        let link = link.ok_or(Refusal::NotValid)?;
        let key = context.store.find_access_key(&link.access_key_id).await;
        let key = key.map_err(store_refusal)?.filter(|key| key.enabled);
        let key = key.ok_or(Refusal::NotValid)?;
        let job = context.store.job(key.account, &link.job).await;
        let job = job.map_err(store_refusal)?;
        if !awaits_device(job.state) {
            return Err(Refusal::NotValid);
        }
        let account = key.account.0.to_string();
        if !self.throttle.admit(&account, context.now()) {
            return Err(Refusal::TooMany);
        }
        let bytes = match link.document {
            Document::Signature => {
                let id = job.id.as_str();
                let signature = Signature::sign(&context.signature_key, job.account, id);
                signature.file_contents(id).into()
            }
            Document::PackingSlip => paper::print_slip(context, &key, &job).await?,
            Document::ShippingLabel => paper::print_own_label(context, &job).await?,
            Document::StoredLabel => label::fetch(context, &key, &job).await?,
        };
        Ok(File {
            document: link.document,
            name: link.document.file_name(&job.id),
            bytes,
        })
    }
}

fn store_refusal(error: Error) -> Refusal {
    match sort(error) {
        Err(Trouble::Busy) => Refusal::Busy,
        Err(Trouble::Broken) => Refusal::Broken,
        Ok(_) => Refusal::NotValid,
    }
}

impl From<NotPrinted> for Refusal {
    fn from(not: NotPrinted) -> Self {
        match not {
            NotPrinted::Busy => Self::Busy,
            NotPrinted::Broken => Self::Broken,
        }
    }
}

fn refusal(refusal: Refusal) -> Response {
    let (status, text) = match refusal {
        Refusal::NotValid => (StatusCode::NOT_FOUND, NOT_VALID),
        Refusal::Busy => (
            StatusCode::SERVICE_UNAVAILABLE,
            "This file cannot be had at the moment: try again in a while.\n",
        ),
        Refusal::TooMany => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many files of this account were asked for at once: try again in a second.\n",
        ),
        Refusal::Broken => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The service failed to make this file: try again.\n",
        ),
    };
    match refusal {
        Refusal::Busy | Refusal::TooMany => {
            (status, PRIVATE, [(RETRY_AFTER, RETRY_AFTER_SECONDS)], text).into_response()
        }
        Refusal::NotValid | Refusal::Broken => (status, PRIVATE, text).into_response(),
    }
}

impl IntoResponse for File {
    fn into_response(self) -> Response {
        let document = self.document;
        // Names are made of job ids, so nothing in them needs quoting.
        let disposition = format!("{}; filename=\"{}\"", document.disposition(), self.name);
        let headers = [
            (CONTENT_TYPE, document.content_type().to_owned()),
            (CONTENT_DISPOSITION, disposition),
        ];
        (PRIVATE, headers, self.bytes).into_response()
    }
}
