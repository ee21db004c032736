//! Which request goes where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use http::header::{ACCEPT, CONNECTION};
use http::{HeaderValue, Method};
use tokio_util::sync::CancellationToken;

use super::{Bodies, health, request_id};
use crate::context::Context;
use crate::{api, artifacts, console, desk};

/// The Query API takes whatever no other route does, since its clients may have any path prefix.
/// Once `stopping` is done, clients are sent elsewhere.
pub(super) fn router(context: Context, stopping: CancellationToken) -> Router {
    let bodies = Bodies::new();
    let health = health::Health::new(context.clone(), stopping.clone());
    let edge = Arc::new(api::Edge::new(context.clone(), bodies.clone()));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(health))
        .merge(console::router(context.clone(), bodies.clone()))
        .route("/artifacts/", any(artifacts::nothing_here))
        .nest("/artifacts", artifacts::router(context.clone()))
        .nest("/desk/v1", desk::router(context, bodies))
        .fallback(query_api)
        .with_state(edge)
        .layer(axum::middleware::from_fn_with_state(stopping, close))
        .layer(axum::middleware::from_fn(request_id::name_request))
}

/// A server that is about to stop keeps no connection: the next request finds another one.
async fn close(
    State(stopping): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    let mut answer = next.run(request).await;
    if stopping.is_cancelled() {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(CONNECTION, close);
    }
    answer
}

async fn query_api(State(edge): State<Arc<api::Edge>>, request: Request) -> Response {
    if is_browser(&request) {
        return Redirect::to("/console/").into_response();
    }
    edge.answer(request).await
}

/// Whether a person looks at the root: they want a page, and no action is asked for.
fn is_browser(request: &Request) -> bool {
    let uri = request.uri();
    let wants_page = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let is_root = request.method() == Method::GET && uri.path() == "/";
    is_root && wants_page && !uri.query().unwrap_or_default().contains('=')
}
