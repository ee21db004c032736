//! Whose key signed a request.

use async_trait::async_trait;
use packhorse_core::secret::Secret;
use packhorse_wire::authenticate::AuthError;
use packhorse_wire::sigv4::{Dialect, Payload, Presented, Request};

use super::fault::{Code, Fault, auth_fault};
use super::head::Head;
use super::payload::Covered;
use crate::clock;

/// The account behind an access key.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Whose buckets it may use.
    pub account: String,
    /// What its requests are signed with.
    pub secret: Secret,
    /// A disabled key is refused like one that does not exist.
    pub enabled: bool,
}

/// Why a key could not be looked up; the request is answered with 503.
pub type Unavailable = Box<dyn std::error::Error + Send + Sync>;

/// Knows the access keys. It is asked for every signed request, so a slow one should remember.
#[async_trait]
pub trait Keys: Send + Sync + 'static {
    /// The owner of a key; `None` when there is no such key.
    async fn find(&self, access_key_id: &str) -> Result<Option<Owner>, Unavailable>;
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Absent when the request is not signed.
    pub(crate) account: Option<String>,
}

impl Caller {
    /// The account; anonymous requests are denied.
    pub(crate) fn account(&self) -> Result<&str, Fault> {
        self.account
            .as_deref()
            .ok_or_else(|| Code::AccessDenied.into())
    }
}

/// Finds out who asks and how the body is covered. A wrong signature is refused; none at all is an
/// anonymous request.
pub(crate) async fn identify(head: &Head, keys: &dyn Keys) -> Result<(Caller, Covered), Fault> {
    let request = Request {
        method: head.method.as_str(),
        path: &head.path,
        query: &head.raw_query,
        headers: &head.headers,
    };
    let in_query = head.asks("X-Amz-Signature") || head.asks("X-Amz-Algorithm");
    let refuse = |error: AuthError| auth_fault(&error, in_query);
    let Some(presented) = Presented::find(&request).map_err(refuse)? else {
        return anonymous(head);
    };
    if presented.security_token().is_some() {
        return Err(Fault::new(
            Code::NotImplemented,
            "temporary credentials are not supported",
        ));
    }
    let presigned = presented.is_presigned();
    let cover = Payload::claimed(&head.headers, presigned).map_err(refuse)?;
    let owner = keys
        .find(presented.access_key_id())
        .await
        .map_err(|error| {
            tracing::error!(%error, "could not look an access key up");
            Fault::from(Code::ServiceUnavailable)
        })?
        .filter(|owner| owner.enabled)
        .ok_or_else(|| Fault::from(Code::InvalidAccessKeyId))?;
    let verified = presented
        .verify(&request, Dialect::S3, cover, &owner.secret, clock::now())
        .map_err(refuse)?;
    let caller = Caller {
        account: Some(owner.account),
    };
    let signed_chunks = matches!(cover, Payload::SignedChunks | Payload::SignedChunksTrailer);
    let chain = signed_chunks.then(|| verified.into_chunk_chain());
    Ok((caller, Covered { cover, chain }))
}

fn anonymous(head: &Head) -> Result<(Caller, Covered), Fault> {
    // Among them the presigned URLs of Signature Version 2.
    let other_scheme = head.headers.contains_key(http::header::AUTHORIZATION)
        || (head.asks("AWSAccessKeyId") && head.asks("Signature"));
    if other_scheme {
        return Err(Fault::new(
            Code::InvalidRequest,
            "The authorization mechanism you have provided is not supported. \
             Please use AWS4-HMAC-SHA256.",
        ));
    }
    let cover = match Payload::claimed(&head.headers, true) {
        Ok(cover @ (Payload::Unsigned | Payload::Sha256(_) | Payload::UnsignedChunksTrailer)) => {
            cover
        }
        // Chunks cannot be signed without a key.
        Ok(Payload::SignedChunks | Payload::SignedChunksTrailer) => {
            return Err(Code::AccessDenied.into());
        }
        Err(error) => return Err(auth_fault(&error, false)),
    };
    Ok((Caller { account: None }, Covered { cover, chain: None }))
}
