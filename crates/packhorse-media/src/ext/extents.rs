//! Extents: the tree by which ext4 finds a file's blocks.

use crate::bytes::{halves, le16, le32};
use crate::ext::checksum::crc32c;
use crate::ext::damaged;
use crate::ext::filesystem::{FileSystem, Run};
use crate::ext::inode::Inode;
use crate::volume::ReadError;

const MAGIC: u16 = 0xf30a;
/// Of the header and of each record behind it.
const RECORD_BYTES: usize = 12;
/// The format's own limit: five levels below the inode reach every block of a file.
const DEPTH_MAX: u16 = 5;
/// A file's blocks have numbers of 32 bits.
pub(super) const FILE_BLOCKS_MAX: u64 = 1 << 32;
/// A longer extent is one that was set aside and never written: it reads as zeros.
const WRITTEN_BLOCKS_MAX: u16 = 32768;

/// A node of the tree whose header was checked.
struct Node<'a> {
    depth: u16,
    records: &'a [u8],
}

/// Finds the blocks of a file from its block `logical` on.
pub(super) fn lookup(fs: &FileSystem, inode: &Inode, logical: u64) -> Result<Run, ReadError> {
    let root = parse(inode.map(), None)?;
    match logical < FILE_BLOCKS_MAX {
        true => descend(fs, inode, &root, logical, FILE_BLOCKS_MAX),
        false => Err(damaged(format!("block {logical} of a file"))),
    }
}

/// Goes down the tree; `end` is where the reach of this node ends. Each step down is one level less
/// deep, so that even a node that names itself comes to an end.
fn descend(
    fs: &FileSystem,
    inode: &Inode,
    node: &Node<'_>,
    logical: u64,
    end: u64,
) -> Result<Run, ReadError> {
    if node.depth == 0 {
        return in_leaf(node, logical, end);
    }
    let mut found: Option<&[u8]> = None;
    let mut end = end;
    for (record, next) in in_order(node)? {
        if u64::from(le32(record, 0)) <= logical {
            found = Some(record);
            end = next.unwrap_or(end).min(end).max(logical + 1);
        }
    }
    let Some(record) = found else {
        let first = node
            .records
            .get(..RECORD_BYTES)
            .map_or(end, |r| u64::from(le32(r, 0)));
        return Ok(hole(logical, first.min(end)));
    };
    let block = halves(le32(record, 4), u32::from(le16(record, 8)));
    let bytes = fs.blocks.read(block)?;
    let child = parse(&bytes, Some(node.depth - 1))?;
    verify(inode, &bytes)?;
    descend(fs, inode, &child, logical, end)
}

fn in_leaf(node: &Node<'_>, logical: u64, end: u64) -> Result<Run, ReadError> {
    for (record, next) in in_order(node)? {
        let start = u64::from(le32(record, 0));
        let raw_length = le16(record, 4);
        let is_written = raw_length <= WRITTEN_BLOCKS_MAX;
        let length = match is_written {
            true => raw_length,
            false => raw_length - WRITTEN_BLOCKS_MAX,
        };
        let extent_end = start + u64::from(length);
        if length == 0 || extent_end > next.unwrap_or(FILE_BLOCKS_MAX) {
            return Err(damaged(format!("an extent of {length} blocks at {start}")));
        }
        if logical < start {
            return Ok(hole(logical, start.min(end)));
        }
        if logical < extent_end {
            let physical = halves(le32(record, 8), u32::from(le16(record, 6)));
            return Ok(Run {
                physical: is_written.then_some(physical + (logical - start)),
                length: extent_end - logical,
            });
        }
    }
    Ok(hole(logical, end))
}

fn hole(logical: u64, end: u64) -> Run {
    Run {
        physical: None,
        length: end.saturating_sub(logical).max(1),
    }
}

/// The records with the first block of the one behind each; an error when they are out of order.
fn in_order<'a>(
    node: &Node<'a>,
) -> Result<impl Iterator<Item = (&'a [u8], Option<u64>)> + use<'a>, ReadError> {
    let records = node.records.chunks_exact(RECORD_BYTES);
    let starts = || records.clone().map(|record| u64::from(le32(record, 0)));
    match starts().zip(starts().skip(1)).all(|(a, b)| a < b) {
        true => {
            let next: Vec<_> = starts().skip(1).map(Some).chain([None]).collect();
            Ok(records.zip(next))
        }
        false => Err(damaged("extents out of order")),
    }
}

fn parse(bytes: &[u8], expected_depth: Option<u16>) -> Result<Node<'_>, ReadError> {
    let (count, count_max, depth) = (le16(bytes, 2), le16(bytes, 4), le16(bytes, 6));
    let records = bytes.get(RECORD_BYTES..RECORD_BYTES * (1 + usize::from(count)));
    match records {
        Some(records)
            if le16(bytes, 0) == MAGIC
                && count <= count_max
                && depth <= DEPTH_MAX
                && expected_depth.is_none_or(|expected| expected == depth) =>
        {
            Ok(Node { depth, records })
        }
        _ => Err(damaged("a node of the extent tree")),
    }
}

/// Checks the sum of a node in a block of its own; the node in the inode is covered by the inode's.
fn verify(inode: &Inode, bytes: &[u8]) -> Result<(), ReadError> {
    let Some(seed) = inode.checksum_seed else {
        return Ok(());
    };
    let tail = RECORD_BYTES * (1 + usize::from(le16(bytes, 4)));
    match (bytes.get(..tail), bytes.get(tail..tail + 4)) {
        (Some(covered), Some(sum)) if crc32c(seed, &[covered]) == le32(sum, 0) => Ok(()),
        _ => Err(damaged("the checksum of an extent tree node is wrong")),
    }
}
