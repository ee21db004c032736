//! Reading one file of a folder that others may be writing to.

use std::os::fd::OwnedFd;

use jiff::Timestamp;
use rustix::fs::{Advice, FileType, Stat, fadvise, fstat};
use rustix::io::{Errno, pread};

use crate::folder::{entry, read_error};
use crate::volume::{Entry, FileReader, ReadError};

/// From this size on the system is told that we read in order; below, it reads ahead far enough by
/// itself and the call would only cost.
const ADVISE_BYTES_MIN: u64 = 1024 * 1024;

/// An open file, held to what the listing said of it.
pub(super) struct OpenFile {
    fd: OwnedFd,
    size: u64,
    modified: Option<Timestamp>,
}

impl OpenFile {
    /// Takes an open file; fails unless it is a regular file as `entry` describes it.
    pub(super) fn new(fd: OwnedFd, entry: &Entry) -> Result<Self, ReadError> {
        let stat = fstat(&fd).map_err(read_error)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(ReadError::Vanished);
        }
        let file = Self {
            fd,
            size: entry.size,
            modified: entry.modified,
        };
        file.check(&stat)?;
        if file.size >= ADVISE_BYTES_MIN {
            // A hint only: some file systems have no read-ahead to advise.
            let _ = fadvise(&file.fd, 0, None, Advice::Sequential);
        }
        Ok(file)
    }

    fn check(&self, stat: &Stat) -> Result<(), ReadError> {
        match entry::size_of(stat) == self.size && entry::modified_of(stat) == self.modified {
            true => Ok(()),
            false => Err(ReadError::Changed),
        }
    }
}

impl FileReader for OpenFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            match pread(&self.fd, rest, offset + done as u64) {
                Ok(0) => return Err(ReadError::Changed),
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(read_error(error)),
            }
        }
        Ok(done)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        let stat = fstat(&self.fd).map_err(read_error)?;
        self.check(&stat)
    }
}
