//! The public face of the room, on real images made by the file systems' own tools.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may stop at what it did not expect; clippy.toml frees only test functions"
)]

mod conformance;
mod containers;
mod crafted;
mod crypt;
mod damage;
mod ext;
mod hfs;
mod hostile;
mod images;
mod iso;
mod journal;
mod mutation;
mod partitions;
mod tree;
mod xfs;
