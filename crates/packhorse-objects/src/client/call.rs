//! The way of every request: put together, signed, sent, waited for, judged.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use jiff::Timestamp;
use packhorse_core::secret::Secret;
use packhorse_wire::desk::Credentials;
use packhorse_wire::sigv4::{AmzDate, Dialect, Payload, Scope, SignAs, SigningKey, sign_headers};

use super::body::{Body, Outgoing, Progress};
use super::{Client, Error, STALL_TIMEOUT};
use crate::clock;
use crate::digest::BodyDigest;
use crate::uri;
use crate::xml::Element;

/// The largest document is a listing of 1,000 keys of 1,024 bytes, each byte written as `%XX`:
/// about 4 MiB.
const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What an error answer may say.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// Room for the headers of a usual request without growing.
const HEADERS_USUAL: usize = 20;
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const REQUEST_ID: &str = "x-amz-request-id";
const PRODUCT: HeaderValue =
    HeaderValue::from_static(concat!("packhorse/", env!("CARGO_PKG_VERSION")));

/// A request before it has an address and a signature.
pub(super) struct Call<'a> {
    method: Method,
    bucket: Option<&'a str>,
    key: Option<&'a str>,
    query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl<'a> Call<'a> {
    pub(super) fn on_service(method: Method) -> Self {
        Self {
            method,
            bucket: None,
            key: None,
            query: String::new(),
            headers: HeaderMap::with_capacity(HEADERS_USUAL),
            body: Bytes::new(),
        }
    }

    pub(super) fn on_bucket(method: Method, bucket: &'a str) -> Self {
        Self {
            bucket: Some(bucket),
            ..Self::on_service(method)
        }
    }

    pub(super) fn on_object(method: Method, bucket: &'a str, key: &'a str) -> Self {
        Self {
            key: Some(key),
            ..Self::on_bucket(method, bucket)
        }
    }

    /// Adds to the query.
    pub(super) fn query(&mut self, name: &str, value: &str) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        uri::encode_query(name, &mut self.query);
        self.query.push('=');
        uri::encode_query(value, &mut self.query);
    }

    pub(super) fn header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.insert(name, value);
    }

    pub(super) fn constant_header(&mut self, name: &'static str, value: &'static str) {
        self.header(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }

    pub(super) fn text_header(&mut self, name: HeaderName, value: &str) -> Result<(), Error> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::Protocol(format!("{name} is not a header value")))?;
        self.header(name, value);
        Ok(())
    }

    /// Sends a small document, guarded like an object's body.
    pub(super) fn document(&mut self, document: Bytes) {
        content_md5(&mut self.headers, &BodyDigest::of(&document));
        self.constant_header("content-type", "application/xml");
        self.body = document;
    }
}

/// Guards a body; the header is signed, and the body needs no signature then.
pub(super) fn content_md5(headers: &mut HeaderMap, digest: &BodyDigest) {
    if let Ok(value) = HeaderValue::try_from(digest.content_md5()) {
        headers.insert(CONTENT_MD5, value);
    }
}

/// The key pair with what a signature of this second needs.
pub(super) struct Signer {
    access_key_id: String,
    secret: Secret,
    region: String,
    second: RwLock<Option<Arc<Second>>>,
}

/// What is the same for all requests of one second: its text, and the signing key of its day.
struct Second {
    second: i64,
    date: AmzDate,
    key: Arc<SigningKey>,
}

impl Signer {
    pub(super) fn new(credentials: &Credentials, region: &str) -> Self {
        Self {
            access_key_id: credentials.access_key_id.clone(),
            secret: credentials.secret_access_key.clone(),
            region: region.to_owned(),
            second: RwLock::new(None),
        }
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    fn sign(&self, method: &Method, path_and_query: (&str, &str), headers: &mut HeaderMap) {
        let second = self.second(clock::now());
        let signer = SignAs {
            access_key_id: &self.access_key_id,
            key: &second.key,
            dialect: Dialect::S3,
        };
        sign_headers(
            signer,
            method.as_str(),
            path_and_query,
            headers,
            Payload::Unsigned,
            &second.date,
        );
    }

    /// Deriving a key takes four HMACs, so it is kept for as long as it covers the date.
    fn second(&self, now: Timestamp) -> Arc<Second> {
        // One statement: the lock must be free again before the new second is written.
        let kept = self
            .second
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.second == now.as_second()) {
            return Arc::clone(kept);
        }
        let date = AmzDate::new(now);
        let key = match kept.filter(|kept| kept.key.covers(&date)) {
            Some(kept) => Arc::clone(&kept.key),
            None => {
                let scope = Scope::new(&date, &self.region, "s3");
                Arc::new(SigningKey::derive(&self.secret, scope))
            }
        };
        let second = Arc::new(Second {
            second: now.as_second(),
            date,
            key,
        });
        let mut kept = self.second.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Arc::clone(&second));
        second
    }
}

impl Client {
    pub(super) fn region(&self) -> &str {
        &self.shared.signer.region
    }

    /// Sends a request and gives the answer if it is a success; its body is still to be read.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Response<Incoming>, Error> {
        let answer = self.exchange(call).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(refusal(answer).await)
    }

    /// Sends a request and gives the answer, whatever it says; its body is still to be read.
    pub(super) async fn exchange(&self, call: Call<'_>) -> Result<Response<Incoming>, Error> {
        let (request, progress) = self.request(call)?;
        wait(self.shared.http.request(request), progress).await
    }

    /// Sends a request whose answer says nothing beyond success.
    pub(super) async fn send_for_nothing(&self, call: Call<'_>) -> Result<(), Error> {
        let answer = self.send(call).await?;
        self.discard(answer).await
    }

    /// Sends a request whose answer is a document. An error inside a 200 is an error.
    pub(super) async fn send_for_xml(&self, call: Call<'_>) -> Result<Element, Error> {
        let answer = self.send(call).await?;
        let (parts, body) = answer.into_parts();
        let root = parse(Body::new(body).collect(DOCUMENT_BYTES_MAX).await?)?;
        if root.name == "Error" {
            return Err(told(
                &root,
                parts.status.as_u16(),
                request_id(&parts.headers),
            ));
        }
        Ok(root)
    }

    /// Reads an answer to its end, so that its connection can be used again.
    pub(super) async fn discard(&self, answer: Response<Incoming>) -> Result<(), Error> {
        if answer.body().is_end_stream() {
            return Ok(());
        }
        Body::new(answer.into_body())
            .collect(ERROR_BYTES_MAX)
            .await?;
        Ok(())
    }

    fn request(&self, call: Call<'_>) -> Result<(Request<Outgoing>, Progress), Error> {
        let endpoint = &self.shared.endpoint;
        let target = match call.bucket {
            Some(bucket) => endpoint.bucket(bucket, call.key)?,
            None => endpoint.service(),
        };
        let uri = endpoint.uri(&target, &call.query)?;
        let mut headers = call.headers;
        let host = HeaderValue::from_str(&target.host)
            .map_err(|_| Error::Endpoint("the host is not a header value"))?;
        headers.insert(HOST, host);
        let path_and_query = (target.path.as_str(), call.query.as_str());
        self.shared
            .signer
            .sign(&call.method, path_and_query, &mut headers);
        headers.insert(USER_AGENT, PRODUCT);
        let (body, progress) = Outgoing::new(call.body);
        let mut request = Request::new(body);
        *request.method_mut() = call.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok((request, progress))
    }
}

/// Waits for the head of the answer for as long as bytes are being sent, and no longer than
/// [`STALL_TIMEOUT`] without.
async fn wait(
    mut pending: hyper_util::client::legacy::ResponseFuture,
    progress: Progress,
) -> Result<Response<Incoming>, Error> {
    let mut sent = progress.sent();
    loop {
        match tokio::time::timeout(STALL_TIMEOUT, &mut pending).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => return Err(Error::Transport(Box::new(error))),
            Err(_) if progress.sent() == sent => return Err(Error::Timeout),
            Err(_) => sent = progress.sent(),
        }
    }
}

/// What an answer without success says.
async fn refusal(answer: Response<Incoming>) -> Error {
    let (parts, body) = answer.into_parts();
    let status = parts.status;
    let request_id = request_id(&parts.headers);
    let document = Body::new(body)
        .collect(ERROR_BYTES_MAX)
        .await
        .and_then(parse);
    match document {
        Ok(root) if root.name == "Error" => told(&root, status.as_u16(), request_id),
        // What broke off may have been any word: the request is sent again rather than judged by its
        // status alone.
        Err(broken @ (Error::Transport(_) | Error::Timeout)) => broken,
        _ => Error::Response {
            status: status.as_u16(),
            code: Error::code_of(status).to_owned(),
            message: "no more was said".to_owned(),
            request_id,
        },
    }
}

fn told(root: &Element, status: u16, request_id: Option<String>) -> Error {
    let text = |name| root.text_of(name).unwrap_or_default().to_owned();
    Error::Response {
        status,
        code: text("Code"),
        message: text("Message"),
        request_id: root.text_of("RequestId").map(str::to_owned).or(request_id),
    }
}

fn parse(document: Bytes) -> Result<Element, Error> {
    let document = std::str::from_utf8(&document)
        .map_err(|_| Error::Protocol("the document is not UTF-8".to_owned()))?;
    Element::parse(document).map_err(|error| Error::Protocol(error.to_string()))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(REQUEST_ID)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_kept_until_the_next_and_a_key_for_its_day() {
        let credentials = Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: Secret::new("secret"),
        };
        let signer = Signer::new(&credentials, "us-east-1");
        let at = |second| signer.second(Timestamp::from_second(second).unwrap());
        let (first, again, next, tomorrow) = (at(10), at(10), at(11), at(86_400));
        assert!(Arc::ptr_eq(&first, &again));
        assert!(Arc::ptr_eq(&first.key, &next.key));
        assert_eq!(next.date.as_str(), "19700101T000011Z");
        assert!(!next.key.covers(&tomorrow.date) && tomorrow.key.covers(&tomorrow.date));
    }
}
