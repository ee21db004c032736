//! The folder that files are written into: the mounted device, or what will become its image.
//!
//! Every step from the root down goes through an open folder and follows no link, so that nothing a
//! disk holds can lead a write elsewhere. A file is written under a name of its own in
//! `PACKHORSE/unfinished` and gets its path when it is whole; what is there already is replaced only
//! when it is known to be an earlier export's.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use packhorse_core::export::SIDECAR;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::ledger::OpenObject;
use crate::Error;

/// Files that are not whole yet, below the sidecar's folder.
const UNFINISHED: &str = "unfinished";
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A folder to export into.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    root: OwnedFd,
    unfinished: OwnedFd,
    /// The folder of the last file: keys come in order, so the next one is mostly in it too.
    last: Mutex<Option<(String, Arc<OwnedFd>)>>,
}

/// Why a file could not be written.
#[derive(Debug)]
pub(super) enum WriteFault {
    /// No room is left.
    Full,
    /// The file system does not take this name.
    Name,
    /// It does not take a file of this size.
    TooLarge,
    /// Something else is there.
    Exists,
    /// The device fails.
    Device(std::io::Error),
}

impl From<Errno> for WriteFault {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOSPC | Errno::DQUOT => Self::Full,
            Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Self::Name,
            Errno::FBIG => Self::TooLarge,
            Errno::EXIST | Errno::NOTEMPTY | Errno::ISDIR | Errno::NOTDIR | Errno::LOOP => {
                Self::Exists
            }
            other => Self::Device(other.into()),
        }
    }
}

impl From<std::io::Error> for WriteFault {
    fn from(error: std::io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None => Self::Device(error),
        }
    }
}

impl Target {
    /// Opens the folder for writing.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let refused = |errno: Errno| Error::target(path, errno.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(refused)?;
        let sidecar = folder_in(&root, SIDECAR, true).map_err(refused)?;
        let unfinished = folder_in(&sidecar, UNFINISHED, true).map_err(refused)?;
        Ok(Self {
            path: path.to_owned(),
            root,
            unfinished,
            last: Mutex::new(None),
        })
    }

    /// Bytes that may still be written, and the size of a block.
    pub(super) fn free(&self) -> Result<(u64, u64), Error> {
        let stat = rustix::fs::fstatvfs(&self.root).map_err(|e| self.failed(e))?;
        let block = stat.f_frsize.max(1);
        Ok((stat.f_bavail.saturating_mul(block), block))
    }

    /// Whether there is anything at `path`.
    pub(super) fn has(&self, path: &str) -> Result<bool, Error> {
        Ok(self.size_of(path)?.is_some())
    }

    /// The size of what is at `path`, if there is anything.
    pub(super) fn size_of(&self, path: &str) -> Result<Option<u64>, Error> {
        match self.split(path, false) {
            Ok((folder, name)) => {
                let found = rustix::fs::statat(&*folder, name, AtFlags::SYMLINK_NOFOLLOW);
                match found {
                    Ok(stat) => Ok(Some(stat.st_size.cast_unsigned())),
                    Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL) => Ok(None),
                    Err(errno) => Err(self.failed(errno)),
                }
            }
            Err(Errno::NOENT | Errno::NAMETOOLONG | Errno::INVAL) => Ok(None),
            // A file or a link where a folder should be: found again when it is written.
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Opens a finished file for reading; `None` if there is no regular file.
    pub(super) fn read(&self, path: &str) -> Result<Option<File>, Error> {
        let open = || {
            let (folder, name) = self.split(path, false)?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = rustix::fs::openat(&*folder, name, flags, Mode::empty())?;
            let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
            Ok((kind == FileType::RegularFile).then(|| File::from(file)))
        };
        match open() {
            Ok(file) => Ok(file),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// A file for the bytes of row `id`, empty.
    pub(super) fn begin(&self, id: i64) -> Result<File, WriteFault> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        let file = rustix::fs::openat(&self.unfinished, id.to_string(), flags, mode)?;
        Ok(File::from(file))
    }

    /// The bytes that an earlier run has left of row `id`.
    pub(super) fn go_on(&self, id: i64) -> Option<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.unfinished, id.to_string(), flags, Mode::empty());
        file.ok().map(File::from)
    }

    /// Makes sure that the room for a large file is there, where the file system can tell.
    pub(super) fn reserve(file: &File, bytes: u64) -> Result<(), WriteFault> {
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, bytes) {
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(errno.into()),
            // Not every file system can.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Gives the whole file of a row its path and time. Only a row that may replace what is there
    /// does.
    pub(super) fn finish(
        &self,
        row: &OpenObject,
        file: &File,
        modified: Option<Timestamp>,
    ) -> Result<(), WriteFault> {
        if let Some(at) = modified {
            let time = Timespec {
                tv_sec: at.as_second(),
                tv_nsec: 0,
            };
            let times = Timestamps {
                last_access: time,
                last_modification: time,
            };
            // A date that the file system cannot hold is no reason to lose the file.
            rustix::fs::futimens(file, &times).ok();
        }
        let (folder, name) = self.split(&row.path, true)?;
        let from = row.id.to_string();
        match row.replaces {
            true => Ok(rustix::fs::renameat(
                &self.unfinished,
                from,
                &*folder,
                name,
            )?),
            false => self.rename(&from, &folder, name),
        }
    }

    fn rename(&self, from: &str, folder: &OwnedFd, name: &str) -> Result<(), WriteFault> {
        let flags = RenameFlags::NOREPLACE;
        let renamed = rustix::fs::renameat_with(&self.unfinished, from, folder, name, flags);
        match renamed {
            // Some file systems cannot promise it; nobody else writes to the device.
            Err(Errno::INVAL | Errno::NOSYS) => {
                match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => {}
                    Ok(_) => return Err(WriteFault::Exists),
                    Err(errno) => return Err(errno.into()),
                }
                Ok(rustix::fs::renameat(&self.unfinished, from, folder, name)?)
            }
            renamed => Ok(renamed?),
        }
    }

    /// Removes what is left of row `id`.
    pub(super) fn drop_unfinished(&self, id: i64) {
        rustix::fs::unlinkat(&self.unfinished, id.to_string(), AtFlags::empty()).ok();
    }

    /// Removes everything that is not whole.
    pub(super) fn drop_all_unfinished(&self) -> Result<(), Error> {
        let entries = Dir::read_from(&self.unfinished).map_err(|e| self.failed(e))?;
        for entry in entries {
            let entry = entry.map_err(|e| self.failed(e))?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                let name = entry.file_name();
                rustix::fs::unlinkat(&self.unfinished, name, AtFlags::empty()).ok();
            }
        }
        Ok(())
    }

    /// Removes the folder of what is not whole, at the end.
    pub(super) fn drop_unfinished_folder(&self) -> Result<(), Error> {
        self.drop_all_unfinished()?;
        let sidecar = folder_in(&self.root, SIDECAR, false).map_err(|e| self.failed(e))?;
        match rustix::fs::unlinkat(&sidecar, UNFINISHED, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Removes a file of this export.
    pub(super) fn remove(&self, path: &str) -> Result<(), Error> {
        let removed = self
            .split(path, false)
            .and_then(|(folder, name)| rustix::fs::unlinkat(&*folder, name, AtFlags::empty()));
        match removed {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Writes a file of our own, an older one replaced: temporary name, sync, rename.
    pub(super) fn write_own(
        &self,
        path: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let failed = |error| Error::target(&self.path.join(path), error);
        let (folder, name) = self.split(path, true).map_err(|e| failed(e.into()))?;
        let part = format!("{name}.part");
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&*folder, part.as_str(), flags, Mode::from_raw_mode(0o644));
        let mut out = BufWriter::new(File::from(file.map_err(|e| failed(e.into()))?));
        write(&mut out)?;
        let file = out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        rustix::fs::renameat(&*folder, part.as_str(), &*folder, name).map_err(|e| failed(e.into()))
    }

    /// Everything written so far survives a power cut.
    pub(super) fn sync(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.root).map_err(|e| self.failed(e))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, errno: Errno) -> Error {
        Error::target(&self.path, errno.into())
    }

    /// The open folder of a path and the name in it.
    fn split<'a>(&self, path: &'a str, make: bool) -> Result<(Arc<OwnedFd>, &'a str), Errno> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let kept = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((_, open)) = kept.filter(|(known, _)| known == folder) {
            return Ok((open, name));
        }
        let mut open = Arc::new(self.root.try_clone().map_err(|_| Errno::MFILE)?);
        for step in folder.split('/').filter(|step| !step.is_empty()) {
            open = Arc::new(folder_in(&open, step, make)?);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((folder.to_owned(), Arc::clone(&open)));
        Ok((open, name))
    }
}

/// Opens a folder in a folder; never through a link.
fn folder_in(parent: &OwnedFd, name: &str, make: bool) -> Result<OwnedFd, Errno> {
    let open = || rustix::fs::openat(parent.as_fd(), name, FOLDER, Mode::empty());
    match open() {
        Err(Errno::NOENT) if make => {
            match rustix::fs::mkdirat(parent.as_fd(), name, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => open(),
                Err(errno) => Err(errno),
            }
        }
        opened => opened,
    }
}
