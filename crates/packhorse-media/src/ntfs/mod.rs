//! NTFS, read only, straight from the bytes of the disk.
//!
//! The format is described in the documentation of the Linux-NTFS project. No number from the disk
//! is believed before it was held against what the volume can hold. The log of an NTFS that was not
//! unmounted is not replayed: the volume is read as it lies, as by other readers than Windows.
//!
//! [`volume`] is the outer face. Everything is a file in a table of records ([`mft`], [`record`]);
//! what a record holds are attributes, small ones in it and large ones in [`runs`] of clusters
//! ([`stream`]), compressed or not ([`compressed`]); a directory is an [`index`].

mod boot;
mod compressed;
mod file;
mod index;
mod lznt1;
mod mft;
mod record;
mod runs;
mod stream;
mod volume;

pub(crate) use boot::is_ntfs;
pub(crate) use volume::Ntfs;

use crate::volume::ReadError;

/// Damage, in words for a person.
fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}
