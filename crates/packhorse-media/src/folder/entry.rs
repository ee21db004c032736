//! Entries from what the operating system says.

use jiff::Timestamp;
use packhorse_core::ledger::{EntryKind, Verdict};
use rustix::fs::{FileType, Stat};

use crate::volume::Entry;

/// The entry of `path` with that `stat`.
pub(super) fn from_stat(path: Vec<u8>, stat: &Stat) -> Entry {
    let kind = kind_of(FileType::from_raw_mode(stat.st_mode));
    Entry {
        path,
        kind,
        size: match kind {
            EntryKind::File => size_of(stat),
            _ => 0,
        },
        modified: modified_of(stat),
        mode: Some(stat.st_mode & 0o7777),
        owner: Some((stat.st_uid, stat.st_gid)),
        node: 0,
        first_extent: None,
        problem: None,
    }
}

/// The entry of something that could not even be looked at.
pub(super) fn unseen(path: Vec<u8>, kind: FileType, problem: Verdict) -> Entry {
    Entry {
        path,
        kind: kind_of(kind),
        size: 0,
        modified: None,
        mode: None,
        owner: None,
        node: 0,
        first_extent: None,
        problem: Some(problem),
    }
}

pub(super) fn size_of(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// The time of last modification to the nanosecond; `None` outside the years that [`Timestamp`] has.
pub(super) fn modified_of(stat: &Stat) -> Option<Timestamp> {
    let nanosecond = i32::try_from(stat.st_mtime_nsec).ok()?;
    Timestamp::new(stat.st_mtime, nanosecond).ok()
}

fn kind_of(kind: FileType) -> EntryKind {
    match kind {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Symlink,
        FileType::Fifo => EntryKind::Fifo,
        FileType::Socket => EntryKind::Socket,
        FileType::CharacterDevice => EntryKind::CharacterDevice,
        FileType::BlockDevice => EntryKind::BlockDevice,
        FileType::Unknown => EntryKind::Other,
    }
}
