//! The pure words and rules of Packhorse: ids, manifests, job states, the SIGNATURE file, the
//! mapping from a path on a device to an object key, and the rows of a report.
//!
//! Nothing here does I/O, reads a clock or draws randomness: time and random bytes are arguments.
//! Start reading at [`manifest`] for what a customer says and at [`job`] for what may happen to it.

pub mod bucket;
pub mod characters;
pub mod event;
pub mod export;
pub mod id;
pub mod job;
pub mod ledger;
pub mod manifest;
pub mod mapping;
pub mod secret;
pub mod serial;
pub mod signature_file;
pub mod size;
