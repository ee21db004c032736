//! The engine against the embedded store over TCP, whole and under faults.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail it"
)]

mod bad_disk;
mod bench_of_one;
mod exports;
mod faults;
mod folders;
mod made_up;
mod model;
mod options;
mod panics;
mod rehearsal;
mod resume;
mod takeover;
