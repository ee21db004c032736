//! FAT12, FAT16 and FAT32, read only, straight from the bytes of the disk; and what exFAT shares
//! with them, the clusters and their table.
//!
//! The format is described in Microsoft's "FAT: General Overview of On-Disk Format" and ECMA-107. No
//! number from the disk is believed before it was held against the size of the volume, and a chain
//! of clusters that runs in a circle comes to an end.

mod boot;
pub(crate) mod clusters;
mod directory;
pub(crate) mod raw;
mod volume;

pub(crate) use boot::is_fat;
pub(crate) use volume::Fat;

use crate::volume::ReadError;

/// Damage, in words for a person.
pub(crate) fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}
