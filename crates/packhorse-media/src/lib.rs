//! Hostile bytes end here: block sources, partition tables, file systems and folders.
//!
//! Everything a device can be is behind one interface, [`Volume`]: a listing of entries and ranged
//! reads of a file's bytes. Nothing here knows a network, a credential or a bucket, and nothing
//! here writes. Start reading at [`open_device`].

mod block;
mod bytes;
pub mod device;
mod disk;
mod ext;
mod folder;
mod magic;
mod partition;
mod path;
pub mod volume;

pub use device::{Device, open_device};
pub use volume::{Entry, FileReader, MediaError, ReadError, Volume, Walk, read_root_file};
