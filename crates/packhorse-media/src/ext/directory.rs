//! Directories: their entries, block after block, as they lie. The index of a large directory is
//! passed over; it looks like free entries to who does not use it.

use std::sync::Arc;

use packhorse_core::ledger::EntryKind;

use crate::bytes::{byte, le16, le32};
use crate::ext::checksum::crc32c;
use crate::ext::damaged;
use crate::ext::filesystem::FileSystem;
use crate::ext::inline;
use crate::ext::inode::Inode;
use crate::ext::superblock::incompat;
use crate::tree::Budget;
use crate::volume::ReadError;

const HEADER_BYTES: usize = 8;
/// A header and one letter, rounded up.
const ENTRY_BYTES_MIN: usize = 12;
const NAME_BYTES_MAX: usize = 255;
/// The last entry of a block with a checksum: no inode, no name, and this as its kind.
const TAIL_BYTES: usize = 12;
const TAIL_KIND: u8 = 0xde;

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dirent {
    pub(super) inode: u32,
    pub(super) name: Vec<u8>,
    /// What the directory says it is, where it does; the inode knows.
    pub(super) kind: EntryKind,
}

/// Where one is in the listing of a directory.
pub(crate) struct Listing {
    inode: Inode,
    /// The part that is being listed: a block, or one of the two places of an inline directory.
    part: u64,
    /// Its bytes; dropped and fetched again when many listings are under way.
    bytes: Option<Arc<[u8]>>,
    /// How far it was listed.
    at: usize,
    /// Used entries seen in it.
    used: u32,
}

impl Listing {
    pub(super) fn new(inode: Inode) -> Self {
        Self {
            inode,
            part: 0,
            bytes: None,
            at: 0,
            used: 0,
        }
    }

    /// Forgets what can be fetched again.
    pub(super) fn release(&mut self) {
        self.bytes = None;
    }

    /// The next entry; `None` at the end. After an error the listing goes on with the next part.
    ///
    /// `budget` counts blocks: a disk has no more blocks of directories than it has blocks, however
    /// its directories are knotted.
    pub(super) fn next(
        &mut self,
        fs: &FileSystem,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Dirent>, ReadError> {
        while self.part < self.parts_count(fs) {
            let bytes = match &self.bytes {
                Some(bytes) => Arc::clone(bytes),
                None => self.fetch(fs, budget)?,
            };
            self.bytes = Some(Arc::clone(&bytes));
            match self.entry(fs, &bytes) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => self.turn_to(self.part + 1),
                Err(error) => {
                    self.turn_to(self.part + 1);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    fn parts_count(&self, fs: &FileSystem) -> u64 {
        match self.inode.is_inline() {
            true => 2,
            false => self.inode.size.div_ceil(fs.block_size()),
        }
    }

    fn turn_to(&mut self, part: u64) {
        self.part = part;
        self.bytes = None;
        self.at = 0;
        self.used = 0;
    }

    /// Fetches the current part; after an error the next part is the current one.
    fn fetch(&mut self, fs: &FileSystem, budget: &mut Budget<'_>) -> Result<Arc<[u8]>, ReadError> {
        let fetched = match self.inode.is_inline() {
            true => self.fetch_inline(),
            false => self.fetch_block(fs, budget),
        };
        if fetched.is_err() {
            self.turn_to(self.part + 1);
        }
        fetched
    }

    fn fetch_inline(&self) -> Result<Arc<[u8]>, ReadError> {
        let (first, rest) = inline::parts(&self.inode)?;
        // The first four bytes name the parent.
        let first = first.get(4..).unwrap_or_default();
        Ok(if self.part == 0 { first } else { rest }.into())
    }

    fn fetch_block(
        &mut self,
        fs: &FileSystem,
        budget: &mut Budget<'_>,
    ) -> Result<Arc<[u8]>, ReadError> {
        budget.spend(1).inspect_err(|_| self.part = u64::MAX - 1)?;
        let run = fs.map(&self.inode, self.part).inspect_err(|_| {
            // Without a map there is nothing more to find: one error, not one for every block.
            self.part = u64::MAX - 1;
        })?;
        let Some(physical) = run.physical else {
            // To the last block of the hole; the caller goes on behind it.
            self.part = self.part.saturating_add(run.length - 1);
            return Err(damaged("a directory with a hole"));
        };
        let bytes = fs.blocks.read(physical)?;
        verify(&self.inode, &bytes)?;
        Ok(bytes)
    }

    /// The next used entry of this part.
    fn entry(&mut self, fs: &FileSystem, bytes: &[u8]) -> Result<Option<Dirent>, ReadError> {
        while self.at < bytes.len() {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let (length, entry) = parse(rest, fs.superblock.has(incompat::FILETYPE))?;
            self.at += length;
            let Some(entry) = entry else { continue };
            self.used += 1;
            if !self.is_self_or_parent(&entry) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Whether an entry is one of the two that begin every directory. Found elsewhere they are
    /// entries with names that no file can have.
    fn is_self_or_parent(&self, entry: &Dirent) -> bool {
        let in_first_block = self.part == 0 && !self.inode.is_inline();
        match entry.name.as_slice() {
            b"." => in_first_block && self.used == 1 && entry.inode == self.inode.number,
            b".." => in_first_block && self.used == 2,
            _ => false,
        }
    }
}

/// The length of the first entry of `bytes`, and the entry unless it is free.
fn parse(bytes: &[u8], has_kind: bool) -> Result<(usize, Option<Dirent>), ReadError> {
    let length = record_length(le16(bytes, 4), bytes.len());
    let name_length = match has_kind {
        true => usize::from(byte(bytes, 6)),
        false => usize::from(le16(bytes, 6)),
    };
    let is_sound = (ENTRY_BYTES_MIN..=bytes.len()).contains(&length)
        && length.is_multiple_of(4)
        && name_length <= NAME_BYTES_MAX
        && HEADER_BYTES + name_length <= length;
    if !is_sound {
        return Err(damaged("a directory entry"));
    }
    let inode = le32(bytes, 0);
    let name = bytes.get(HEADER_BYTES..HEADER_BYTES + name_length);
    let entry = (inode != 0).then(|| Dirent {
        inode,
        name: name.unwrap_or_default().to_vec(),
        kind: match (has_kind, byte(bytes, 7)) {
            (true, 1) => EntryKind::File,
            (true, 2) => EntryKind::Directory,
            (true, 3) => EntryKind::CharacterDevice,
            (true, 4) => EntryKind::BlockDevice,
            (true, 5) => EntryKind::Fifo,
            (true, 6) => EntryKind::Socket,
            (true, 7) => EntryKind::Symlink,
            _ => EntryKind::Other,
        },
    });
    Ok((length, entry))
}

/// Lengths are multiples of four; the two lowest bits carry what sixteen bits cannot, and a whole
/// block of 64 KiB is written as 65,535 or 0.
fn record_length(raw: u16, left: usize) -> usize {
    match raw {
        u16::MAX | 0 if left == 1 << 16 => 1 << 16,
        _ => usize::from(raw & !3) | usize::from(raw & 3) << 16,
    }
}

/// Checks the sum of a directory block.
fn verify(inode: &Inode, bytes: &[u8]) -> Result<(), ReadError> {
    let Some(seed) = inode.checksum_seed else {
        return Ok(());
    };
    let is_right = match index_at(bytes).filter(|_| inode.is_indexed()) {
        Some(at) => index_sum_is_right(seed, bytes, at),
        None => leaf_sum_is_right(seed, bytes),
    };
    match is_right {
        true => Ok(()),
        false => Err(damaged("the checksum of a directory block is wrong")),
    }
}

fn leaf_sum_is_right(seed: u32, bytes: &[u8]) -> bool {
    let Some((entries, tail)) = bytes.split_at_checked(bytes.len().saturating_sub(TAIL_BYTES))
    else {
        return false;
    };
    let is_tail = le32(tail, 0) == 0
        && usize::from(le16(tail, 4)) == TAIL_BYTES
        && byte(tail, 6) == 0
        && byte(tail, 7) == TAIL_KIND;
    is_tail && crc32c(seed, &[entries]) == le32(tail, 8)
}

/// Where the index of a block of the index begins: one free entry over the whole block hides a
/// node; in the first block the index lies behind `.` and a `..` that reaches to the end.
fn index_at(bytes: &[u8]) -> Option<usize> {
    let first = record_length(le16(bytes, 4), bytes.len());
    if first == bytes.len() {
        return Some(8);
    }
    let second = bytes.get(12..).unwrap_or_default();
    let reaches_the_end = record_length(le16(second, 4), bytes.len()) == second.len();
    let root_info_is_there = le32(second, 12) == 0 && byte(second, 17) == 8;
    (first == 12 && reaches_the_end && root_info_is_there).then_some(32)
}

fn index_sum_is_right(seed: u32, bytes: &[u8], at: usize) -> bool {
    let (limit, count) = (
        usize::from(le16(bytes, at)),
        usize::from(le16(bytes, at + 2)),
    );
    let (covered, tail) = (bytes.get(..at + count * 8), bytes.get(at + limit * 8..));
    match (covered, tail) {
        (Some(covered), Some(tail)) if tail.len() >= 8 && count <= limit => {
            let reserved = tail.get(..4).unwrap_or_default();
            crc32c(seed, &[covered, reserved, &[0; 4]]) == le32(tail, 4)
        }
        _ => false,
    }
}
