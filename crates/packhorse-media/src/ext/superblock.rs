//! The superblock: what the file system is, checked against what the device can hold.

use crate::block::BlockSource;
use crate::bytes::{byte, halves, le16, le32};
use crate::ext::checksum::crc32c;
use crate::volume::MediaError;

/// Where the superblock lies, whatever the size of a block.
pub(super) const SUPERBLOCK_AT: u64 = 1024;
/// Its bytes.
pub(super) const SUPERBLOCK_BYTES: usize = 1024;
const MAGIC: u16 = 0xef53;
/// 1,024 << 6 is 64 KiB, the largest block that there is.
const LOG_BLOCK_SIZE_MAX: u32 = 6;

/// Features without which the file system cannot be read, and what they are called.
pub(super) mod incompat {
    pub(in crate::ext) const FILETYPE: u32 = 0x2;
    pub(in crate::ext) const RECOVER: u32 = 0x4;
    pub(in crate::ext) const JOURNAL_DEVICE: u32 = 0x8;
    pub(in crate::ext) const META_BG: u32 = 0x10;
    pub(in crate::ext) const EXTENTS: u32 = 0x40;
    pub(in crate::ext) const BIT64: u32 = 0x80;
    pub(in crate::ext) const MMP: u32 = 0x100;
    pub(in crate::ext) const FLEX_BG: u32 = 0x200;
    pub(in crate::ext) const EA_INODE: u32 = 0x400;
    pub(in crate::ext) const CSUM_SEED: u32 = 0x2000;
    pub(in crate::ext) const LARGE_DIR: u32 = 0x4000;
    pub(in crate::ext) const INLINE_DATA: u32 = 0x8000;
    pub(in crate::ext) const ENCRYPT: u32 = 0x10000;
    pub(in crate::ext) const CASEFOLD: u32 = 0x20000;
    pub(in crate::ext) const KNOWN: u32 = FILETYPE
        | RECOVER
        | META_BG
        | EXTENTS
        | BIT64
        | MMP
        | FLEX_BG
        | EA_INODE
        | CSUM_SEED
        | LARGE_DIR
        | INLINE_DATA
        | ENCRYPT
        | CASEFOLD;
    pub(in crate::ext) const EXT4: u32 = EXTENTS | BIT64 | MMP | FLEX_BG | INLINE_DATA;
}

mod ro_compat {
    pub(super) const SPARSE_SUPER: u32 = 0x1;
    pub(super) const HUGE_FILE: u32 = 0x8;
    pub(super) const GDT_CSUM: u32 = 0x10;
    pub(super) const DIR_NLINK: u32 = 0x20;
    pub(super) const EXTRA_ISIZE: u32 = 0x40;
    pub(super) const BIGALLOC: u32 = 0x200;
    pub(super) const METADATA_CSUM: u32 = 0x400;
    pub(super) const EXT4: u32 =
        HUGE_FILE | GDT_CSUM | DIR_NLINK | EXTRA_ISIZE | BIGALLOC | METADATA_CSUM;
}

mod compat {
    pub(super) const HAS_JOURNAL: u32 = 0x4;
    pub(super) const SPARSE_SUPER2: u32 = 0x200;
}

/// A superblock whose numbers agree with each other and with the device.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) block_size: u32,
    pub(super) blocks_count: u64,
    pub(super) first_data_block: u32,
    pub(super) blocks_per_group: u32,
    pub(super) groups_count: u32,
    pub(super) inodes_count: u32,
    pub(super) inodes_per_group: u32,
    pub(super) inode_size: u16,
    pub(super) first_inode: u32,
    pub(super) descriptor_size: u16,
    pub(super) first_meta_group: u32,
    pub(super) journal_inode: u32,
    compat: u32,
    incompat: u32,
    ro_compat: u32,
    backup_groups: [u32; 2],
    checksum_seed: u32,
    pub(super) uuid: [u8; 16],
}

/// Whether the mark of ext is there. A device too small for it has none.
pub(crate) fn is_ext(source: &dyn BlockSource) -> std::io::Result<bool> {
    let mut mark = [0; 2];
    match source.read_exact_at(SUPERBLOCK_AT + 0x38, &mut mark) {
        Ok(()) => Ok(u16::from_le_bytes(mark) == MAGIC),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

impl Superblock {
    /// Reads the superblock of a device of `device_size` bytes.
    pub(super) fn parse(bytes: &[u8], device_size: u64) -> Result<Self, MediaError> {
        let revision = le32(bytes, 0x4c);
        let dynamic = |value: u32, old: u32| if revision == 0 { old } else { value };
        let incompat = dynamic(le32(bytes, 0x60), 0);
        refuse_unknown(incompat)?;
        let ro_compat = dynamic(le32(bytes, 0x64), 0);
        if ro_compat & ro_compat::METADATA_CSUM != 0 {
            let covered = bytes.get(..0x3fc).unwrap_or_default();
            if crc32c(!0, &[covered]) != le32(bytes, 0x3fc) {
                return Err(broken("the superblock's checksum is wrong"));
            }
        }
        let log_block_size = le32(bytes, 0x18);
        if log_block_size > LOG_BLOCK_SIZE_MAX {
            return Err(broken(format!("a block size of 2^{log_block_size} KiB")));
        }
        let is_64bit = incompat & incompat::BIT64 != 0;
        let mut uuid = [0; 16];
        uuid.copy_from_slice(bytes.get(0x68..0x78).unwrap_or(&[0; 16]));
        let superblock = Self {
            block_size: 1024 << log_block_size,
            blocks_count: halves(
                le32(bytes, 4),
                if is_64bit { le32(bytes, 0x150) } else { 0 },
            ),
            first_data_block: le32(bytes, 0x14),
            blocks_per_group: le32(bytes, 0x20),
            groups_count: 0,
            inodes_count: le32(bytes, 0),
            inodes_per_group: le32(bytes, 0x28),
            inode_size: if revision == 0 {
                128
            } else {
                le16(bytes, 0x58)
            },
            first_inode: dynamic(le32(bytes, 0x54), 11),
            descriptor_size: if is_64bit { le16(bytes, 0xfe) } else { 32 },
            first_meta_group: le32(bytes, 0x104),
            journal_inode: le32(bytes, 0xe0),
            compat: dynamic(le32(bytes, 0x5c), 0),
            incompat,
            ro_compat,
            backup_groups: [le32(bytes, 0x24c), le32(bytes, 0x250)],
            checksum_seed: match incompat & incompat::CSUM_SEED {
                0 => crc32c(!0, &[&uuid]),
                _ => le32(bytes, 0x270),
            },
            uuid,
        };
        superblock.with_groups(device_size, byte(bytes, 0x1c))
    }

    /// Checks the geometry and counts the groups.
    fn with_groups(mut self, device_size: u64, log_cluster: u8) -> Result<Self, MediaError> {
        let bits_per_block = self.block_size * 8;
        let cluster_blocks = match self.ro_compat & ro_compat::BIGALLOC {
            0 => 1,
            // 2^29 KiB is the largest cluster that the format has.
            _ => 1u64 << u32::from(log_cluster.min(29)).saturating_sub(self.log_block_size()),
        };
        let size = self.blocks_count.checked_mul(u64::from(self.block_size));
        check(size.is_some() && self.blocks_count > 0, || {
            format!("{} blocks of {} bytes", self.blocks_count, self.block_size)
        })?;
        check(size.is_some_and(|size| size <= device_size), || {
            format!(
                "the file system has {} bytes and the device only {device_size}; it is cut off",
                size.unwrap_or(u64::MAX)
            )
        })?;
        check(
            u64::from(self.blocks_per_group) <= u64::from(bits_per_block) * cluster_blocks
                && self.blocks_per_group > 0,
            || format!("{} blocks per group", self.blocks_per_group),
        )?;
        check(
            self.first_data_block <= 1 && u64::from(self.first_data_block) < self.blocks_count,
            || format!("a first data block {}", self.first_data_block),
        )?;
        check(
            self.inode_size >= 128
                && self.inode_size.is_power_of_two()
                && u32::from(self.inode_size) <= self.block_size,
            || format!("inodes of {} bytes", self.inode_size),
        )?;
        check(
            (32..=1024).contains(&self.descriptor_size)
                && self.descriptor_size.is_power_of_two()
                && (self.incompat & incompat::BIT64 == 0 || self.descriptor_size >= 64),
            || format!("group descriptors of {} bytes", self.descriptor_size),
        )?;
        check(
            self.inodes_per_group >= self.inodes_per_block()
                && self.inodes_per_group <= bits_per_block,
            || format!("{} inodes per group", self.inodes_per_group),
        )?;
        let groups = (self.blocks_count - u64::from(self.first_data_block))
            .div_ceil(u64::from(self.blocks_per_group));
        let inodes = groups.saturating_mul(u64::from(self.inodes_per_group));
        check(
            self.inodes_count > 0 && u64::from(self.inodes_count) <= inodes,
            || format!("{} inodes in {groups} groups", self.inodes_count),
        )?;
        // Holds what is counted by inode to what the device can store.
        check(
            u64::from(self.inodes_count).saturating_mul(u64::from(self.inode_size)) <= device_size,
            || format!("{} inodes on {device_size} bytes", self.inodes_count),
        )?;
        self.groups_count =
            u32::try_from(groups).map_err(|_| broken(format!("{groups} groups")))?;
        Ok(self)
    }

    /// `ext2`, `ext3` or `ext4`: the oldest that could have written it.
    pub(super) fn format(&self) -> &'static str {
        let newer = self.incompat & incompat::EXT4 | self.ro_compat & ro_compat::EXT4;
        match (newer, self.compat & compat::HAS_JOURNAL) {
            (0, 0) => "ext2",
            (0, _) => "ext3",
            _ => "ext4",
        }
    }

    pub(super) fn has(&self, incompat: u32) -> bool {
        self.incompat & incompat != 0
    }

    /// The start of every checksum, when structures have checksums.
    pub(super) fn checksum_seed(&self) -> Option<u32> {
        (self.ro_compat & ro_compat::METADATA_CSUM != 0).then_some(self.checksum_seed)
    }

    /// Whether descriptors say which groups' inodes were never written.
    pub(super) fn marks_unused_groups(&self) -> bool {
        self.ro_compat & (ro_compat::METADATA_CSUM | ro_compat::GDT_CSUM) != 0
    }

    pub(super) fn inodes_per_block(&self) -> u32 {
        self.block_size / u32::from(self.inode_size)
    }

    pub(super) fn descriptors_per_block(&self) -> u32 {
        self.block_size / u32::from(self.descriptor_size)
    }

    /// The block that holds the superblock.
    pub(super) fn own_block(&self) -> u64 {
        SUPERBLOCK_AT / u64::from(self.block_size)
    }

    /// The first block of a group.
    pub(super) fn group_start(&self, group: u32) -> u64 {
        u64::from(group) * u64::from(self.blocks_per_group) + u64::from(self.first_data_block)
    }

    /// Whether a group begins with a copy of the superblock.
    pub(super) fn has_copy(&self, group: u32) -> bool {
        let is_power_of = |base: u32| {
            std::iter::successors(Some(base), |power| power.checked_mul(base))
                .take_while(|power| *power <= group)
                .any(|power| power == group)
        };
        if group == 0 {
            true
        } else if self.compat & compat::SPARSE_SUPER2 != 0 {
            self.backup_groups.contains(&group)
        } else {
            group == 1
                || self.ro_compat & ro_compat::SPARSE_SUPER == 0
                || [3, 5, 7].into_iter().any(is_power_of)
        }
    }

    fn log_block_size(&self) -> u32 {
        self.block_size.trailing_zeros() - 10
    }
}

fn refuse_unknown(incompat: u32) -> Result<(), MediaError> {
    if incompat & incompat::JOURNAL_DEVICE != 0 {
        return Err(MediaError::Unsupported(
            "the external journal of an ext3 or ext4 file system".to_owned(),
        ));
    }
    match incompat & !incompat::KNOWN {
        0 => Ok(()),
        unknown => Err(MediaError::Unsupported(format!(
            "ext4 with unknown features {unknown:#x}"
        ))),
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), MediaError> {
    match holds {
        true => Ok(()),
        false => Err(broken(format!("ext superblock: {}", otherwise()))),
    }
}

fn broken(what: impl Into<String>) -> MediaError {
    MediaError::Damaged(what.into())
}
