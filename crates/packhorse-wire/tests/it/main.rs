//! The room's public face, driven by recorded requests of real clients.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may, but clippy knows only the functions marked as tests"
)]

mod capture;
mod captures;
