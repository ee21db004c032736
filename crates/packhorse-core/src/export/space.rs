//! What a device has room for.
//!
//! Estimates that are never too small: a device is called full a little early rather than found full
//! in the middle of an object.

use crate::manifest::FileSystem;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Kept free for the files of the sidecar beside their lines, and for rounding.
const RESERVE_BYTES: u64 = 2 * MIB;
/// Beside path and key, a line of the sidecar has so many bytes: digests, dates, usual headers.
const RECORD_BYTES: u64 = 700;
/// The largest file of FAT32.
const FAT32_FILE_BYTES_MAX: u64 = 4 * GIB - 1;
/// The largest file of ext2 and ext3 with blocks of 4 KiB.
const EXT3_FILE_BYTES_MAX: u64 = 2 * 1024 * GIB - 4 * KIB;
/// Of ext4.
const EXT4_FILE_BYTES_MAX: u64 = 16 * 1024 * GIB - 4 * KIB;
/// A folder of FAT32 has at most so many entries of 32 bytes.
const FAT32_FOLDER_ENTRIES_MAX: u64 = 65_534;

/// The room of a device with this file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    file_system: FileSystem,
    /// What files take their room in.
    block: u64,
    /// For files, folders and the sidecar together.
    free: u64,
}

/// A device without room for even the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the device has {bytes} bytes, at least {needed} are needed for the file system")]
pub struct TooSmall {
    /// What it has.
    pub bytes: u64,
    /// What it must have.
    pub needed: u64,
}

impl Space {
    /// Of a device of so many bytes, formatted by us.
    pub fn of_device(file_system: FileSystem, bytes: u64) -> Result<Self, TooSmall> {
        let needed = match file_system {
            FileSystem::Fat32 => 40 * MIB,
            FileSystem::Ntfs | FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => 16 * MIB,
        };
        if bytes < needed {
            return Err(TooSmall { bytes, needed });
        }
        let block = Self::block_bytes(file_system, bytes);
        let taken = match file_system {
            FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => {
                // Per group of 128 MiB: two bitmaps, a descriptor, part of a block of inodes, and a
                // copy of superblock and descriptors in some groups.
                let groups = bytes.div_ceil(128 * MIB);
                let descriptors = (groups * 64).div_ceil(block) * block;
                let copies = groups.min(2 + u64::from(groups.ilog2()));
                let journal = Self::journal_mib(file_system, bytes) * MIB;
                groups * 4 * block + copies * (descriptors + block) + journal + 32 * block
            }
            // $LogFile, $MFT's first records, $UpCase, $Bitmap; a file's own record is its cost.
            FileSystem::Ntfs => (bytes / 32).min(72 * MIB) + 4 * MIB + bytes / block / 8,
            // Two tables of four bytes for each cluster.
            FileSystem::Fat32 => bytes / block * 8 + MIB,
        };
        // What the formulas do not know.
        let margin = (bytes / 100).min(GIB);
        Ok(Self {
            file_system,
            block,
            free: bytes.saturating_sub(taken + margin + RESERVE_BYTES),
        })
    }

    /// Of a folder on a mounted file system that has so many bytes free, in blocks of this size.
    pub fn of_folder(file_system: FileSystem, free: u64, block: u64) -> Self {
        Self {
            file_system,
            block: block.clamp(512, 64 * MIB),
            free: free.saturating_sub((free / 200).min(GIB) + RESERVE_BYTES),
        }
    }

    /// The block or cluster that a device of this size is formatted with.
    pub fn block_bytes(file_system: FileSystem, bytes: u64) -> u64 {
        match file_system {
            FileSystem::Fat32 if bytes < 300 * MIB => 512,
            FileSystem::Fat32 if bytes > 32 * GIB => 32 * KIB,
            FileSystem::Fat32 if bytes > 8 * GIB => 16 * KIB,
            _ => 4 * KIB,
        }
    }

    /// The size of the journal that a device of this size is formatted with.
    pub fn journal_mib(file_system: FileSystem, bytes: u64) -> u64 {
        match file_system {
            FileSystem::Ext4 | FileSystem::Ext3 if bytes < 256 * MIB => 4,
            FileSystem::Ext4 | FileSystem::Ext3 if bytes < 2 * GIB => 16,
            FileSystem::Ext4 | FileSystem::Ext3 if bytes < 64 * GIB => 64,
            FileSystem::Ext4 | FileSystem::Ext3 => 128,
            FileSystem::Ext2 | FileSystem::Ntfs | FileSystem::Fat32 => 0,
        }
    }

    /// The largest file that the file system can hold, however much room there is.
    pub fn file_bytes_max(&self) -> u64 {
        match self.file_system {
            FileSystem::Fat32 => FAT32_FILE_BYTES_MAX,
            FileSystem::Ext2 | FileSystem::Ext3 => EXT3_FILE_BYTES_MAX,
            FileSystem::Ext4 | FileSystem::Ntfs => EXT4_FILE_BYTES_MAX,
        }
    }

    /// How many entries a folder takes, where that is limited.
    pub fn folder_entries_max(&self) -> Option<u64> {
        (self.file_system == FileSystem::Fat32).then_some(FAT32_FOLDER_ENTRIES_MAX)
    }

    /// How many of them a name is.
    pub fn entries_of(name: &str) -> u64 {
        1 + (name.encode_utf16().count() as u64).div_ceil(13)
    }

    /// Bytes for files, folders and the sidecar together.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// What an object takes: its blocks, its name, what the file system records of it, and its lines
    /// in the sidecar.
    pub fn file_cost(&self, path: &str, key: &str, size: u64) -> u64 {
        let blocks = size.div_ceil(self.block).saturating_mul(self.block);
        // A block of extents now and then; a table of clusters is paid for already.
        let map = match self.file_system {
            FileSystem::Ext2 | FileSystem::Ext3 => {
                size / 900 + 3 * self.block * u64::from(size > 48 * KIB)
            }
            FileSystem::Ext4 | FileSystem::Ntfs | FileSystem::Fat32 => size / GIB * self.block,
        };
        let lines = 2 * path.len() as u64 + key.len() as u64 + RECORD_BYTES;
        blocks
            .saturating_add(map)
            .saturating_add(self.name_cost(path) + lines)
    }

    /// What a further folder takes.
    pub fn folder_cost(&self, path: &str) -> u64 {
        self.block + self.name_cost(path)
    }

    fn name_cost(&self, path: &str) -> u64 {
        let name = path.rsplit('/').next().unwrap_or_default();
        let record = match self.file_system {
            FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => 256,
            FileSystem::Ntfs => 1024,
            FileSystem::Fat32 => 0,
        };
        let entry = match self.file_system {
            FileSystem::Ext4 | FileSystem::Ext3 | FileSystem::Ext2 => 12 + name.len() as u64,
            FileSystem::Ntfs => 96 + 2 * name.len() as u64,
            FileSystem::Fat32 => 32 * Self::entries_of(name),
        };
        // Folders are seldom packed to the last byte.
        record + entry * 3 / 2
    }
}

/// A device that fills up.
#[derive(Clone, Copy, Debug)]
pub struct Filling {
    space: Space,
    taken: u64,
}

impl Filling {
    /// An empty device.
    pub fn new(space: Space) -> Self {
        Self { space, taken: 0 }
    }

    /// The device.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// Takes the room, if it is there.
    pub fn take(&mut self, cost: u64) -> bool {
        let taken = self.taken.saturating_add(cost);
        let fits = taken <= self.space.free;
        if fits {
            self.taken = taken;
        }
        fits
    }

    /// Whether so much would fit an empty device.
    pub fn could_ever(&self, cost: u64) -> bool {
        cost <= self.space.free
    }
}
