//! Inodes: what a file is, and where it says its contents are.

use jiff::Timestamp;
use packhorse_core::ledger::EntryKind;

use crate::bytes::{halves, le16, le32};
use crate::ext::checksum::crc32c;
use crate::ext::damaged;
use crate::ext::superblock::{Superblock, incompat};
use crate::volume::ReadError;

/// Bytes that every inode has; larger ones have more fields and attributes behind them.
pub(super) const OLD_INODE_BYTES: usize = 128;
/// Where the sixty bytes lie that say where the contents are.
const MAP_AT: usize = 0x28;
const MAP_BYTES: usize = 60;
/// The two halves of the checksum.
const CHECKSUM_LOW_AT: usize = 0x7c;
const CHECKSUM_HIGH_AT: usize = 0x82;

mod flag {
    pub(super) const ENCRYPTED: u32 = 0x800;
    pub(super) const INDEXED: u32 = 0x1000;
    pub(super) const EXTENTS: u32 = 0x8_0000;
    pub(super) const ATTRIBUTE_VALUE: u32 = 0x20_0000;
    pub(super) const INLINE: u32 = 0x1000_0000;
}

/// An inode that is in use.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u32,
    pub(super) kind: EntryKind,
    pub(super) permissions: u32,
    pub(super) owner: (u32, u32),
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    /// The start of the checksums of this inode's own blocks, when structures have checksums.
    pub(super) checksum_seed: Option<u32>,
    flags: u32,
    bytes: Box<[u8]>,
}

impl Inode {
    /// Reads inode `number` from its bytes.
    pub(super) fn parse(
        superblock: &Superblock,
        number: u32,
        bytes: &[u8],
    ) -> Result<Self, ReadError> {
        let extra = extra_size(bytes)?;
        let checksum_seed = superblock.checksum_seed().map(|seed| {
            let generation = le32(bytes, 0x64).to_le_bytes();
            crc32c(seed, &[&number.to_le_bytes(), &generation])
        });
        if let Some(seed) = checksum_seed {
            verify(seed, number, bytes, extra)?;
        }
        let mode = le16(bytes, 0);
        let kind = kind_of(mode).ok_or_else(|| damaged(format!("inode {number} is unused")))?;
        if le16(bytes, 0x1a) == 0 {
            return Err(damaged(format!("inode {number} is deleted")));
        }
        let flags = le32(bytes, 0x20);
        if flags & flag::ATTRIBUTE_VALUE != 0 {
            return Err(damaged(format!("inode {number} is no file")));
        }
        // Directories of old file systems keep something else in the upper half.
        let has_high = kind == EntryKind::File || superblock.has(incompat::LARGE_DIR);
        let high = if has_high { le32(bytes, 0x6c) } else { 0 };
        Ok(Self {
            number,
            kind,
            permissions: u32::from(mode) & 0o7777,
            owner: (
                u32::from(le16(bytes, 2)) | u32::from(le16(bytes, 0x78)) << 16,
                u32::from(le16(bytes, 0x18)) | u32::from(le16(bytes, 0x7a)) << 16,
            ),
            size: halves(le32(bytes, 4), high),
            modified: modified(bytes, extra),
            checksum_seed,
            flags,
            bytes: bytes.into(),
        })
    }

    /// The sixty bytes that say where the contents are, or are contents.
    pub(super) fn map(&self) -> &[u8] {
        let map = self.bytes.get(MAP_AT..MAP_AT + MAP_BYTES);
        map.unwrap_or_default()
    }

    /// What lies behind the fields: attributes.
    pub(super) fn attributes(&self) -> &[u8] {
        // The size of the fields was checked when the inode was read.
        let extra = usize::from(le16(&self.bytes, OLD_INODE_BYTES));
        self.bytes
            .get(OLD_INODE_BYTES + extra..)
            .unwrap_or_default()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & flag::ENCRYPTED != 0
    }

    pub(super) fn is_indexed(&self) -> bool {
        self.flags & flag::INDEXED != 0
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flags & flag::EXTENTS != 0
    }

    pub(super) fn is_inline(&self) -> bool {
        self.flags & flag::INLINE != 0
    }
}

/// How many bytes of fields lie behind the first 128.
fn extra_size(bytes: &[u8]) -> Result<usize, ReadError> {
    if bytes.len() <= OLD_INODE_BYTES {
        return Ok(0);
    }
    let extra = usize::from(le16(bytes, OLD_INODE_BYTES));
    match extra % 4 == 0 && OLD_INODE_BYTES + extra <= bytes.len() {
        true => Ok(extra),
        false => Err(damaged(format!(
            "an inode with {extra} bytes of more fields"
        ))),
    }
}

fn verify(seed: u32, number: u32, bytes: &[u8], extra: usize) -> Result<(), ReadError> {
    let has_high = extra >= CHECKSUM_HIGH_AT + 2 - OLD_INODE_BYTES;
    let mut copy = bytes.to_vec();
    let mut clear = |at: usize| {
        copy.get_mut(at..at + 2)
            .into_iter()
            .for_each(|field| field.fill(0));
    };
    clear(CHECKSUM_LOW_AT);
    let mut stored = u32::from(le16(bytes, CHECKSUM_LOW_AT));
    let mut mask = 0xffff;
    if has_high {
        clear(CHECKSUM_HIGH_AT);
        stored |= u32::from(le16(bytes, CHECKSUM_HIGH_AT)) << 16;
        mask = u32::MAX;
    }
    match crc32c(seed, &[&copy]) & mask == stored {
        true => Ok(()),
        false => Err(damaged(format!("the checksum of inode {number} is wrong"))),
    }
}

fn kind_of(mode: u16) -> Option<EntryKind> {
    match mode >> 12 {
        0x1 => Some(EntryKind::Fifo),
        0x2 => Some(EntryKind::CharacterDevice),
        0x4 => Some(EntryKind::Directory),
        0x6 => Some(EntryKind::BlockDevice),
        0x8 => Some(EntryKind::File),
        0xa => Some(EntryKind::Symlink),
        0xc => Some(EntryKind::Socket),
        _ => None,
    }
}

fn modified(bytes: &[u8], extra: usize) -> Option<Timestamp> {
    let seconds = i64::from(le32(bytes, 0x10).cast_signed());
    let more = match extra {
        0..12 => 0,
        _ => le32(bytes, 0x88),
    };
    // Two bits of epoch carry the seconds beyond 2038, thirty bits are nanoseconds.
    let epoch = i64::from(more & 3) << 32;
    Timestamp::new(seconds + epoch, i32::try_from(more >> 2).ok()?).ok()
}
