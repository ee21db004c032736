//! The walk over a folder, without recursion and with a bounded number of open directories.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};

use packhorse_core::ledger::Verdict;
use rustix::fs::{Access, AtFlags, Dir, DirEntry, FileType, Stat, accessat, statat};
use rustix::io::{Errno, Result as SystemResult};

use crate::folder::beneath::{Identity, open_child, open_directory, open_parent};
use crate::folder::{entry, read_error};
use crate::path::{PATH_BYTES_MAX, is_plain_name, join, push_name};
use crate::volume::{Entry, MediaError, Stop, Walk};

/// Directories held open at once. Deeper in, the outermost are closed and found again on the way
/// back; no ordinary tree is that deep, and a process has 1,024 descriptors by default.
const OPEN_DIRECTORIES_MAX: usize = 64;

/// One directory on the way from the root to where the walk is.
struct Level {
    identity: Identity,
    /// Bytes of the walk's path that lead here.
    path_length: usize,
    /// Where the system goes on listing, should the directory be closed meanwhile.
    cookie: i64,
}

/// A walk: the way from the root to the directory that is being listed.
pub(super) struct FolderWalk<'a> {
    root: BorrowedFd<'a>,
    path: Vec<u8>,
    levels: Vec<Level>,
    /// The innermost of `levels`, open; empty only when the walk is over.
    open: VecDeque<Dir>,
    /// The identities of `levels`, to see a directory inside itself.
    ancestors: HashSet<Identity>,
}

impl<'a> FolderWalk<'a> {
    pub(super) fn start(root: BorrowedFd<'a>) -> Result<Self, MediaError> {
        let identity = Identity::of(root).map_err(failed)?;
        let dir = Dir::read_from(root).map_err(failed)?;
        let mut walk = Self {
            root,
            path: Vec::new(),
            levels: Vec::new(),
            open: VecDeque::new(),
            ancestors: HashSet::new(),
        };
        walk.push(identity, dir);
        Ok(walk)
    }

    pub(super) fn run(mut self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        while let Some(dir) = self.open.back_mut() {
            if stop() {
                break;
            }
            let flow = match dir.read() {
                Some(Ok(found)) => self.visit(&found, each)?,
                // The next read gives `None`.
                Some(Err(error)) if self.levels.len() > 1 => self.report_level(error, each)?,
                Some(Err(error)) => return Err(failed(error)),
                None => self.leave(each)?,
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn visit(&mut self, found: &DirEntry, each: Walk<'_>) -> Result<ControlFlow<()>, MediaError> {
        if let Some(level) = self.levels.last_mut() {
            level.cookie = found.offset();
        }
        let name = found.file_name().to_bytes();
        let (b"." | b"..") = name else {
            return self.visit_name(name, found.file_type(), each);
        };
        Ok(ControlFlow::Continue(()))
    }

    fn visit_name(
        &mut self,
        name: &[u8],
        kind: FileType,
        each: Walk<'_>,
    ) -> Result<ControlFlow<()>, MediaError> {
        let path = join(&self.path, name);
        let Some(dir) = self.open.back() else {
            return Ok(ControlFlow::Break(()));
        };
        if !is_plain_name(name) {
            return Ok(each(entry::unseen(path, kind, Verdict::damaged())));
        }
        let dir = dir.fd().map_err(failed)?;
        let stat = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT) {
            Ok(stat) => stat,
            Err(error) => return Ok(each(entry::unseen(path, kind, verdict(error)?))),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => match self.enter(name, path.len())? {
                None => Ok(ControlFlow::Continue(())),
                problem => Ok(each(Entry {
                    problem,
                    ..entry::from_stat(path, &stat)
                })),
            },
            FileType::RegularFile => {
                let problem = is_refused(dir, name, &stat).then(Verdict::access_denied);
                Ok(each(Entry {
                    problem,
                    ..entry::from_stat(path, &stat)
                }))
            }
            _ => Ok(each(entry::from_stat(path, &stat))),
        }
    }

    /// Goes one step down; gives the reason when that cannot be done.
    fn enter(&mut self, name: &[u8], path_length: usize) -> Result<Option<Verdict>, MediaError> {
        if path_length > PATH_BYTES_MAX {
            return Ok(Some(Verdict::key_too_long()));
        }
        let opened = self.open_below(name);
        let (identity, dir) = match opened {
            Ok(opened) => opened,
            Err(error) => return verdict(error).map(Some),
        };
        if self.ancestors.contains(&identity) {
            return Ok(Some(Verdict::damaged()));
        }
        push_name(&mut self.path, name);
        self.push(identity, dir);
        if self.open.len() > OPEN_DIRECTORIES_MAX {
            self.open.pop_front();
        }
        Ok(None)
    }

    fn open_below(&self, name: &[u8]) -> SystemResult<(Identity, Dir)> {
        let dir = self.open.back().ok_or(Errno::NOENT)?;
        let child = open_child(dir.fd()?, name)?;
        Ok((Identity::of(child.as_fd())?, Dir::new(child)?))
    }

    /// Goes one step up, or further when the directories there are gone meanwhile.
    fn leave(&mut self, each: Walk<'_>) -> Result<ControlFlow<()>, MediaError> {
        let mut below = self.open.pop_back();
        self.pop();
        while let (true, Some(level)) = (self.open.is_empty(), self.levels.last()) {
            match self.reopen(level, below.take()) {
                Ok(dir) => self.open.push_back(dir),
                Err(error) if self.levels.len() == 1 => return Err(failed(error)),
                Err(error) => {
                    let flow = self.report_level(error, each)?;
                    self.pop();
                    if flow.is_break() {
                        return Ok(flow);
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Opens a level again, from a directory just below it where there is one.
    fn reopen(&self, level: &Level, below: Option<Dir>) -> SystemResult<Dir> {
        let from_below = below.and_then(|below| open_parent(below.fd().ok()?, level.identity).ok());
        let mut dir = match from_below {
            Some(fd) => Dir::new(fd)?,
            None if self.path.is_empty() => Dir::read_from(self.root)?,
            None => {
                let fd = open_directory(self.root, &self.path)?;
                if Identity::of(fd.as_fd())? != level.identity {
                    return Err(Errno::NOENT);
                }
                Dir::new(fd)?
            }
        };
        dir.seek(level.cookie)?;
        Ok(dir)
    }

    fn push(&mut self, identity: Identity, dir: Dir) {
        self.ancestors.insert(identity);
        self.levels.push(Level {
            identity,
            path_length: self.path.len(),
            cookie: 0,
        });
        self.open.push_back(dir);
    }

    fn pop(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.ancestors.remove(&level.identity);
        }
        let path_length = self.levels.last().map_or(0, |level| level.path_length);
        self.path.truncate(path_length);
    }

    /// A row for the directory that is being listed: what it still holds is not known.
    fn report_level(&self, error: Errno, each: Walk<'_>) -> Result<ControlFlow<()>, MediaError> {
        let problem = verdict(error)?;
        Ok(each(entry::unseen(
            self.path.clone(),
            FileType::Directory,
            problem,
        )))
    }
}

/// Whether the system will refuse to open the file. Asked only where the mode leaves a doubt.
fn is_refused(dir: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> bool {
    let everybody_reads = stat.st_mode & 0o444 == 0o444;
    !everybody_reads
        && matches!(
            accessat(dir, name, Access::READ_OK, AtFlags::EACCESS),
            Err(Errno::ACCESS | Errno::PERM)
        )
}

/// The row that an error makes of one entry; an error of ours rather than the entry's ends the walk.
fn verdict(error: Errno) -> Result<Verdict, MediaError> {
    match error {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => Err(failed(error)),
        other => Ok(read_error(other).verdict()),
    }
}

fn failed(error: Errno) -> MediaError {
    MediaError::Io(error.into())
}
