//! Hostile bytes end here: block sources, partition tables, file systems and folders.
//!
//! Everything a device can be is behind one interface, [`Volume`]: a listing of entries and ranged
//! reads of a file's bytes. Nothing here knows a network, a credential or a bucket.

pub mod volume;

pub use volume::{Entry, FileReader, MediaError, ReadError, Volume, Walk};
