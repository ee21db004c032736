//! The journal of a file system that was not unmounted: a disk pulled out of a camera.
//!
//! Replayed in memory only. The result says for each block that the journal has newer contents of
//! where in the journal they lie; the disk stays as it is.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bytes::{be16, be32, halves, le16, le32};
use crate::ext::blocks::{JOURNAL_MAGIC, Journaled};
use crate::ext::checksum::crc32c;
use crate::ext::damaged;
use crate::ext::filesystem::FileSystem;
use crate::ext::inode::Inode;
use crate::volume::{MediaError, ReadError};

mod incompat {
    pub(super) const REVOKE: u32 = 0x1;
    pub(super) const BIT64: u32 = 0x2;
    pub(super) const ASYNC_COMMIT: u32 = 0x4;
    pub(super) const CSUM_V2: u32 = 0x8;
    pub(super) const CSUM_V3: u32 = 0x10;
    pub(super) const FAST_COMMIT: u32 = 0x20;
    pub(super) const KNOWN: u32 = REVOKE | BIT64 | ASYNC_COMMIT | CSUM_V2 | CSUM_V3 | FAST_COMMIT;
}

mod kind {
    pub(super) const DESCRIPTOR: u32 = 1;
    pub(super) const COMMIT: u32 = 2;
    pub(super) const SUPERBLOCK: u32 = 3;
    pub(super) const SUPERBLOCK_V2: u32 = 4;
    pub(super) const REVOKE: u32 = 5;
}

mod tag_flag {
    pub(super) const ESCAPED: u32 = 1;
    pub(super) const SAME_UUID: u32 = 2;
    pub(super) const LAST: u32 = 8;
}

const HEADER_BYTES: usize = 12;
const UUID_BYTES: usize = 16;
/// Of a revoke block: the header and the count of bytes in use.
const REVOKE_HEADER_BYTES: usize = 16;
/// The sum at the end of a descriptor or revoke block.
const TAIL_BYTES: usize = 4;
const SUPERBLOCK_BYTES: usize = 1024;
const SUPERBLOCK_SUM_AT: usize = 0xfc;
const COMMIT_SUM_AT: usize = 16;
/// Blocks of a fast commit area whose size is not said.
const FAST_COMMIT_BLOCKS: u32 = 256;
/// The mark that begins fast commits.
const FAST_COMMIT_HEAD: u16 = 9;
/// Blocks replayed at most, for bounded memory: four times the largest journal that mke2fs makes by
/// itself.
const REPLAYED_BLOCKS_MAX: usize = 1 << 20;

/// One block written by a transaction.
#[derive(Clone, Copy)]
struct Write {
    target: u64,
    sequence: u32,
    newer: Journaled,
    /// The sum as the tag has it.
    sum: u32,
}

/// What whole transactions wrote and took back.
#[derive(Default)]
struct Replayed {
    writes: Vec<Write>,
    /// The last transaction that took a block back.
    revoked: HashMap<u64, u32>,
}

/// Finds what the journal has newer than the disk.
pub(super) fn replay(fs: &FileSystem) -> Result<HashMap<u64, Journaled>, MediaError> {
    if fs.superblock.journal_inode == 0 {
        return Err(MediaError::Unsupported(
            "ext4 that was not unmounted and has its journal on another device".to_owned(),
        ));
    }
    let log = Log::open(fs)?;
    let Some(start) = log.start else {
        return Ok(HashMap::new());
    };
    let (replayed, end_sequence) = log.scan(start)?;
    log.refuse_fast_commits(end_sequence)?;
    let newer = replayed.newest();
    for write in newer.values() {
        log.verify_write(write)?;
    }
    Ok(newer
        .into_iter()
        .map(|(block, write)| (block, write.newer))
        .collect())
}

impl Replayed {
    /// The last write of each block that was not taken back afterwards.
    fn newest(&self) -> HashMap<u64, Write> {
        let mut newest = HashMap::new();
        for write in &self.writes {
            let revoked = self.revoked.get(&write.target);
            if revoked.is_none_or(|revoked| is_after(write.sequence, *revoked)) {
                newest.insert(write.target, *write);
            }
        }
        newest
    }

    fn append(&mut self, transaction: Self) {
        self.writes.extend(transaction.writes);
        for (block, sequence) in transaction.revoked {
            self.revoked.insert(block, sequence);
        }
    }
}

/// Whether one transaction is later than another; their numbers run in a circle.
fn is_after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

/// An open journal.
struct Log<'a> {
    fs: &'a FileSystem,
    inode: Inode,
    /// The blocks that transactions use in a circle: from the first to before the end.
    first: u32,
    end: u32,
    /// Where the oldest transaction is; `None` when there is none.
    start: Option<u32>,
    sequence: u32,
    incompat: u32,
    checksum_seed: u32,
}

impl<'a> Log<'a> {
    fn open(fs: &'a FileSystem) -> Result<Self, MediaError> {
        let inode = fs.inode(fs.superblock.journal_inode)?;
        let mut log = Self {
            fs,
            inode,
            first: 0,
            end: 0,
            start: None,
            sequence: 0,
            incompat: 0,
            checksum_seed: 0,
        };
        let block = log.read(0)?;
        let bytes = block.get(..SUPERBLOCK_BYTES).unwrap_or_default();
        let is_superblock = bytes.starts_with(&JOURNAL_MAGIC)
            && matches!(be32(bytes, 4), kind::SUPERBLOCK | kind::SUPERBLOCK_V2)
            && u64::from(be32(bytes, 12)) == fs.block_size();
        if !is_superblock {
            return Err(damaged("the journal's superblock").into());
        }
        if be32(bytes, 4) == kind::SUPERBLOCK_V2 {
            log.incompat = be32(bytes, 40);
        }
        let unknown = log.incompat & !incompat::KNOWN;
        if unknown != 0 {
            return Err(MediaError::Unsupported(format!(
                "ext4 whose journal has unknown features {unknown:#x}"
            )));
        }
        log.checksum_seed = crc32c(!0, &[bytes.get(48..64).unwrap_or_default()]);
        if log.has_sums()
            && sum_without(!0, bytes, SUPERBLOCK_SUM_AT) != be32(bytes, SUPERBLOCK_SUM_AT)
        {
            return Err(damaged("the checksum of the journal's superblock is wrong").into());
        }
        log.with_bounds(bytes)
    }

    fn with_bounds(mut self, superblock: &[u8]) -> Result<Self, MediaError> {
        let length = be32(superblock, 16);
        let fast = match (
            self.incompat & incompat::FAST_COMMIT,
            be32(superblock, 0x54),
        ) {
            (0, _) => 0,
            (_, 0) => FAST_COMMIT_BLOCKS,
            (_, count) => count,
        };
        let blocks = self.inode.size / self.fs.block_size();
        let start = be32(superblock, 28);
        self.first = be32(superblock, 20);
        self.end = length.saturating_sub(fast);
        self.sequence = be32(superblock, 24);
        self.start = (start != 0).then_some(start);
        let is_sound = u64::from(length) <= blocks
            && self.first > 0
            && self.first < self.end
            && self
                .start
                .is_none_or(|start| (self.first..self.end).contains(&start));
        match is_sound {
            true => Ok(self),
            false => Err(damaged("the bounds of the journal").into()),
        }
    }

    /// Follows the transactions from `start` to the last whole one; gives what they did and the
    /// number that the next would have.
    fn scan(&self, start: u32) -> Result<(Replayed, u32), MediaError> {
        let mut whole = Replayed::default();
        let mut open = Replayed::default();
        let (mut at, mut sequence) = (start, self.sequence);
        // Once around the circle at most.
        let mut left = self.end - self.first;
        while left > 0 {
            let block = self.read(at)?;
            let is_next = block.starts_with(&JOURNAL_MAGIC) && be32(&block, 8) == sequence;
            if !is_next {
                break;
            }
            at = self.after(at);
            left -= 1;
            match be32(&block, 4) {
                kind::DESCRIPTOR if self.tail_is_right(&block) => {
                    let writes = self.writes(&block, sequence, &mut at)?;
                    let count = u32::try_from(writes.len()).unwrap_or(u32::MAX);
                    left = left.saturating_sub(count);
                    open.writes.extend(writes);
                }
                kind::REVOKE if self.tail_is_right(&block) => {
                    self.revoke(&block, sequence, &mut open)
                }
                kind::COMMIT if self.commit_is_right(&block) => {
                    whole.append(std::mem::take(&mut open));
                    sequence = sequence.wrapping_add(1);
                }
                // Broken off here: what follows the last commit was never finished.
                _ => break,
            }
            let held =
                whole.writes.len() + whole.revoked.len() + open.writes.len() + open.revoked.len();
            if held > REPLAYED_BLOCKS_MAX {
                return Err(MediaError::Unsupported(format!(
                    "ext4 with more than {REPLAYED_BLOCKS_MAX} blocks to replay from its journal"
                )));
            }
        }
        Ok((whole, sequence))
    }

    /// The writes that a descriptor block announces; moves `at` behind their contents.
    fn writes(&self, block: &[u8], sequence: u32, at: &mut u32) -> Result<Vec<Write>, ReadError> {
        let usable = block.len() - if self.has_sums() { TAIL_BYTES } else { 0 };
        let mut rest = block.get(HEADER_BYTES..usable).unwrap_or_default();
        let mut writes = Vec::new();
        while let Some((tag, after)) = rest.split_at_checked(self.tag_bytes()) {
            let (target, flags, sum) = self.parse_tag(tag);
            let newer = Journaled {
                block: self.physical(*at)?,
                escaped: flags & tag_flag::ESCAPED != 0,
            };
            writes.push(Write {
                target,
                sequence,
                newer,
                sum,
            });
            *at = self.after(*at);
            if flags & tag_flag::LAST != 0 {
                break;
            }
            rest = match flags & tag_flag::SAME_UUID {
                0 => after.get(UUID_BYTES..).unwrap_or_default(),
                _ => after,
            };
        }
        Ok(writes)
    }

    fn parse_tag(&self, tag: &[u8]) -> (u64, u32, u32) {
        let high = match self.incompat & incompat::BIT64 {
            0 => 0,
            _ => be32(tag, 8),
        };
        let target = halves(be32(tag, 0), high);
        match self.incompat & incompat::CSUM_V3 {
            0 => (target, u32::from(be16(tag, 6)), u32::from(be16(tag, 4))),
            _ => (target, be32(tag, 4), be32(tag, 12)),
        }
    }

    fn tag_bytes(&self) -> usize {
        if self.incompat & incompat::CSUM_V3 != 0 {
            return 16;
        }
        let sum = if self.incompat & incompat::CSUM_V2 != 0 {
            2
        } else {
            0
        };
        let high = if self.incompat & incompat::BIT64 != 0 {
            4
        } else {
            0
        };
        8 + sum + high
    }

    fn revoke(&self, block: &[u8], sequence: u32, open: &mut Replayed) {
        let used = be32(block, HEADER_BYTES) as usize;
        let records = block.get(REVOKE_HEADER_BYTES..used.min(block.len()));
        let is_64bit = self.incompat & incompat::BIT64 != 0;
        for record in records
            .unwrap_or_default()
            .chunks_exact(if is_64bit { 8 } else { 4 })
        {
            let target = match is_64bit {
                true => halves(be32(record, 4), be32(record, 0)),
                false => u64::from(be32(record, 0)),
            };
            open.revoked.insert(target, sequence);
        }
    }

    /// Fast commits are a second journal of another form behind the first; the files that they
    /// hold would be missing without a word.
    fn refuse_fast_commits(&self, sequence: u32) -> Result<(), MediaError> {
        if self.incompat & incompat::FAST_COMMIT == 0 {
            return Ok(());
        }
        let block = self.read(self.end)?;
        let waits = le16(&block, 0) == FAST_COMMIT_HEAD && le32(&block, 8) == sequence;
        match waits {
            false => Ok(()),
            true => Err(MediaError::Unsupported(
                "ext4 that was not unmounted and has fast commits to replay; mount it once"
                    .to_owned(),
            )),
        }
    }

    fn verify_write(&self, write: &Write) -> Result<(), ReadError> {
        if write.target >= self.fs.superblock.blocks_count {
            return Err(damaged("the journal writes beyond the end"));
        }
        if !self.has_sums() {
            return Ok(());
        }
        let contents = self.fs.blocks.read(write.newer.block)?;
        let sum = crc32c(
            self.checksum_seed,
            &[&write.sequence.to_be_bytes(), &contents],
        );
        let sum = match self.incompat & incompat::CSUM_V3 {
            0 => sum & 0xffff,
            _ => sum,
        };
        match sum == write.sum {
            true => Ok(()),
            false => Err(damaged("the checksum of a block in the journal is wrong")),
        }
    }

    fn tail_is_right(&self, block: &[u8]) -> bool {
        let at = block.len().saturating_sub(TAIL_BYTES);
        !self.has_sums() || sum_without(self.checksum_seed, block, at) == be32(block, at)
    }

    fn commit_is_right(&self, block: &[u8]) -> bool {
        let at = COMMIT_SUM_AT;
        !self.has_sums() || sum_without(self.checksum_seed, block, at) == be32(block, at)
    }

    fn has_sums(&self) -> bool {
        self.incompat & (incompat::CSUM_V2 | incompat::CSUM_V3) != 0
    }

    fn after(&self, at: u32) -> u32 {
        match at + 1 {
            next if next >= self.end => self.first,
            next => next,
        }
    }

    fn read(&self, block: u32) -> Result<Arc<[u8]>, ReadError> {
        self.fs.blocks.read(self.physical(block)?)
    }

    fn physical(&self, block: u32) -> Result<u64, ReadError> {
        let run = self.fs.map(&self.inode, u64::from(block))?;
        run.physical.ok_or_else(|| damaged("a journal with a hole"))
    }
}

/// The sum of `bytes` with the four bytes at `at` taken as zero.
fn sum_without(seed: u32, bytes: &[u8], at: usize) -> u32 {
    let (before, rest) = bytes.split_at_checked(at).unwrap_or((bytes, &[]));
    crc32c(seed, &[before, &[0; 4], rest.get(4..).unwrap_or_default()])
}
