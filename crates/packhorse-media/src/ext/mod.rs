//! ext2, ext3 and ext4, read only, straight from the bytes of the disk.
//!
//! The format is described in the kernel's documentation, "ext4 Data Structures and Algorithms".
//! No number read from the disk is believed: each is held against what the device can hold before
//! it sizes, indexes or bounds anything. With `metadata_csum` every structure's checksum is verified
//! before it is used. Damage ends one entry or one directory block, not the listing.
//!
//! [`volume`] is the outer face; [`filesystem`] puts the parts together: [`superblock`], [`groups`],
//! [`inode`], the two ways of finding a file's blocks ([`extents`], [`block_map`]), contents within
//! the inode ([`inline`]), [`directory`], and the [`journal`] of a disk that was not unmounted.

mod block_map;
mod blocks;
mod checksum;
mod directory;
mod extents;
mod filesystem;
mod groups;
mod inline;
mod inode;
mod journal;
mod reader;
mod superblock;
mod volume;

pub(crate) use superblock::is_ext;
pub(crate) use volume::Ext;

use crate::volume::ReadError;

/// Damage, in words for a person.
fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}
