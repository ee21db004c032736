//! What the store offers: one function per action of S3, found by method, key and question.

mod acls;
mod attributes;
mod buckets;
mod complete;
mod conditions;
mod copy;
mod delete;
mod get;
mod list;
mod parts;
mod put;
mod rights;
mod uploads;

use http::Method;
use hyper::body::Incoming;

use super::Store;
use super::answer::Answer;
use super::fault::{Code, Fault};
use super::head::Head;
use super::index::objects::Condition;
use super::keys::Caller;
use super::limits::DOCUMENT_BYTES_MAX;
use super::payload::{Covered, Expected, Payload, collect};
use crate::xml::Element;

/// Questions of S3 that this store has no answer to.
const NOT_OFFERED: [&str; 29] = [
    "accelerate",
    "analytics",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "versioning",
    "versions",
    "website",
];
/// Parameters that may be empty without being a question of their own.
const PARAMETERS: [&str; 22] = [
    "acl",
    "attributes",
    "continuation-token",
    "delete",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "location",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "uploadId",
    "uploads",
    "versionId",
    "x-id",
];

/// A request being served.
struct Ask<'a> {
    store: &'a Store,
    head: Head,
    caller: Caller,
    covered: Option<Covered>,
    body: &'a mut Incoming,
}

impl Ask<'_> {
    fn bucket(&self) -> &str {
        self.head.bucket.as_deref().unwrap_or_default()
    }

    fn key(&self) -> &str {
        self.head.key.as_deref().unwrap_or_default()
    }

    /// The body to receive. It can be taken once.
    fn payload(&mut self) -> Result<Payload<'_>, Fault> {
        let covered = self
            .covered
            .take()
            .ok_or_else(|| Fault::internal("a body was taken twice"))?;
        let decoded_length = match self.head.header("x-amz-decoded-content-length") {
            Some(text) => Some(text.parse().map_err(|_| {
                Fault::new(
                    Code::InvalidArgument,
                    "x-amz-decoded-content-length must be a number",
                )
            })?),
            None => None,
        };
        Ok(Payload::new(self.body, covered, decoded_length))
    }

    /// How the signature covers the body.
    fn expected(&self, declared: Option<super::checksum::Algorithm>) -> Result<Expected, Fault> {
        let covered = self
            .covered
            .as_ref()
            .ok_or_else(|| Fault::internal("a body was taken twice"))?;
        Expected::of_request(&self.head.headers, covered.cover, declared)
    }

    /// The body as a document; `None` when there is none.
    async fn document(&mut self) -> Result<Option<Element>, Fault> {
        let expected = self.expected(None)?;
        let payload = self.payload()?;
        let bytes = collect(payload, expected, DOCUMENT_BYTES_MAX).await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| Fault::from(Code::MalformedXml))?;
        let root = Element::parse(text)
            .map_err(|error| Fault::new(Code::MalformedXml, error.to_string()))?;
        Ok(Some(root))
    }

    /// `If-None-Match: *` and `If-Match` of a request that stores an object.
    fn condition(&self) -> Result<Condition, Fault> {
        let absent = match self.head.header("if-none-match") {
            None => false,
            Some("*") => true,
            Some(_) => {
                return Err(Fault::new(
                    Code::NotImplemented,
                    "If-None-Match takes only * when an object is stored",
                ));
            }
        };
        let etag = self.head.header("if-match");
        Ok(Condition {
            absent,
            etag: etag.map(|etag| etag.trim_matches('"').to_owned()),
        })
    }
}

/// Does what the request asks.
pub(crate) async fn act(
    store: &Store,
    head: Head,
    caller: Caller,
    covered: Covered,
    body: &mut Incoming,
) -> Result<Answer, Fault> {
    refuse_what_is_not_offered(&head)?;
    let ask = Ask {
        store,
        head,
        caller,
        covered: Some(covered),
        body,
    };
    match (&ask.head.bucket, &ask.head.key) {
        (None, _) => on_service(ask),
        (Some(_), None) => on_bucket(ask).await,
        (Some(_), Some(_)) => on_object(ask).await,
    }
}

fn refuse_what_is_not_offered(head: &Head) -> Result<(), Fault> {
    let unknown = head.pairs().find(|(name, value)| {
        NOT_OFFERED.contains(name)
            || (value.is_empty() && !PARAMETERS.contains(name))
            || (*name == "versionId" && *value != "null")
    });
    match unknown {
        Some(_) => Err(Code::NotImplemented.into()),
        None => Ok(()),
    }
}

fn on_service(ask: Ask<'_>) -> Result<Answer, Fault> {
    match ask.head.method {
        Method::GET => buckets::list(&ask),
        _ => Err(Code::MethodNotAllowed.into()),
    }
}

async fn on_bucket(ask: Ask<'_>) -> Result<Answer, Fault> {
    let asks = |name| ask.head.asks(name);
    match ask.head.method {
        Method::GET if asks("location") => buckets::location(&ask),
        Method::GET if asks("acl") => acls::get_bucket(&ask),
        Method::GET if asks("uploads") => uploads::list(&ask).await,
        Method::GET => list::list(&ask).await,
        Method::HEAD => buckets::head(&ask),
        Method::PUT if asks("acl") => acls::put_bucket(ask).await,
        Method::PUT => buckets::create(ask).await,
        Method::DELETE => buckets::delete(&ask).await,
        Method::POST if asks("delete") => delete::many(ask).await,
        // A form upload.
        Method::POST => Err(Code::NotImplemented.into()),
        _ => Err(Code::MethodNotAllowed.into()),
    }
}

async fn on_object(ask: Ask<'_>) -> Result<Answer, Fault> {
    let asks = |name| ask.head.asks(name);
    let copies = ask.head.headers.contains_key("x-amz-copy-source");
    match ask.head.method {
        Method::GET if asks("acl") => acls::get_object(&ask).await,
        Method::GET if asks("attributes") => attributes::get(&ask).await,
        Method::GET if asks("uploadId") => parts::list(&ask).await,
        Method::GET | Method::HEAD => get::get(&ask).await,
        Method::PUT if asks("acl") => acls::put_object(ask).await,
        Method::PUT if asks("uploadId") && copies => parts::copy(&ask).await,
        Method::PUT if asks("uploadId") => parts::put(ask).await,
        Method::PUT if copies => copy::copy(&ask).await,
        Method::PUT => put::put(ask).await,
        Method::DELETE if asks("uploadId") => uploads::abort(&ask).await,
        Method::DELETE => delete::one(&ask).await,
        Method::POST if asks("uploads") => uploads::create(&ask).await,
        Method::POST if asks("uploadId") => complete::complete(ask).await,
        _ => Err(Code::MethodNotAllowed.into()),
    }
}
