//! The recorded requests: exact bytes in `golden/*.http`, what is known of each in `index.json`.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use packhorse_core::secret::Secret;
use packhorse_wire::authenticate::{AuthError, Claim};
use packhorse_wire::query::Call;
use serde::Deserialize;

/// What the index says of one recording.
#[derive(Debug, Deserialize)]
pub(crate) struct Capture {
    pub(crate) file: String,
    pub(crate) client: String,
    pub(crate) method: String,
    pub(crate) signature_version: String,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<String>,
    pub(crate) session_token: Option<String>,
    pub(crate) request_time: Timestamp,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) wire_order: Vec<String>,
    pub(crate) verifies: bool,
    pub(crate) signed_headers: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    captures: Vec<Capture>,
}

/// Everything the index lists.
pub(crate) fn all() -> Vec<Capture> {
    let index: Index = serde_json::from_slice(&golden("index.json")).unwrap();
    index.captures
}

fn golden(file: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    std::fs::read(format!("{folder}/{file}")).unwrap()
}

/// A request taken apart, owned, so that a test can spoil it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Capture {
    /// The request as it was sent.
    pub(crate) fn read(&self) -> Recorded {
        let bytes = golden(&self.file);
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let request_line: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let [method, target, "HTTP/1.1"] = request_line[..] else {
            panic!("{}: {request_line:?}", self.file);
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let value = HeaderValue::from_str(value.trim()).unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value);
        }
        let body = &bytes[end + 4..];
        let length = headers
            .get("content-length")
            .map_or("0", |value| value.to_str().unwrap());
        let body = body[..length.parse().unwrap()].to_vec();
        Recorded {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers,
            body,
        }
    }

    /// What a server at the time of the request would have said to it.
    pub(crate) fn outcome(&self, request: &Recorded) -> Result<(), Refused> {
        let call = request.call();
        let parameters = call.parameters().map_err(|_| Refused::Unreadable)?;
        let claim = Claim::find(&call, &parameters).map_err(Refused::Unsigned)?;
        let known = self.access_key_id.as_deref() == Some(claim.access_key_id());
        let secret = self
            .secret_access_key
            .as_ref()
            .filter(|_| known)
            .map(Secret::new);
        claim
            .verify(&call, &parameters, secret.as_ref(), self.request_time)
            .map_err(Refused::Unsigned)?;
        assert_eq!(
            claim.security_token(),
            self.session_token.as_deref(),
            "{}",
            self.file
        );
        Ok(())
    }
}

/// Why a server would not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Unreadable,
    Unsigned(AuthError),
}

impl Recorded {
    /// As the server sees it.
    pub(crate) fn call(&self) -> Call<'_> {
        Call {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        }
    }
}
