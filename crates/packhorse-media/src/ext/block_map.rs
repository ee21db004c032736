//! Block maps: how ext2 and ext3 find a file's blocks, through up to three levels of pointers.

use crate::bytes::le32;
use crate::ext::damaged;
use crate::ext::filesystem::{FileSystem, Run};
use crate::ext::inode::Inode;
use crate::volume::ReadError;

/// Pointers in the inode that name blocks of the file themselves.
const DIRECT: u64 = 12;
const POINTER_BYTES: usize = 4;
/// Levels of pointers below the pointers in the inode.
const LEVELS: u32 = 3;

/// How many blocks a file can have.
pub(super) fn file_blocks_max(block_size: u32) -> u64 {
    let fan = fan(u64::from(block_size));
    // At most 12 + 2^14 + 2^28 + 2^42.
    (1..=LEVELS).map(|level| fan.pow(level)).sum::<u64>() + DIRECT
}

/// Finds the blocks of a file from its block `logical` on.
pub(super) fn lookup(fs: &FileSystem, inode: &Inode, logical: u64) -> Result<Run, ReadError> {
    if logical < DIRECT {
        let direct = inode.map().get(..DIRECT as usize * POINTER_BYTES);
        return Ok(run_of(direct.unwrap_or_default(), logical));
    }
    let fan = fan(fs.block_size());
    let mut within = logical - DIRECT;
    for level in 1..=LEVELS {
        let reach = fan.pow(level);
        if within < reach {
            let slot = (DIRECT as usize + level as usize - 1) * POINTER_BYTES;
            return descend(fs, le32(inode.map(), slot), level, within);
        }
        within -= reach;
    }
    Err(damaged(format!("block {logical} of a file")))
}

/// Goes down from a pointer with `level` levels of pointers below it.
fn descend(fs: &FileSystem, pointer: u32, level: u32, within: u64) -> Result<Run, ReadError> {
    let fan = fan(fs.block_size());
    let (mut pointer, mut within) = (pointer, within);
    for level in (1..=level).rev() {
        if pointer == 0 {
            return Ok(Run {
                physical: None,
                length: fan.pow(level) - within,
            });
        }
        let pointers = fs.blocks.read(u64::from(pointer))?;
        if level == 1 {
            return Ok(run_of(&pointers, within));
        }
        let reach = fan.pow(level - 1);
        pointer = pointer_at(&pointers, within / reach);
        within %= reach;
    }
    Err(damaged("a block map without levels"))
}

/// As many blocks as follow each other on the disk, or as are missing, from `index` on.
fn run_of(pointers: &[u8], index: u64) -> Run {
    let first = pointer_at(pointers, index);
    let count = (pointers.len() / POINTER_BYTES) as u64;
    let follows = |distance: u64| {
        let pointer = u64::from(pointer_at(pointers, index + distance));
        match first {
            0 => pointer == 0,
            _ => pointer == u64::from(first) + distance,
        }
    };
    let left = count.saturating_sub(index);
    let length = (1..left).take_while(|distance| follows(*distance)).count() as u64 + 1;
    Run {
        physical: (first != 0).then_some(u64::from(first)),
        length,
    }
}

fn pointer_at(pointers: &[u8], index: u64) -> u32 {
    usize::try_from(index).map_or(0, |index| le32(pointers, index * POINTER_BYTES))
}

/// Pointers in one block.
fn fan(block_size: u64) -> u64 {
    block_size / POINTER_BYTES as u64
}
