//! Hostile bytes end here: block sources, partition tables, file systems and folders.
//!
//! Everything a device can be is behind one interface, [`Volume`]: a listing of entries and ranged
//! reads of a file's bytes. Nothing here knows a network, a credential or a bucket, and nothing
//! here writes but [`erase`]. Start reading at [`open_device`].

mod block;
mod bytes;
mod cache;
mod contents;
mod crypt;
pub mod device;
mod disk;
pub mod erase;
mod exfat;
mod ext;
mod fat;
mod folder;
mod hfs;
mod image;
mod iso;
mod magic;
mod names;
mod ntfs;
mod pages;
mod partition;
mod path;
mod tree;
pub mod volume;
mod volumes;
mod xfs;

pub use crypt::{PayloadCipher, UNLOCK_MEMORY_BYTES, UNLOCK_TIME, Unlock};
pub use device::{Device, files_of, open_device, open_device_with};
pub use volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk, read_root_file};
