//! Inodes: what is known of a file, and the fork with its contents or the way to them.

use jiff::Timestamp;
use packhorse_core::ledger::EntryKind;

use crate::bytes::{be16, be32, be64, byte};
use crate::pages::Pages;
use crate::volume::ReadError;
use crate::xfs::superblock::Superblock;
use crate::xfs::{damaged, sum_is_right};

const MARK: u16 = 0x494e;
/// On another device.
const REALTIME: u16 = 1;

mod flag2 {
    pub(super) const LATE_TIMES: u64 = 8;
    pub(super) const MANY_EXTENTS: u64 = 0x10;
}

/// Where the contents of a file are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// In the fork itself.
    Local,
    /// In extents that the fork lists.
    Extents,
    /// In a tree of extents whose root the fork is.
    Tree,
    /// Nowhere: a device node.
    None,
}

/// An inode.
#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) number: u64,
    pub(super) kind: EntryKind,
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) modified: Option<Timestamp>,
    pub(super) size: u64,
    pub(super) format: Format,
    pub(super) extents: u64,
    pub(super) is_realtime: bool,
    /// The fork with the contents.
    pub(super) fork: Vec<u8>,
}

impl Inode {
    /// Reads an inode in use.
    pub(super) fn read(
        pages: &Pages,
        superblock: &Superblock,
        number: u64,
    ) -> Result<Self, ReadError> {
        let bytes = pages.bytes(superblock.inode(number)?, superblock.inode_bytes)?;
        let version = byte(&bytes, 4);
        let is_new = version == 3;
        let is_sound = be16(&bytes, 0) == MARK
            && (1..=3).contains(&version)
            && is_new == superblock.has_sums
            && (!is_new || (be64(&bytes, 152) == number && sum_is_right(&bytes, 100)));
        let raw_mode = be16(&bytes, 2);
        if !is_sound || raw_mode == 0 {
            return Err(damaged(format!("inode {number}")));
        }
        let flags2 = if is_new { be64(&bytes, 120) } else { 0 };
        let area = bytes
            .get(if is_new { 176 } else { 100 }..)
            .unwrap_or_default();
        let fork = match usize::from(byte(&bytes, 82)) * 8 {
            0 => area,
            length => area
                .get(..length)
                .ok_or_else(|| damaged("an inode's forks"))?,
        };
        Ok(Self {
            number,
            kind: kind(raw_mode),
            mode: u32::from(raw_mode & 0o7777),
            owner: (be32(&bytes, 8), be32(&bytes, 12)),
            modified: time(be64(&bytes, 40), flags2 & flag2::LATE_TIMES != 0),
            size: be64(&bytes, 56),
            format: match byte(&bytes, 5) {
                1 => Format::Local,
                2 => Format::Extents,
                3 => Format::Tree,
                _ => Format::None,
            },
            extents: match flags2 & flag2::MANY_EXTENTS {
                0 => u64::from(be32(&bytes, 76)),
                _ => be64(&bytes, 24),
            },
            is_realtime: be16(&bytes, 90) & REALTIME != 0,
            fork: fork.to_vec(),
        })
    }
}

fn kind(mode: u16) -> EntryKind {
    match mode & 0o170_000 {
        0o100_000 => EntryKind::File,
        0o040_000 => EntryKind::Directory,
        0o120_000 => EntryKind::Symlink,
        0o010_000 => EntryKind::Fifo,
        0o020_000 => EntryKind::CharacterDevice,
        0o060_000 => EntryKind::BlockDevice,
        0o140_000 => EntryKind::Socket,
        _ => EntryKind::Other,
    }
}

/// Seconds with a sign and nanoseconds; or nanoseconds since the least of such seconds.
fn time(raw: u64, is_late: bool) -> Option<Timestamp> {
    const SECOND: u64 = 1_000_000_000;
    let (seconds, nanoseconds) = match is_late {
        true => (
            (raw / SECOND).cast_signed() + i64::from(i32::MIN),
            raw % SECOND,
        ),
        false => (
            i64::from(((raw >> 32) as u32).cast_signed()),
            raw & 0xffff_ffff,
        ),
    };
    let nanoseconds = i32::try_from(nanoseconds).ok()?;
    Timestamp::new(seconds, nanoseconds.min(999_999_999)).ok()
}
