//! The server's public face: real connections, real signatures, a real database.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy spares unit tests only: outside them, what is beside a test is linted too"
)]

mod actions;
mod artifacts;
mod buckets;
mod console;
mod desk;
mod edge;
mod exceptions;
mod faults;
mod framework;
mod harness;
mod kinds;
mod labels;
mod limits;
mod object_store;
mod parcels;
mod updates;
