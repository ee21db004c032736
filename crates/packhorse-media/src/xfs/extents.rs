//! Extents: where the blocks of a file lie, in a list or in a tree.

use std::sync::Arc;

use crate::bytes::{be16, be32, be64};
use crate::contents::{Extent, Extents};
use crate::pages::Pages;
use crate::volume::ReadError;
use crate::xfs::inode::{Format, Inode};
use crate::xfs::superblock::Superblock;
use crate::xfs::{damaged, sum_is_right};

const RECORD_BYTES: usize = 16;
/// Far more than a tree over all blocks can have.
const DEPTH_MAX: u16 = 16;
/// Blocks of a file have numbers of so many bits.
const FILE_BLOCKS_MAX: u64 = 1 << 54;

/// Blocks that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// The first, as the file counts.
    start: u64,
    /// The first on the volume, with its group's number in front.
    block: u64,
    count: u64,
    /// Set aside and not written: zeros.
    is_unwritten: bool,
}

impl Record {
    fn parse(bytes: &[u8]) -> Self {
        let (high, low) = (be64(bytes, 0), be64(bytes, 8));
        Self {
            start: high >> 9 & (FILE_BLOCKS_MAX - 1),
            block: (high & 0x1ff) << 43 | low >> 21,
            count: low & 0x1f_ffff,
            is_unwritten: high >> 63 != 0,
        }
    }
}

/// What was found for a block of a file.
enum Found {
    Here(Record),
    /// A hole, and the block where the next extent begins.
    Hole(u64),
}

/// The extents of one file.
pub(super) struct FileExtents {
    pub(super) pages: Arc<Pages>,
    pub(super) superblock: Arc<Superblock>,
    pub(super) inode: Inode,
}

impl Extents for FileExtents {
    fn at(&mut self, offset: u64) -> Result<Extent, ReadError> {
        locate(&self.pages, &self.superblock, &self.inode, offset)
    }
}

/// Where the bytes of a file from `offset` on lie.
pub(super) fn locate(
    pages: &Pages,
    superblock: &Superblock,
    inode: &Inode,
    offset: u64,
) -> Result<Extent, ReadError> {
    let size = superblock.block_bytes;
    let (block, within) = (offset / size, offset % size);
    let found = match inode.format {
        Format::Extents => {
            let count = usize::try_from(inode.extents).unwrap_or(usize::MAX);
            let end = count.checked_mul(RECORD_BYTES);
            let records = end.and_then(|end| inode.fork.get(..end));
            let records = records.ok_or_else(|| damaged("a list of extents"))?;
            in_leaf(records, block, FILE_BLOCKS_MAX)
        }
        Format::Tree => in_tree(pages, superblock, inode, block)?,
        Format::Local | Format::None => return Err(damaged("a file without extents")),
    };
    let extent = match found {
        Found::Hole(end) => Extent {
            physical: None,
            length: (end.max(block + 1) - block).saturating_mul(size) - within,
        },
        Found::Here(record) => {
            let skipped = block - record.start;
            let first = superblock.block(record.block)?;
            // An extent lies in one group, whose blocks follow each other.
            superblock.block(record.block + record.count - 1)?;
            Extent {
                physical: (!record.is_unwritten).then_some((first + skipped) * size + within),
                length: (record.count - skipped) * size - within,
            }
        }
    };
    Ok(extent)
}

/// Looks a block up in sorted records; `end` is where the next leaf's begin.
fn in_leaf(records: &[u8], block: u64, end: u64) -> Found {
    for record in records.chunks_exact(RECORD_BYTES).map(Record::parse) {
        if record.start > block {
            return Found::Hole(record.start);
        }
        if block - record.start < record.count {
            return Found::Here(record);
        }
    }
    Found::Hole(end)
}

fn in_tree(
    pages: &Pages,
    superblock: &Superblock,
    inode: &Inode,
    block: u64,
) -> Result<Found, ReadError> {
    let mut level = be16(&inode.fork, 0);
    if !(1..=DEPTH_MAX).contains(&level) {
        return Err(damaged("a tree of extents"));
    }
    let mut end = FILE_BLOCKS_MAX;
    let root = inode.fork.get(4..).unwrap_or_default();
    let mut child = step(root, be16(&inode.fork, 2), block, &mut end)?;
    loop {
        level -= 1;
        let bytes = node(pages, superblock, inode, child, level)?;
        let count = be16(&bytes, 6);
        let body = bytes.get(header_bytes(superblock)..).unwrap_or_default();
        if level == 0 {
            let records = body.get(..usize::from(count) * RECORD_BYTES);
            let records = records.ok_or_else(|| damaged("a leaf of a tree of extents"))?;
            return Ok(in_leaf(records, block, end));
        }
        child = step(body, count, block, &mut end)?;
    }
}

fn header_bytes(superblock: &Superblock) -> usize {
    if superblock.has_sums { 72 } else { 24 }
}

fn node(
    pages: &Pages,
    superblock: &Superblock,
    inode: &Inode,
    number: u64,
    level: u16,
) -> Result<Vec<u8>, ReadError> {
    let size = superblock.block_bytes;
    let place = superblock.block(number)? * size;
    let bytes = pages.bytes(place, usize::try_from(size).unwrap_or(0))?;
    let is_sound = match superblock.has_sums {
        true => {
            bytes.starts_with(b"BMA3")
                && be64(&bytes, 56) == inode.number
                && sum_is_right(&bytes, 64)
        }
        false => bytes.starts_with(b"BMAP"),
    };
    match is_sound && be16(&bytes, 4) == level {
        true => Ok(bytes),
        false => Err(damaged("a node of a tree of extents")),
    }
}

/// The child of a node that tells of a block; `end` becomes where its reach ends. Keys fill the first
/// half of the node's room, and what they lead to the second.
fn step(body: &[u8], count: u16, block: u64, end: &mut u64) -> Result<u64, ReadError> {
    let room = body.len() / 16;
    let count = usize::from(count);
    if count == 0 || count > room {
        return Err(damaged("a node of a tree of extents"));
    }
    let key = |index: usize| be64(body, index * 8);
    let index = (1..count).take_while(|index| key(*index) <= block).count();
    if index + 1 < count {
        *end = key(index + 1).min(*end);
    }
    Ok(be64(body, room * 8 + index * 8))
}

/// The first word of a block, for who knows it.
pub(super) fn mark(bytes: &[u8]) -> u32 {
    be32(bytes, 0)
}
