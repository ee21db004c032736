//! The superblock: how large everything is and where it lies.

use crate::block::BlockSource;
use crate::bytes::{be16, be32, be64, byte};
use crate::pages::Pages;
use crate::volume::{MediaError, ReadError};
use crate::xfs::{damaged, sum_is_right};

const MARK: &[u8] = b"XFSB";
const SECTOR_BYTES: std::ops::RangeInclusive<usize> = 512..=32 * 1024;
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = 512..=64 * 1024;
const INODE_BYTES: std::ops::RangeInclusive<usize> = 256..=2048;
const DIRECTORY_BYTES_MAX: u64 = 64 * 1024;

mod incompat {
    pub(super) const FTYPE: u32 = 1;
    pub(super) const NEEDS_REPAIR: u32 = 0x10;
    /// Kinds of files, sparse inodes, another number for metadata, late times, many extents,
    /// exchanged ranges, parents: nothing that hides files from who knows them.
    pub(super) const KNOWN: u32 = 0xff;
}

/// What the superblock says.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) block_bytes: u64,
    pub(super) blocks: u64,
    pub(super) id: u128,
    pub(super) root: u64,
    group_blocks: u64,
    groups: u64,
    pub(super) log_start: u64,
    pub(super) log_blocks: u64,
    pub(super) inode_bytes: usize,
    inodes_shift: u8,
    group_shift: u8,
    /// Of a block of a directory.
    pub(super) directory_bytes: u64,
    pub(super) has_sums: bool,
    /// Names tell what kind of file they are of.
    pub(super) has_kinds: bool,
}

/// Whether a volume begins as XFS does.
pub(crate) fn is_xfs(source: &dyn BlockSource) -> std::io::Result<bool> {
    let mut mark = [0; 4];
    if source.size() < 512 {
        return Ok(false);
    }
    source.read_exact_at(0, &mut mark)?;
    Ok(mark == *MARK)
}

impl Superblock {
    /// Reads the superblock of a volume for which [`is_xfs`] holds.
    pub(super) fn read(pages: &Pages) -> Result<Self, MediaError> {
        let first = pages.bytes(0, 512)?;
        let sector = usize::from(be16(&first, 102));
        if !SECTOR_BYTES.contains(&sector) || sector as u64 > pages.size() {
            return Err(broken("the superblock"));
        }
        let bytes = pages.bytes(0, sector)?;
        let version = be16(&bytes, 100);
        let has_sums = version & 15 == 5;
        if !matches!(version & 15, 4 | 5) {
            let number = version & 15;
            return Err(MediaError::Unsupported(format!("XFS of version {number}")));
        }
        if has_sums && !sum_is_right(&bytes, 224) {
            return Err(broken("the checksum of the superblock is wrong"));
        }
        let features = if has_sums { be32(&bytes, 216) } else { 0 };
        if features & (incompat::NEEDS_REPAIR | !incompat::KNOWN) != 0 {
            let text = "XFS that must be repaired first, or with unknown features";
            return Err(MediaError::Unsupported(text.to_owned()));
        }
        const OLD_FTYPE: u32 = 0x200;
        let has_kinds = match has_sums {
            true => features & incompat::FTYPE != 0,
            false => be32(&bytes, 200) & OLD_FTYPE != 0,
        };
        let found = Self {
            block_bytes: u64::from(be32(&bytes, 4)),
            blocks: be64(&bytes, 8),
            id: u128::from(be64(&bytes, 32)) << 64 | u128::from(be64(&bytes, 40)),
            log_start: be64(&bytes, 48),
            root: be64(&bytes, 56),
            group_blocks: u64::from(be32(&bytes, 84)),
            groups: u64::from(be32(&bytes, 88)),
            log_blocks: u64::from(be32(&bytes, 96)),
            inode_bytes: usize::from(be16(&bytes, 104)),
            inodes_shift: byte(&bytes, 123),
            group_shift: byte(&bytes, 124),
            directory_bytes: u64::from(be32(&bytes, 4))
                .checked_shl(u32::from(byte(&bytes, 192)))
                .unwrap_or(0),
            has_sums,
            has_kinds,
        };
        found.check(pages.size())?;
        Ok(found)
    }

    fn check(&self, size: u64) -> Result<(), MediaError> {
        let claimed = self.blocks.checked_mul(self.block_bytes);
        if let Some(claimed) = claimed.filter(|claimed| *claimed > size) {
            return Err(broken(&format!(
                "the file system has {claimed} bytes and the volume only {size}"
            )));
        }
        let is_sound = claimed.is_some()
            && BLOCK_BYTES.contains(&self.block_bytes)
            && self.block_bytes.is_power_of_two()
            && INODE_BYTES.contains(&self.inode_bytes)
            && self.inode_bytes.is_power_of_two()
            && self.block_bytes
                == (self.inode_bytes as u64)
                    .checked_shl(u32::from(self.inodes_shift))
                    .unwrap_or(0)
            && self.directory_bytes <= DIRECTORY_BYTES_MAX
            && self.directory_bytes >= self.block_bytes
            && self.group_shift < 32
            && self.group_blocks <= 1 << self.group_shift
            && self.group_blocks > 0
            && self.groups == self.blocks.div_ceil(self.group_blocks);
        match is_sound {
            true => Ok(()),
            false => Err(broken("the superblock contradicts itself")),
        }
    }

    /// Where block `number`, which has its group's number in front, lies, in blocks.
    pub(super) fn block(&self, number: u64) -> Result<u64, ReadError> {
        let (group, within) = (
            number >> self.group_shift,
            number & ((1 << self.group_shift) - 1),
        );
        let block = group
            .checked_mul(self.group_blocks)
            .and_then(|start| start.checked_add(within));
        match block {
            Some(block) if within < self.group_blocks && block < self.blocks => Ok(block),
            _ => Err(damaged(format!("block {number:#x}"))),
        }
    }

    /// Where an inode lies, in bytes.
    pub(super) fn inode(&self, number: u64) -> Result<u64, ReadError> {
        let block = self.block(number >> self.inodes_shift)?;
        let within = number & ((1 << self.inodes_shift) - 1);
        Ok(block * self.block_bytes + within * self.inode_bytes as u64)
    }
}

fn broken(what: &str) -> MediaError {
    MediaError::Damaged(what.to_owned())
}
