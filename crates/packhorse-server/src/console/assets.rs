//! Style and script: one file each, with a name that says what is in it, so that browsers keep them
//! for good and never have an old one.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest, Sha256};

/// Letters of a digest in a name.
const DIGEST_LETTERS: usize = 12;

/// A file of the console itself.
struct Asset {
    text: &'static str,
    content_type: &'static str,
    name: LazyLock<String>,
}

static STYLE: Asset = Asset {
    text: include_str!("static/console.css"),
    content_type: "text/css; charset=utf-8",
    name: LazyLock::new(|| name(include_str!("static/console.css"), "css")),
};
static SCRIPT: Asset = Asset {
    text: include_str!("static/console.js"),
    content_type: "text/javascript; charset=utf-8",
    name: LazyLock::new(|| name(include_str!("static/console.js"), "js")),
};
static ICON: Asset = Asset {
    text: include_str!("static/icon.svg"),
    content_type: "image/svg+xml",
    name: LazyLock::new(|| name(include_str!("static/icon.svg"), "svg")),
};

fn name(text: &str, kind: &str) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
    let digest: String = digest.chars().take(DIGEST_LETTERS).collect();
    format!("{digest}.{kind}")
}

/// Where a page finds the style.
pub(super) fn style() -> String {
    format!("/console/static/{}", *STYLE.name)
}

/// Where a page finds the script.
pub(super) fn script() -> String {
    format!("/console/static/{}", *SCRIPT.name)
}

/// Where a page finds the icon.
pub(super) fn icon() -> String {
    format!("/console/static/{}", *ICON.name)
}

/// The file of this name.
pub(super) fn find(name: &str) -> Option<Response> {
    let assets = [&STYLE, &SCRIPT, &ICON];
    let found = assets.into_iter().find(|asset| *asset.name == name)?;
    let headers = [
        (CONTENT_TYPE, found.content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((headers, found.text).into_response())
}
