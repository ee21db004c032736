//! ISO 9660, the file system of discs, with the names of Rock Ridge or Joliet, read only, straight
//! from the bytes of the disc or its image.
//!
//! The format is described in ECMA-119, Rock Ridge in IEEE P1281 and P1282, Joliet in Microsoft's
//! specification. No number from the disc is believed before it was held against its size.
//!
//! [`volume`] is the outer face; [`descriptor`] says what is there and where the root is, [`record`]
//! reads folders, and [`rock_ridge`] what stands behind a record.

mod descriptor;
mod file;
mod record;
mod rock_ridge;
mod volume;

pub(crate) use descriptor::is_iso;
pub(crate) use volume::Iso;

use crate::volume::ReadError;

/// Damage, in words for a person.
fn damaged(what: impl Into<String>) -> ReadError {
    ReadError::Damaged(what.into())
}
