//! The one interface of everything that holds files.

use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use packhorse_core::ledger::{EntryKind, Verdict};

/// Something seen in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path from the root: names joined by `/`, no leading slash, bytes as the file system has them.
    pub path: Vec<u8>,
    /// What it is. Directories that can be read are not reported.
    pub kind: EntryKind,
    /// Bytes of a file, else 0.
    pub size: u64,
    /// Last modification.
    pub modified: Option<Timestamp>,
    /// Permission bits, where the file system has them.
    pub mode: Option<u32>,
    /// Owner and group, where the file system has them.
    pub owner: Option<(u32, u32)>,
    /// How the volume finds the file again: an inode number, or 0 where the path serves.
    pub node: u64,
    /// Where the first byte lies on the device, where known: files are read in this order.
    pub first_extent: Option<u64>,
    /// A reason why this entry cannot be read (damaged records, access denied): its final row.
    pub problem: Option<Verdict>,
}

/// What a walk calls for each entry; `Break` ends the walk early.
pub type Walk<'a> = &'a mut dyn FnMut(Entry) -> ControlFlow<()>;

/// Whether a walk shall end: asked between reads, since a damaged disk may go on for long without
/// an entry.
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// A tree of files: a folder, or a file system on a partition.
pub trait Volume: Send + Sync {
    /// For people and events: `folder`, `ext4`, …
    fn format(&self) -> &str;

    /// Tells this volume from any other that may lie at the same place later, and stays the same
    /// from one day to the next.
    fn identity(&self) -> String;

    /// Calls `each` once for every file, special file, and directory that cannot be read. What
    /// cannot be read is an entry with a `problem`, never left out; an error means that the listing
    /// as a whole is not to be had. Memory depends on the depth of the tree, not on its size.
    ///
    /// The walk ends early, with `Ok`, soon after `stop` says so.
    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError>;

    /// [`Volume::walk_until`] by who does not stop.
    fn walk(&self, each: Walk<'_>) -> Result<(), MediaError> {
        self.walk_until(&|| false, each)
    }

    /// Looks one name up in the root, without a walk. `None` when there is no such entry.
    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError>;

    /// Opens the file of an entry that a walk gave.
    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError>;
}

/// Reads a file that stands in the root, such as SIGNATURE, by a direct lookup. `None` when there is
/// no regular file of that name: a link or special file counts as absent.
///
/// Of a file longer than `bytes_max` the first `bytes_max + 1` bytes are given, so that the caller
/// sees that it is too long and no more is held.
pub fn read_root_file(
    volume: &dyn Volume,
    name: &[u8],
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, ReadError> {
    let Some(entry) = volume.root_entry(name)? else {
        return Ok(None);
    };
    if entry.kind != EntryKind::File {
        return Ok(None);
    }
    let mut file = volume.open(&entry)?;
    let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
    let mut bytes = vec![0; size.min(bytes_max.saturating_add(1))];
    let read = file.read_at(0, &mut bytes)?;
    file.finish()?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// An open file.
pub trait FileReader: Send {
    /// Fills `buffer` from `offset` on; fewer bytes only at the end of the file as it was listed.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError>;

    /// Called after the last read: fails with [`ReadError::Changed`] when the file is no longer
    /// what the entry said (a folder that somebody writes to).
    fn finish(&mut self) -> Result<(), ReadError>;
}

/// Why a file's bytes cannot be had. Each becomes that file's failed row.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Access was refused.
    #[error("access denied")]
    Denied,
    /// It was listed and is gone, or is no longer a regular file.
    #[error("the file is gone")]
    Vanished,
    /// Its size or time is not what was listed.
    #[error("the file changed while it was read")]
    Changed,
    /// The file system's records of it are damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The device failed.
    #[error("read error: {0}")]
    Io(#[from] std::io::Error),
}

impl ReadError {
    /// The row of the file.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Denied => Verdict::access_denied(),
            Self::Vanished => Verdict::file_vanished(),
            Self::Changed => Verdict::file_changed(),
            Self::Damaged(_) => Verdict::damaged(),
            Self::Io(_) => Verdict::read_error(),
        }
    }
}

/// Why a device or volume cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Nothing at that path.
    #[error("no such device: {0}")]
    NotFound(String),
    /// Access was refused.
    #[error("access denied: {0}")]
    Denied(String),
    /// No file system that can be read; the text says what was found.
    #[error("unsupported format: {0}")]
    Unsupported(String),
    /// It is encrypted, and nothing that was given opens it: with another password it may be read.
    #[error("locked: {0}")]
    Locked(String),
    /// The structures that everything hangs on are damaged.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The device failed.
    #[error("read error: {0}")]
    Io(#[from] std::io::Error),
}

impl MediaError {
    /// The error of opening `path`.
    pub(crate) fn from_open(error: std::io::Error, path: &Path) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => {
                Self::NotFound(path.display().to_string())
            }
            ErrorKind::PermissionDenied => Self::Denied(path.display().to_string()),
            _ => Self::Io(error),
        }
    }
}

impl From<ReadError> for MediaError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Damaged(what) => Self::Damaged(what),
            ReadError::Io(error) => Self::Io(error),
            ReadError::Denied => Self::Denied("the volume".to_owned()),
            other @ (ReadError::Vanished | ReadError::Changed) => Self::Damaged(other.to_string()),
        }
    }
}
