//! exFAT, read only, straight from the bytes of the disk.
//!
//! The format is described in Microsoft's "exFAT file system specification". Clusters and their
//! table are those of [`crate::fat`]; boot sector, directories and names are its own.

mod boot;
mod directory;
mod volume;

pub(crate) use boot::is_exfat;
pub(crate) use volume::ExFat;
