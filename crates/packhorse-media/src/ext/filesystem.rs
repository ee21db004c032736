//! The parts put together: inodes by number, and the blocks of a file.

use std::sync::Arc;

use crate::block::BlockSource;
use crate::ext::blocks::Blocks;
use crate::ext::inode::Inode;
use crate::ext::superblock::{SUPERBLOCK_AT, SUPERBLOCK_BYTES, Superblock, incompat};
use crate::ext::{block_map, damaged, extents, groups, journal};
use crate::volume::{MediaError, ReadError};

/// The number of the root directory.
pub(super) const ROOT_INODE: u32 = 2;

/// Blocks of a file that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Where the first of them lies; `None` where the file has a hole, which reads as zeros.
    pub(super) physical: Option<u64>,
    /// How many, at least one.
    pub(super) length: u64,
}

/// An open file system.
pub(super) struct FileSystem {
    pub(super) superblock: Superblock,
    pub(super) blocks: Blocks,
}

impl FileSystem {
    /// Opens the file system on `source`; replays its journal in memory if it was not unmounted.
    pub(super) fn open(source: Arc<dyn BlockSource>) -> Result<Self, MediaError> {
        let size = source.size();
        let mut bytes = [0; SUPERBLOCK_BYTES];
        source.read_exact_at(SUPERBLOCK_AT, &mut bytes)?;
        let superblock = Superblock::parse(&bytes, size)?;
        let blocks = Blocks::new(source, superblock.block_size, superblock.blocks_count);
        let on_disk = Self { superblock, blocks };
        if !on_disk.superblock.has(incompat::RECOVER) {
            return Ok(on_disk);
        }
        let newer = journal::replay(&on_disk)?;
        let blocks = on_disk.blocks.replayed(newer);
        blocks.read_bytes(SUPERBLOCK_AT, &mut bytes)?;
        let superblock = Superblock::parse(&bytes, size)?;
        match superblock.block_size == on_disk.superblock.block_size
            && superblock.blocks_count == on_disk.superblock.blocks_count
        {
            true => Ok(Self { superblock, blocks }),
            false => Err(MediaError::Damaged(
                "the journal changes the size of the file system".to_owned(),
            )),
        }
    }

    /// Reads an inode. The file's own faults are errors here; see [`Inode::parse`].
    pub(super) fn inode(&self, number: u32) -> Result<Inode, ReadError> {
        let superblock = &self.superblock;
        let Some(index) = number
            .checked_sub(1)
            .filter(|i| *i < superblock.inodes_count)
        else {
            return Err(damaged(format!(
                "inode {number} of {}",
                superblock.inodes_count
            )));
        };
        let group = index / superblock.inodes_per_group;
        let table = groups::inode_table(superblock, &self.blocks, group)?;
        let within = index % superblock.inodes_per_group;
        let block = table.start + u64::from(within / superblock.inodes_per_block());
        let block = self.blocks.read_in(table, block)?;
        let size = usize::from(superblock.inode_size);
        let at = (within % superblock.inodes_per_block()) as usize * size;
        Inode::parse(
            superblock,
            number,
            block.get(at..at + size).unwrap_or_default(),
        )
    }

    /// Finds the blocks of a file from its block `logical` on. Not for inline contents.
    pub(super) fn map(&self, inode: &Inode, logical: u64) -> Result<Run, ReadError> {
        let run = match inode.has_extents() {
            true => extents::lookup(self, inode, logical),
            false => block_map::lookup(self, inode, logical),
        }?;
        self.check(run)?;
        Ok(run)
    }

    /// How many blocks a file can have at most, by the way it finds them.
    pub(super) fn file_blocks_max(&self, inode: &Inode) -> u64 {
        match inode.has_extents() {
            true => extents::FILE_BLOCKS_MAX,
            false => block_map::file_blocks_max(self.superblock.block_size),
        }
    }

    pub(super) fn block_size(&self) -> u64 {
        u64::from(self.superblock.block_size)
    }

    fn check(&self, run: Run) -> Result<(), ReadError> {
        let Some(start) = run.physical else {
            return Ok(());
        };
        let end = start.checked_add(run.length);
        let is_inside = end.is_some_and(|end| end <= self.superblock.blocks_count);
        match is_inside && start > self.superblock.own_block() {
            true => Ok(()),
            false => Err(damaged(format!(
                "{} blocks from block {start} on",
                run.length
            ))),
        }
    }
}
