//! XFS, read only, straight from the bytes of the disk.
//!
//! The format is described in the kernel project's "XFS Algorithms & Data Structures". Version 5
//! with its checksums, which are verified before anything is believed, and version 4. A volume whose
//! log was not replayed is refused with advice, as is one with its log or files on another device.
//!
//! [`volume`] is the outer face; [`superblock`] and [`inode`] are found by number, [`extents`] find a
//! file's blocks, [`directory`] lists names, and [`log`] tells whether the volume was unmounted.

mod directory;
mod extents;
mod inode;
mod log;
mod superblock;
mod volume;

pub(crate) use superblock::is_xfs;
pub(crate) use volume::Xfs;

use crate::bytes::le32;
use crate::volume::ReadError;

/// Damage, in words for a person.
fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}

/// Whether the checksum that stands at `at`, and counts as zeros itself, is right.
fn sum_is_right(bytes: &[u8], at: usize) -> bool {
    let mut copy = bytes.to_vec();
    let Some(own) = copy.get_mut(at..at + 4) else {
        return false;
    };
    own.fill(0);
    crc_fast::crc32_iscsi(&copy) == le32(bytes, at)
}
