//! Block sources: something of known size that is read at any place.

use std::io::{Error, ErrorKind, Result};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, SeekFrom, fstat, seek};
use rustix::io::{Errno, pread};

/// A disk, an image, or a part of one.
pub(crate) trait BlockSource: Send + Sync {
    /// Bytes.
    fn size(&self) -> u64;

    /// Bytes that can differ from each other: less than the size where a container claims more than
    /// its file can hold. What is read in vain is measured by it.
    fn stored(&self) -> u64 {
        self.size()
    }

    /// Fills `buffer` from `offset` on. What does not lie whole within the source is an error of
    /// kind [`ErrorKind::UnexpectedEof`], and so is an image that shrank meanwhile.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;
}

/// An image file or a disk.
#[derive(Debug)]
pub(crate) struct FileSource {
    fd: OwnedFd,
    size: u64,
}

impl FileSource {
    /// Takes a file or disk that was opened for reading.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self> {
        let stat = fstat(&fd)?;
        let size = match FileType::from_raw_mode(stat.st_mode) {
            // A disk's stat has no size; its end can be sought.
            FileType::BlockDevice => seek(&fd, SeekFrom::End(0))?,
            _ => u64::try_from(stat.st_size).unwrap_or(0),
        };
        Ok(Self { fd, size })
    }
}

impl BlockSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len())?;
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match pread(&self.fd, rest, offset + done as u64) {
                Ok(0) => return Err(beyond_the_end()),
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// A part of a source: a partition.
pub(crate) struct Part {
    whole: Arc<dyn BlockSource>,
    offset: u64,
    size: u64,
}

impl Part {
    /// The part from `offset` on; cut off where the whole ends.
    pub(crate) fn new(whole: Arc<dyn BlockSource>, offset: u64, size: u64) -> Self {
        let size = size.min(whole.size().saturating_sub(offset));
        Self {
            whole,
            offset,
            size,
        }
    }
}

impl BlockSource for Part {
    fn size(&self) -> u64 {
        self.size
    }

    fn stored(&self) -> u64 {
        self.size.min(self.whole.stored())
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len())?;
        let offset = self.offset.checked_add(offset).ok_or_else(beyond_the_end)?;
        self.whole.read_exact_at(offset, buffer)
    }
}

/// Fails when a range does not lie whole within a source of `size` bytes.
pub(crate) fn check_range(size: u64, offset: u64, length: usize) -> Result<()> {
    match offset.checked_add(length as u64) {
        Some(end) if end <= size => Ok(()),
        _ => Err(beyond_the_end()),
    }
}

fn beyond_the_end() -> Error {
    Error::new(ErrorKind::UnexpectedEof, "beyond the end of the device")
}

#[cfg(test)]
impl BlockSource for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.len() as u64, offset, buffer.len())?;
        let offset = offset as usize;
        buffer.copy_from_slice(&self[offset..offset + buffer.len()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_its_own_bytes_and_no_others() {
        let whole = Arc::new((0..100).collect::<Vec<u8>>());
        let part = Part::new(whole.clone(), 10, 20);
        let mut buffer = [0; 5];
        part.read_exact_at(15, &mut buffer).unwrap();
        assert_eq!(buffer, [25, 26, 27, 28, 29]);
        for offset in [16, 90, u64::MAX] {
            let error = part.read_exact_at(offset, &mut buffer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        }
        assert_eq!(Part::new(whole.clone(), 90, 20).size(), 10);
        assert_eq!(Part::new(whole, u64::MAX, 20).size(), 0);
    }
}
