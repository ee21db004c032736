//! An object store that knows buckets and their owners, and can be out of order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use tokio::net::TcpListener;

/// The store; dropping it leaves its listener to the runtime's end.
#[derive(Clone, Default)]
pub(crate) struct FakeStore {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    owners: HashMap<String, String>,
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

    /// Answers everything with this status, or judges again.
    pub(crate) fn answer_with(&self, status: Option<StatusCode>) {
        self.inner.lock().unwrap().answer = status;
    }
}

async fn judge(State(store): State<FakeStore>, request: Request) -> StatusCode {
    let inner = store.inner.lock().unwrap();
    if let Some(status) = inner.answer {
        return status;
    }
    let authorization = request.headers().get("authorization");
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    match inner.owners.get(request.uri().path().trim_matches('/')) {
        None => StatusCode::NOT_FOUND,
        Some(owner) if authorization.contains(&format!("Credential={owner}/")) => StatusCode::OK,
        Some(_) => StatusCode::FORBIDDEN,
    }
}
