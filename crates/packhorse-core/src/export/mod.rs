//! From an object to a file on a customer's device: which name it gets, what a device has room
//! for, and how the next device goes on.
//!
//! Pure functions of the manifest, the key and numbers: the same input gives the same paths on every
//! station. Rules: guide pages "ManagingFileExports", "recoveryDirectory", "WorkingSubstitutions",
//! "CHAP_GuideAndLimit".

mod layout;
mod name;
mod next;
mod selection;
mod sidecar;
mod space;
#[cfg(test)]
mod tests;

pub use layout::{Layout, LayoutError, PATH_BYTES_MAX, RECOVERED_MAX};
pub use name::Misfit;
pub use next::{Rest, next_manifest, part_manifest};
pub use selection::Selection;
pub use sidecar::{
    EXPORT_FILE, LINE_BYTES_MAX, MD5_FILE, NEXT_FILE, OBJECTS_FILE, ObjectRecord, SIDECAR, md5_line,
};
pub use space::{Filling, Space, TooSmall};
