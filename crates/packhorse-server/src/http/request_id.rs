//! A name for every request, for customers to quote and operators to find.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::HeaderName;
use tracing::Instrument;

/// The header of every answer; for the Query API its value is also in the body.
const HEADER: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The name of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// Names the request, logs it, and puts the name on the answer.
pub(crate) async fn name_request(mut request: Request, next: Next) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let header = HeaderValue::from_str(&id).expect("a UUID is visible ASCII");
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request.id = id, method = %request.method());
    async move {
        let begun = Instant::now();
        let mut answer = next.run(request).await;
        answer.headers_mut().insert(HEADER, header);
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(status = answer.status().as_u16(), duration_ms, "answered");
        answer
    }
    .instrument(span)
    .await
}
