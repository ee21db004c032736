//! Opening what lies below a directory that is held open, and nothing else.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2};
use rustix::io::{Errno, Result};

use crate::path::is_plain_name;

/// Linux refuses longer paths in one call (PATH_MAX, with its closing zero).
const CALL_PATH_BYTES_MAX: usize = 4095;

/// For directories on the way and for those that are read.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// For files. Not blocking, so that a pipe put in the file's place cannot hold us.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Which directory an open one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    pub(super) fn of(fd: BorrowedFd<'_>) -> Result<Self> {
        fstat(fd).map(|stat| Self::of_stat(&stat))
    }

    pub(super) fn of_stat(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

/// Opens the directory `name`, one step below `dir`.
pub(super) fn open_child(dir: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd> {
    if !is_plain_name(name) {
        return Err(Errno::NOENT);
    }
    openat(dir, name, DIRECTORY, Mode::empty())
}

/// Opens the directory above `child` if it is still the one that it was.
pub(super) fn open_parent(child: BorrowedFd<'_>, expected: Identity) -> Result<OwnedFd> {
    let parent = openat(child, c"..", DIRECTORY, Mode::empty())?;
    match Identity::of(parent.as_fd())? == expected {
        true => Ok(parent),
        false => Err(Errno::NOENT),
    }
}

/// Opens the directory `path` below `root`.
pub(super) fn open_directory(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    open_path(root, path, DIRECTORY)
}

/// Opens the file `path` below `root`. Whether it is a regular file is for the caller to see.
pub(super) fn open_file(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    open_path(root, path, FILE)
}

/// Opens a piece of a path below a directory.
type OpenPiece = fn(BorrowedFd<'_>, &[u8], OFlags) -> Result<OwnedFd>;

fn open_path(root: BorrowedFd<'_>, path: &[u8], last: OFlags) -> Result<OwnedFd> {
    if !path.split(|b| *b == b'/').all(is_plain_name) {
        return Err(Errno::NOENT);
    }
    match open_in_pieces(root, path, last, CALL_PATH_BYTES_MAX, openat2_beneath) {
        // Kernels before 5.6 and some sandboxes have no openat2.
        Err(Errno::NOSYS | Errno::PERM) => open_in_pieces(root, path, last, 0, open_step),
        result => result,
    }
}

/// Opens `path` piece by piece, each of whole names and at most `piece_bytes_max` long, or of one
/// name when that is longer.
fn open_in_pieces(
    root: BorrowedFd<'_>,
    path: &[u8],
    last: OFlags,
    piece_bytes_max: usize,
    open: OpenPiece,
) -> Result<OwnedFd> {
    let mut held: Option<OwnedFd> = None;
    let mut rest = path;
    loop {
        let dir = held.as_ref().map_or(root, OwnedFd::as_fd);
        let (piece, after) = cut(rest, piece_bytes_max);
        match after {
            None => return open(dir, piece, last),
            Some(after) => {
                held = Some(open(dir, piece, DIRECTORY)?);
                rest = after;
            }
        }
    }
}

/// Cuts a path after as many whole names as fit, at least one.
fn cut(path: &[u8], bytes_max: usize) -> (&[u8], Option<&[u8]>) {
    if path.len() <= bytes_max {
        return (path, None);
    }
    let slashes = path.iter().enumerate().filter(|(_, b)| **b == b'/');
    let mut at = None;
    for (index, _) in slashes {
        if at.is_some() && index > bytes_max {
            break;
        }
        at = Some(index);
    }
    match at.and_then(|at| Some((path.get(..at)?, path.get(at + 1..)?))) {
        Some((piece, rest)) => (piece, Some(rest)),
        None => (path, None),
    }
}

fn openat2_beneath(dir: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(dir, path, flags, Mode::empty(), resolve)
}

fn open_step(dir: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd> {
    openat(dir, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, bytes_max: usize, expected: &[&str]) {
        let mut pieces = Vec::new();
        let mut rest = Some(path.as_bytes());
        while let Some(path) = rest {
            let (piece, after) = cut(path, bytes_max);
            pieces.push(std::str::from_utf8(piece).unwrap());
            rest = after;
        }
        assert_eq!(pieces, expected);
    }

    #[test]
    fn cuts_paths_between_names() {
        check("a/b/c", 5, &["a/b/c"]);
        check("a/b/c", 4, &["a/b", "c"]);
        check("a/b/c", 3, &["a/b", "c"]);
        check("a/b/c", 0, &["a", "b", "c"]);
        check("long/b", 2, &["long", "b"]);
        check("long", 2, &["long"]);
    }

    #[test]
    fn both_ways_of_opening_refuse_a_link_on_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        std::fs::create_dir_all(folder.join("real")).unwrap();
        std::fs::write(folder.join("real/file"), "x").unwrap();
        std::os::unix::fs::symlink("real", folder.join("link")).unwrap();
        let root = rustix::fs::open(&folder, DIRECTORY, Mode::empty()).unwrap();
        for (bytes_max, open) in [
            (CALL_PATH_BYTES_MAX, openat2_beneath as OpenPiece),
            (0, open_step),
        ] {
            let open = |path: &[u8]| open_in_pieces(root.as_fd(), path, FILE, bytes_max, open);
            assert!(open(b"real/file").is_ok());
            assert!(matches!(
                open(b"link/file").unwrap_err(),
                Errno::LOOP | Errno::NOTDIR
            ));
            assert_eq!(open(b"link").unwrap_err(), Errno::LOOP);
        }
        assert_eq!(open_file(root.as_fd(), b"../x").unwrap_err(), Errno::NOENT);
    }
}
