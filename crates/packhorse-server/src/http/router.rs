//! Which request goes where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use http::Method;
use http::header::ACCEPT;

use super::{Bodies, console, health, request_id};
use crate::context::Context;
use crate::{api, artifacts, desk};

/// The Query API takes whatever no other route does, since its clients may have any path prefix.
pub(super) fn router(context: Context) -> Router {
    let bodies = Bodies::new();
    let health = health::Health::new(context.clone());
    let edge = Arc::new(api::Edge::new(context.clone(), bodies.clone()));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready).with_state(health))
        .route("/console", get(console::to_page))
        .route("/console/", get(console::page))
        .route("/artifacts/", any(artifacts::nothing_here))
        .nest("/artifacts", artifacts::router(context.clone()))
        .nest("/desk/v1", desk::router(context, bodies))
        .fallback(query_api)
        .with_state(edge)
        .layer(axum::middleware::from_fn(request_id::name_request))
}

async fn query_api(State(edge): State<Arc<api::Edge>>, request: Request) -> Response {
    if is_browser(&request) {
        return console::to_page().await;
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
