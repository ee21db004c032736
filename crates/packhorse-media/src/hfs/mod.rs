//! HFS+ and HFSX, the file systems of the Mac before APFS, read only, straight from the bytes of
//! the disk.
//!
//! The format is described in Apple's Technical Note TN1150. No number from the disk is believed
//! before it was held against what the volume can hold.
//!
//! [`volume`] is the outer face. Everything is found through two trees of sorted records
//! ([`btree`]): the [`catalog`] has names, and the extents of a fork in more than eight pieces are in
//! the other ([`fork`]). The [`journal`] of a disk that was not ejected is replayed in memory.

mod btree;
mod catalog;
mod filesystem;
mod fork;
mod header;
mod journal;
mod volume;

pub(crate) use header::is_hfs;
pub(crate) use volume::Hfs;

use crate::volume::ReadError;

/// Damage, in words for a person.
fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}
