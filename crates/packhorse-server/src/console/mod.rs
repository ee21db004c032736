//! The console: pages for people. Customers create and follow jobs, operators receive and return
//! devices.
//!
//! Pages are made on the server and work without a script; the one script there is saves reloads.
//! The console knows no rules of its own: it calls what the API's actions and the desk call. What is
//! common to all pages is in [`enter`]: who asks, and whether a form is ours.

mod answer;
mod assets;
mod dock;
mod enter;
mod form;
mod jobs;
mod layout;
mod refusal;
mod session;
mod sign_in;
mod units;
mod words;

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::StatusCode;

use crate::context::Context;
use crate::http::Bodies;
use crate::throttle::Throttle;

/// Attempts to sign in under one name in a second: more than a person types.
const TRIES_PER_SECOND: NonZeroU32 = NonZeroU32::new(4).expect("4 is not 0");

/// The console's side of the server.
struct Console {
    context: Context,
    bodies: Bodies,
    /// Attempts to sign in.
    tries: Throttle,
}

impl Console {
    /// Whether browsers reach us by TLS.
    fn is_secure(&self) -> bool {
        self.context.settings.public_url.starts_with("https:")
    }
}

type Here = State<Arc<Console>>;

/// A route of a customer's page.
macro_rules! customer {
    ($method:ident, $page:path) => {
        $method(async |State(console): Here, request: Request| {
            console
                .as_customer(request, async |visit| $page(&console, visit).await)
                .await
        })
    };
}

/// A route of an operator's page.
macro_rules! operator {
    ($method:ident, $page:path) => {
        $method(async |State(console): Here, request: Request| {
            console
                .as_operator(request, async |visit| $page(&console, visit).await)
                .await
        })
    };
}

/// The routes below `/console`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(
    context: Context,
    bodies: Bodies,
) -> Router<S> {
    let console = Arc::new(Console {
        context,
        bodies,
        tries: Throttle::new(TRIES_PER_SECOND),
    });
    let customers = Router::new()
        .route("/console/jobs", customer!(get, jobs::list::page))
        .route(
            "/console/jobs/new",
            customer!(get, jobs::new::page).merge(customer!(post, jobs::new::send)),
        )
        .route("/console/jobs/sync", customer!(post, jobs::new::sync))
        .route("/console/jobs/{id}", customer!(get, jobs::job::page))
        .route("/console/jobs/{id}/live", customer!(get, jobs::job::live))
        .route(
            "/console/jobs/{id}/edit",
            customer!(get, jobs::edit::page).merge(customer!(post, jobs::edit::send)),
        )
        .route(
            "/console/jobs/{id}/cancel",
            customer!(post, jobs::change::cancel),
        )
        .route(
            "/console/jobs/{id}/unlock",
            customer!(post, jobs::change::unlock),
        )
        .route(
            "/console/jobs/{id}/report",
            customer!(get, jobs::report::page),
        )
        .route(
            "/console/jobs/{id}/report.csv",
            customer!(get, jobs::report::download),
        );
    let operators = Router::new()
        .route("/console/dock/", operator!(get, dock::scan::page))
        .route("/console/dock/find", operator!(get, dock::scan::find))
        .route("/console/dock/board", operator!(get, dock::board::page))
        .route(
            "/console/dock/board/live",
            operator!(get, dock::board::live),
        )
        .route("/console/dock/jobs/{id}", operator!(get, dock::job::page))
        .route(
            "/console/dock/jobs/{id}/live",
            operator!(get, dock::job::live),
        )
        .route(
            "/console/dock/jobs/{id}/receive",
            operator!(post, dock::change::receive),
        )
        .route(
            "/console/dock/jobs/{id}/return",
            operator!(post, dock::change::send_back),
        )
        .route(
            "/console/dock/jobs/{id}/abort",
            operator!(post, dock::change::give_up),
        );
    Router::new()
        .route("/console", get(async || answer::go("/console/")))
        .route("/console/dock", get(async || answer::go("/console/dock/")))
        .route("/console/", get(sign_in::page).post(sign_in::send))
        .route(
            "/console/dock/sign-in",
            get(sign_in::dock_page).post(sign_in::dock_send),
        )
        .route("/console/sign-out", post(sign_in::out))
        .route("/console/static/{name}", get(asset))
        .merge(customers)
        .merge(operators)
        .route("/console/{*rest}", any(nothing_here))
        .with_state(console)
}

async fn asset(Path(name): Path<String>) -> Response {
    match assets::find(&name) {
        Some(asset) => asset,
        None => nothing_here().await,
    }
}

async fn nothing_here() -> Response {
    refusal::page(None, StatusCode::NOT_FOUND, words::NOT_FOUND)
}
