//! Group descriptors: where each group keeps its inodes.

use std::ops::Range;

use crate::bytes::{halves, le16, le32};
use crate::ext::blocks::Blocks;
use crate::ext::checksum::crc32c;
use crate::ext::damaged;
use crate::ext::superblock::{Superblock, incompat};
use crate::volume::ReadError;

/// The group's inodes were never written.
const INODES_UNUSED: u16 = 0x1;
const CHECKSUM_AT: usize = 0x1e;

/// The blocks of a group's inode table.
pub(super) fn inode_table(
    superblock: &Superblock,
    blocks: &Blocks,
    group: u32,
) -> Result<Range<u64>, ReadError> {
    let size = usize::from(superblock.descriptor_size);
    let per_block = superblock.descriptors_per_block();
    let block = blocks.read(descriptor_block(superblock, group / per_block))?;
    let at = (group % per_block) as usize * size;
    let descriptor = block.get(at..at + size).unwrap_or_default();
    verify(superblock, group, descriptor)?;

    let is_unused = le16(descriptor, 0x12) & INODES_UNUSED != 0;
    if superblock.marks_unused_groups() && is_unused {
        return Err(damaged(format!("an inode in the unused group {group}")));
    }
    let high = match size {
        0..64 => 0,
        _ => le32(descriptor, 0x28),
    };
    let start = halves(le32(descriptor, 8), high);
    let length = superblock
        .inodes_per_group
        .div_ceil(superblock.inodes_per_block());
    match start.checked_add(u64::from(length)) {
        Some(end) if end <= superblock.blocks_count && start > superblock.own_block() => {
            Ok(start..end)
        }
        _ => Err(damaged(format!(
            "group {group} has its inodes at block {start}"
        ))),
    }
}

/// The block that holds the `number`th block of descriptors.
fn descriptor_block(superblock: &Superblock, number: u32) -> u64 {
    if !superblock.has(incompat::META_BG) || number < superblock.first_meta_group {
        return superblock.own_block() + 1 + u64::from(number);
    }
    // With META_BG each run of groups begins with its own descriptors, behind the superblock's copy.
    let group = superblock.descriptors_per_block().saturating_mul(number);
    let start = superblock.group_start(group);
    // With blocks of 1 KiB numbered from 0, the superblock of the first group is in its second.
    let shifted = superblock.own_block() == 1 && superblock.first_data_block == 0 && group == 0;
    start + u64::from(superblock.has_copy(group)) + u64::from(shifted)
}

fn verify(superblock: &Superblock, group: u32, descriptor: &[u8]) -> Result<(), ReadError> {
    let Some(seed) = superblock.checksum_seed() else {
        return Ok(());
    };
    let before = descriptor.get(..CHECKSUM_AT).unwrap_or_default();
    let after = descriptor.get(CHECKSUM_AT + 2..).unwrap_or_default();
    let sum = crc32c(seed, &[&group.to_le_bytes(), before, &[0, 0], after]);
    match sum & 0xffff == u32::from(le16(descriptor, CHECKSUM_AT)) {
        true => Ok(()),
        false => Err(damaged(format!("the checksum of group {group} is wrong"))),
    }
}
