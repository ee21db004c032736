//! Pages as answers, with what browsers must and must not do with them.

use axum::response::{IntoResponse, Redirect, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use maud::Markup;

/// Everything comes from us; nothing inline runs or styles; nobody frames a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What every page carries. Pages are personal: nothing on the way may keep one. The referrer stays
/// here, but is sent to us, or browsers would not say where a form comes from.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "same-origin"),
    (OPENER_POLICY, "same-origin"),
    (
        PERMISSIONS_POLICY,
        "camera=(), microphone=(), geolocation=()",
    ),
    (CACHE_CONTROL, "private, no-store"),
];

/// A page, or a piece of one.
pub(super) fn html(status: StatusCode, markup: Markup) -> Response {
    let content_type = [(CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, HEADERS, content_type, markup.into_string()).into_response()
}

/// JSON for our own script.
pub(super) fn json(value: &serde_json::Value) -> Response {
    let content_type = [(CONTENT_TYPE, "application/json")];
    (HEADERS, content_type, value.to_string()).into_response()
}

/// A short text for our own script.
pub(super) fn text(status: StatusCode, text: &'static str) -> Response {
    (status, HEADERS, text).into_response()
}

/// Go there, and GET it.
pub(super) fn go(path: &str) -> Response {
    (HEADERS, Redirect::to(path)).into_response()
}

/// The same answer with a cookie.
pub(super) fn with_cookie(mut answer: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(SET_COOKIE, value);
    }
    answer
}
