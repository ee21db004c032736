//! The client's side: makes the header or the query that carries a signature.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::{ALGORITHM, AmzDate, Dialect, Payload, Request, Signature, SigningKey, payload};
use crate::percent;

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static(payload::HEADER);
/// Headers that a proxy or the HTTP library may add or change on the way.
const NEVER_SIGNED: [&str; 10] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "te",
    "trailer",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// Who signs, and how.
#[derive(Clone, Copy, Debug)]
pub struct SignAs<'a> {
    /// The public half of the key pair.
    pub access_key_id: &'a str,
    /// Made of the secret half; it must [cover](SigningKey::covers) the date.
    pub key: &'a SigningKey,
    /// For which kind of service.
    pub dialect: Dialect,
}

/// Signs in the header form: sets `x-amz-date`, for S3 `x-amz-content-sha256`, and
/// `authorization`. Every header in `headers` is signed, but those that may change on the way.
///
/// `headers` must have `host`; `path` and `query` are as they will be sent. The signature is
/// returned for the [`ChunkChain`](super::ChunkChain) of an `aws-chunked` body.
pub fn sign_headers(
    signer: SignAs<'_>,
    method: &str,
    (path, query): (&str, &str),
    headers: &mut HeaderMap,
    payload: Payload,
    date: &AmzDate,
) -> Signature {
    headers.insert(DATE, header_value(date.as_str()));
    if signer.dialect == Dialect::S3 {
        headers.insert(CONTENT_SHA256, header_value(&payload.to_text()));
    }
    headers.remove(AUTHORIZATION);
    let request = Request {
        method,
        path,
        query,
        headers,
    };
    let names = signable(headers);
    let digest = request
        .digest(&request.usual(signer.dialect), &names, payload)
        .expect("the names were taken from the headers");
    let signature = sign_digest(signer.key, date, &digest);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={}",
        signer.access_key_id,
        signer.key.scope().as_str(),
        names.join(";"),
        signature.to_hex()
    );
    let authorization = HeaderValue::try_from(authorization);
    headers.insert(AUTHORIZATION, authorization.unwrap_or_else(|_| empty()));
    signature
}

/// Makes the query of a presigned URL out of `query`; only `host` is signed, and for S3 the body
/// is left unsigned.
pub fn presign(
    signer: SignAs<'_>,
    method: &str,
    host: &str,
    (path, query): (&str, &str),
    date: &AmzDate,
    lifetime_seconds: u32,
) -> String {
    let credential = format!("{}/{}", signer.access_key_id, signer.key.scope().as_str());
    let lead = if query.is_empty() { "" } else { "&" };
    let mut full = format!(
        "{query}{lead}X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={}\
         &X-Amz-Expires={lifetime_seconds}&X-Amz-SignedHeaders=host",
        percent::encode_component(credential.as_bytes()),
        date.as_str(),
    );
    let headers = HeaderMap::from_iter([(HeaderName::from_static("host"), header_value(host))]);
    let payload = match signer.dialect {
        Dialect::S3 => Payload::Unsigned,
        Dialect::Query => Payload::of(b""),
    };
    let request = Request {
        method,
        path,
        query: &full,
        headers: &headers,
    };
    let digest = request
        .digest(&request.usual(signer.dialect), &["host"], payload)
        .expect("host was set above");
    let signature = sign_digest(signer.key, date, &digest);
    full.push_str("&X-Amz-Signature=");
    full.push_str(&signature.to_hex());
    full
}

/// The signature over the string to sign.
pub(super) fn sign_digest(key: &SigningKey, date: &AmzDate, digest: &str) -> Signature {
    let scope = key.scope().as_str().as_bytes();
    key.sign_lines(&[
        ALGORITHM.as_bytes(),
        date.as_str().as_bytes(),
        scope,
        digest.as_bytes(),
    ])
}

/// The names to sign, sorted.
fn signable(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<&str> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| !NEVER_SIGNED.contains(name))
        .collect();
    names.sort_unstable();
    names
}

/// A header value; a text that cannot be one (an access key id with control characters) becomes
/// empty, so that the server refuses the request.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| empty())
}

fn empty() -> HeaderValue {
    HeaderValue::from_static("")
}
