//! Erasing a disk or an image: zeros over all of it, or all of it given back to the drive; then it is
//! read again.
//!
//! The one place here that writes, kept apart from all that reads hostile bytes: nothing of what is on
//! the device is looked at. Doing it again after a crash does the same from the beginning.

mod samples;

use std::io::Error as IoError;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags, FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use samples::samples;

/// Written and read at once: large enough for the speed of a disk, small enough to stop soon.
const PIECE_BYTES: usize = 4 * 1024 * 1024;
/// What is tried by itself where a piece fails; the largest sector in use.
const SECTOR_BYTES: usize = 4096;
/// Given back at once, so that progress shows.
const DISCARD_BYTES: u64 = 1 << 30;
/// More ranges than these are one broken disk; the last one then reaches to the last of them.
const RANGES_MAX: usize = 1000;

/// How a device is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Zeros over every sector that can be addressed.
    Overwrite,
    /// The drive is told that nothing on it is needed (discard, TRIM, or a hole in an image).
    Discard,
}

/// How much is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// All of it.
    Full,
    /// Both ends and pieces all over it, chosen anew each time by this seed.
    Sample(u64),
}

/// What goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Zeros are written, or sectors given back.
    Erasing,
    /// It is read again.
    Verifying,
}

/// A device that can be erased, held so that nobody mounts it meanwhile.
#[derive(Debug)]
pub struct Erasable {
    path: PathBuf,
    fd: OwnedFd,
    size: u64,
    is_disk: bool,
    number: u64,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Bytes that were read again.
    pub verified_bytes: u64,
    /// Where nothing could be written: first byte, and the one behind the last.
    pub unwritable: Vec<(u64, u64)>,
    /// Where something else than zeros was read, or nothing.
    pub not_zero: Vec<(u64, u64)>,
}

impl Erased {
    /// Whether all of it was erased, as far as it was read again.
    pub fn is_clean(&self) -> bool {
        self.unwritable.is_empty() && self.not_zero.is_empty()
    }
}

/// Why a device is not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// It cannot be opened for writing.
    #[error("cannot open {} for writing", path.display())]
    Open {
        /// The device.
        path: PathBuf,
        /// Why.
        #[source]
        source: IoError,
    },
    /// It is mounted, or part of another disk.
    #[error("{} is in use: it, or a partition of it, is mounted or part of another disk", .0.display())]
    InUse(PathBuf),
    /// Neither a disk nor an image file.
    #[error("{} is neither a disk nor an image file", .0.display())]
    NotErasable(PathBuf),
    /// The drive, or the file system of the image, takes nothing back.
    #[error("{} does not offer discard", .0.display())]
    NoDiscard(PathBuf),
    /// It gave out altogether.
    #[error("{} failed while it was erased", path.display())]
    Io {
        /// The device.
        path: PathBuf,
        /// Why.
        #[source]
        source: IoError,
    },
    /// Asked to stop. What is on it now is neither the old nor the new.
    #[error("stopped before it was erased: a part of {} is zeros", .0.display())]
    Stopped(PathBuf),
}

/// Hears how far it is; says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(Step, u64) -> bool;

impl Erasable {
    /// Opens a disk or an image file for erasing. Nothing is changed yet.
    pub fn open(path: &Path) -> Result<Self, EraseError> {
        // A disk that is mounted refuses EXCL. It means nothing to a file. Not blocking: the path may
        // name a pipe.
        let flags =
            OFlags::RDWR | OFlags::EXCL | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let failed = |error: Errno| match error {
            Errno::BUSY | Errno::TXTBSY => EraseError::InUse(path.to_owned()),
            Errno::ISDIR | Errno::NXIO => EraseError::NotErasable(path.to_owned()),
            error => EraseError::Open {
                path: path.to_owned(),
                source: error.into(),
            },
        };
        let fd = opened.map_err(failed)?;
        let stat = rustix::fs::fstat(&fd).map_err(failed)?;
        let is_disk = match FileType::from_raw_mode(stat.st_mode) {
            FileType::BlockDevice => true,
            FileType::RegularFile => false,
            _ => return Err(EraseError::NotErasable(path.to_owned())),
        };
        let size = rustix::fs::seek(&fd, SeekFrom::End(0)).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            fd,
            size,
            is_disk,
            number: stat.st_rdev,
        })
    }

    /// Its bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The number of a disk; none of a file.
    pub fn number(&self) -> Option<u64> {
        self.is_disk.then_some(self.number)
    }

    /// Erases it, and reads it again. Blocks. A disk with bad sectors is erased as far as it goes, and
    /// [`Erased`] names what is left.
    pub fn erase(
        &self,
        method: Method,
        verify: Verify,
        watch: Watch<'_>,
    ) -> Result<Erased, EraseError> {
        let mut erased = Erased::default();
        match method {
            Method::Overwrite => self.overwrite(&mut erased, watch)?,
            Method::Discard => self.discard(watch)?,
        }
        let synced = rustix::fs::fsync(&self.fd);
        synced.map_err(|error| self.failed(error))?;
        // What is read next is to come from the device, not from memory. Where that cannot be had, the
        // certificate says no more than the kernel does.
        let _ = rustix::fs::fadvise(&self.fd, 0, None, Advice::DontNeed);
        self.verify(verify, &mut erased, watch)?;
        Ok(erased)
    }

    fn overwrite(&self, erased: &mut Erased, watch: Watch<'_>) -> Result<(), EraseError> {
        let zeros = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < self.size {
            self.go_on(watch, Step::Erasing, at)?;
            let piece = part(&zeros, self.size - at);
            if self.write(piece, at).is_err() {
                self.write_sectors(piece, at, erased)?;
            }
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// One piece, sector by sector.
    fn write_sectors(&self, piece: &[u8], at: u64, erased: &mut Erased) -> Result<(), EraseError> {
        let mut offset = at;
        for sector in piece.chunks(SECTOR_BYTES) {
            match self.write(sector, offset) {
                Ok(()) => {}
                // One sector after another fails so; everything else concerns the whole.
                Err(Errno::IO | Errno::NODATA | Errno::ILSEQ) => {
                    add(&mut erased.unwritable, offset, sector.len());
                }
                Err(error) => return Err(self.failed(error)),
            }
            offset += sector.len() as u64;
        }
        Ok(())
    }

    fn write(&self, piece: &[u8], at: u64) -> Result<(), Errno> {
        let mut done = 0;
        while let Some(rest) = piece.get(done..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pwrite(&self.fd, rest, at + done as u64) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A hole reads as zeros, on a disk as well as in a file.
    fn discard(&self, watch: Watch<'_>) -> Result<(), EraseError> {
        let mut at = 0;
        while at < self.size {
            self.go_on(watch, Step::Erasing, at)?;
            let length = DISCARD_BYTES.min(self.size - at);
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            match rustix::fs::fallocate(&self.fd, flags, at, length) {
                Ok(()) => at += length,
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                    return Err(EraseError::NoDiscard(self.path.clone()));
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn verify(
        &self,
        verify: Verify,
        erased: &mut Erased,
        watch: Watch<'_>,
    ) -> Result<(), EraseError> {
        let (seed, length) = match verify {
            Verify::Full => (None, PIECE_BYTES as u64),
            Verify::Sample(seed) => (Some(seed), samples::BYTES),
        };
        let mut buffer = vec![0; PIECE_BYTES];
        for at in samples(self.size, length, seed) {
            self.go_on(watch, Step::Verifying, at)?;
            let length = length.min(self.size - at).min(buffer.len() as u64) as usize;
            let buffer = buffer.get_mut(..length).unwrap_or_default();
            let is_zero = self.read(buffer, at).is_ok() && buffer.iter().all(|byte| *byte == 0);
            if !is_zero {
                add(&mut erased.not_zero, at, length);
            }
            erased.verified_bytes += length as u64;
        }
        Ok(())
    }

    fn read(&self, buffer: &mut [u8], at: u64) -> Result<(), Errno> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(&self.fd, rest, at + done as u64) {
                Ok(0) => return Err(Errno::IO),
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn go_on(&self, watch: Watch<'_>, step: Step, at: u64) -> Result<(), EraseError> {
        match watch(step, at) {
            true => Ok(()),
            false => Err(EraseError::Stopped(self.path.clone())),
        }
    }

    fn failed(&self, error: Errno) -> EraseError {
        EraseError::Io {
            path: self.path.clone(),
            source: error.into(),
        }
    }
}

fn part(zeros: &[u8], left: u64) -> &[u8] {
    let length = usize::try_from(left).unwrap_or(usize::MAX);
    zeros.get(..length).unwrap_or(zeros)
}

/// Ranges come in rising order; those that touch are one.
fn add(ranges: &mut Vec<(u64, u64)>, at: u64, length: usize) {
    let end = at + length as u64;
    let is_full = ranges.len() >= RANGES_MAX;
    match ranges.last_mut() {
        Some(last) if last.1 == at || is_full => last.1 = end,
        _ => ranges.push((at, end)),
    }
}

#[cfg(test)]
mod tests;
