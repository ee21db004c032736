//! An object store that knows buckets, their owners and objects, and can be out of order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::net::TcpListener;

/// The store; dropping it leaves its listener to the runtime's end.
#[derive(Clone, Default)]
pub(crate) struct FakeStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    owners: HashMap<String, String>,
    /// By `/bucket/key`.
    objects: HashMap<String, Bytes>,
    answer: Option<StatusCode>,
}

impl FakeStore {
    /// Listens; gives the endpoint.
    pub(crate) async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(judge).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    pub(crate) fn add_bucket(&self, bucket: &str, access_key_id: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner
            .owners
            .insert(bucket.to_owned(), access_key_id.to_owned());
    }

    /// An object, by `/bucket/key`.
    pub(crate) fn object(&self, path: &str) -> Option<Bytes> {
        self.inner.lock().unwrap().objects.get(path).cloned()
    }

    /// Puts an object there, or removes it.
    pub(crate) fn set_object(&self, path: &str, bytes: Option<Bytes>) {
        let mut inner = self.inner.lock().unwrap();
        match bytes {
            Some(bytes) => inner.objects.insert(path.to_owned(), bytes),
            None => inner.objects.remove(path),
        };
    }

    /// Answers everything with this status, or judges again.
    pub(crate) fn answer_with(&self, status: Option<StatusCode>) {
        self.inner.lock().unwrap().answer = status;
    }
}

async fn judge(State(store): State<FakeStore>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut inner = store.inner.lock().unwrap();
    if let Some(status) = inner.answer {
        return status.into_response();
    }
    let authorization = parts.headers.get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let path = parts.uri.path().to_owned();
    let bucket = path.trim_matches('/').split('/').next().unwrap();
    match inner.owners.get(bucket) {
        None => return StatusCode::NOT_FOUND.into_response(),
        Some(owner) if authorization.contains(&format!("Credential={owner}/")) => {}
        Some(_) => return StatusCode::FORBIDDEN.into_response(),
    }
    let etag = [("etag", "\"a\"")];
    match parts.method {
        Method::PUT => {
            inner.objects.insert(path, body);
            etag.into_response()
        }
        Method::GET => match inner.objects.get(&path) {
            Some(bytes) => (etag, bytes.clone()).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => StatusCode::OK.into_response(),
    }
}
