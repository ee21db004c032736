//! Pages that say no, and why.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::html;
use packhorse_wire::fault::{Fault, FaultCode};

use super::layout::{Frame, notice};
use super::session::Session;
use super::{answer, words};

/// A page that says why there is no other.
pub(super) fn page(session: Option<&Session>, status: StatusCode, why: &str) -> Response {
    let frame = Frame {
        title: title(status),
        session,
        ..Frame::default()
    };
    let contents = html! {
        h1 { (title(status)) }
        (notice("error", html! { p { (why) } }))
        p { a href="/console/" { "Back to the start" } }
    };
    answer::html(status, frame.page(contents))
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::SERVICE_UNAVAILABLE => "Busy",
        StatusCode::INTERNAL_SERVER_ERROR => "Something failed",
        _ => "That did not work",
    }
}

/// A page that says why an action was refused.
pub(super) fn fault(session: &Session, fault: &Fault) -> Response {
    let (status, why) = said(fault);
    page(Some(session), status, &why)
}

/// What a fault of an action is to a person.
pub(super) fn said(fault: &Fault) -> (StatusCode, String) {
    let status = StatusCode::from_u16(fault.code().status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match fault.code() {
        FaultCode::InvalidJobId => (StatusCode::NOT_FOUND, fault.message().to_owned()),
        FaultCode::ServiceUnavailable => (status, words::BUSY.to_owned()),
        _ if status.is_server_error() => (status, words::BROKEN.to_owned()),
        _ => (status, fault.message().to_owned()),
    }
}

/// Why a request got no further than the door.
pub(super) enum NoEntry {
    /// This page instead.
    Page(Box<Response>),
    /// The database is busy.
    Busy,
    /// Something broke inside.
    Broken,
}

impl From<Response> for NoEntry {
    fn from(page: Response) -> Self {
        Self::Page(Box::new(page))
    }
}

impl IntoResponse for NoEntry {
    fn into_response(self) -> Response {
        match self {
            Self::Page(page) => *page,
            Self::Busy => page(None, StatusCode::SERVICE_UNAVAILABLE, words::BUSY),
            Self::Broken => page(None, StatusCode::INTERNAL_SERVER_ERROR, words::BROKEN),
        }
    }
}
