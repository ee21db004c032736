//! A folder that the operator has mounted.
//!
//! No symbolic link is followed and nothing outside the folder is opened, also while somebody
//! renames the tree: every step goes from a directory that is held open, never through `..` without
//! a check of where it led. File systems mounted below the folder belong to it, as they do for
//! anybody who looks at it; a directory that is its own ancestor is a row.

mod beneath;
mod entry;
mod reader;
mod walk;

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, statat};
use rustix::io::Errno;

use crate::folder::reader::OpenFile;
use crate::folder::walk::FolderWalk;
use crate::path::is_plain_name;
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    root: OwnedFd,
}

impl Folder {
    /// Takes a directory that was opened for reading.
    pub(crate) fn new(root: OwnedFd) -> Self {
        Self { root }
    }
}

impl Volume for Folder {
    fn format(&self) -> &str {
        "folder"
    }

    fn identity(&self) -> String {
        let file_system = rustix::fs::fstatvfs(&self.root).map_or(0, |status| status.f_fsid);
        let inode = rustix::fs::fstat(&self.root).map_or(0, |status| status.st_ino);
        format!("folder {file_system:x} {inode}")
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        FolderWalk::start(self.root.as_fd())?.run(stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        if !is_plain_name(name) {
            return Ok(None);
        }
        match statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(entry::from_stat(name.to_vec(), &stat))),
            Err(Errno::NOENT | Errno::NAMETOOLONG) => Ok(None),
            Err(error) => Err(read_error(error)),
        }
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let fd = beneath::open_file(self.root.as_fd(), &entry.path).map_err(read_error)?;
        Ok(Box::new(OpenFile::new(fd, entry)?))
    }
}

/// What an operating system error on the way to a file means for that file.
pub(crate) fn read_error(error: Errno) -> ReadError {
    match error {
        Errno::ACCESS | Errno::PERM => ReadError::Denied,
        // ELOOP and ENOTDIR: a link or another kind of file took the place of a step of the path.
        // ENXIO and ENODEV: a socket or a device node took the place of the file.
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::LOOP
        | Errno::XDEV
        | Errno::NXIO
        | Errno::NODEV
        | Errno::ISDIR
        | Errno::STALE => ReadError::Vanished,
        other => ReadError::Io(other.into()),
    }
}

#[cfg(test)]
mod tests;
