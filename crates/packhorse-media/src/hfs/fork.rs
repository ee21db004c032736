//! A fork: the contents of a file, in up to eight pieces that its record lists and in more that the
//! extents tree does.

use std::sync::Arc;

use crate::bytes::{be32, be64};
use crate::contents::{Extent, Extents};
use crate::hfs::damaged;
use crate::hfs::filesystem::FileSystem;
use crate::volume::ReadError;

/// What a record says of a fork has this many bytes.
pub(super) const FORK_BYTES: usize = 80;
/// Pieces in a record.
const PIECES: usize = 8;

/// Blocks that follow each other: the first, and how many.
pub(super) type Piece = (u32, u32);

/// What a record says of a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fork {
    pub(super) size: u64,
    pub(super) blocks: u32,
    pub(super) pieces: [Piece; PIECES],
}

impl Fork {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        Self {
            size: be64(bytes, 0),
            blocks: be32(bytes, 12),
            pieces: parse_pieces(bytes.get(16..).unwrap_or_default()),
        }
    }
}

/// The eight pieces of a record.
pub(super) fn parse_pieces(bytes: &[u8]) -> [Piece; PIECES] {
    std::array::from_fn(|index| (be32(bytes, index * 8), be32(bytes, index * 8 + 4)))
}

/// The piece of a list that holds block `wanted`, where the list begins with block `start`: the
/// block on the volume, and how many follow it.
pub(super) fn find(pieces: &[Piece], start: u64, wanted: u64) -> Option<(u64, u64)> {
    let mut start = start;
    for (first, count) in pieces {
        let skipped = wanted.checked_sub(start)?;
        if skipped < u64::from(*count) {
            return Some((u64::from(*first) + skipped, u64::from(*count) - skipped));
        }
        start += u64::from(*count);
    }
    None
}

/// The pieces of one file's contents, found when asked for.
pub(super) struct ForkPieces {
    pub(super) fs: Arc<FileSystem>,
    pub(super) owner: u32,
    pub(super) fork: Fork,
}

impl Extents for ForkPieces {
    fn at(&mut self, offset: u64) -> Result<Extent, ReadError> {
        self.fs.locate(self.owner, &self.fork, offset)
    }
}

impl FileSystem {
    /// Where the bytes of a data fork from `offset` on lie.
    pub(super) fn locate(&self, owner: u32, fork: &Fork, offset: u64) -> Result<Extent, ReadError> {
        let size = self.header.block_bytes;
        let (block, within) = (offset / size, offset % size);
        let found = match find(&fork.pieces, 0, block) {
            Some(found) => Some(found),
            None => self.overflow(owner, block)?,
        };
        let Some((first, count)) = found else {
            return Err(damaged(format!("block {block} of a fork lies nowhere")));
        };
        if first + count > self.header.blocks {
            return Err(damaged(format!("{count} blocks from block {first} on")));
        }
        Ok(Extent {
            physical: Some(first * size + within),
            length: count * size - within,
        })
    }
}
