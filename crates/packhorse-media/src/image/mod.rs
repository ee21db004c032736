//! Files that hold a disk in pieces or in a format of their own: what a disk would hold is read
//! through them. All are opened for reading only, and none may lead to another file that its own
//! contents name: a hostile image would choose which.

mod qcow2;
mod split;
mod table;
mod vhd;
mod vhdx;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::block::BlockSource;
use crate::volume::MediaError;

/// What may be refused about an image.
fn refused(what: impl Into<String>) -> MediaError {
    MediaError::Unsupported(what.into())
}

fn broken(what: impl Into<String>) -> MediaError {
    MediaError::Damaged(what.into())
}

/// The error of reading a structure of the image that must be there.
fn structure(error: std::io::Error) -> MediaError {
    match error.kind() {
        ErrorKind::UnexpectedEof => broken("the image file is cut off"),
        _ => MediaError::Io(error),
    }
}

/// The files that [`open`] may open besides, `path` itself among them.
pub(crate) fn files_of(path: &Path) -> Vec<PathBuf> {
    split::pieces(path)
}

/// The disk that the file at `path`, opened as `file`, holds. A file in no known format is the disk.
pub(crate) fn open(
    path: &Path,
    file: Arc<dyn BlockSource>,
) -> Result<Arc<dyn BlockSource>, MediaError> {
    let mut start = [0; 8];
    let known = start.len().min(usize::try_from(file.size()).unwrap_or(0));
    file.read_exact_at(0, start.get_mut(..known).unwrap_or_default())?;
    if start.starts_with(b"QFI\xfb") {
        return Ok(Arc::new(qcow2::Qcow2::open(file)?));
    }
    if start == *b"vhdxfile" {
        return Ok(Arc::new(vhdx::Vhdx::open(file)?));
    }
    if let Some(disk) = vhd::Vhd::open(&file)? {
        return Ok(disk);
    }
    split::open(path, file)
}
