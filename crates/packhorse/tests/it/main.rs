//! The executable as its users meet it: every test runs the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "clippy spares unit tests only: outside them, what is beside a test is linted too"
)]

mod account;
mod configuration;
mod curl;
mod device;
mod help;
mod job;
mod look;
mod manifest;
mod quickstart;
mod serve;
mod station;
mod support;
