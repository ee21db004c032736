//! The volume header, or its copy near the end of the volume; and the older file system that may be
//! wrapped around it.

use std::sync::Arc;

use crate::block::{BlockSource, Part};
use crate::bytes::{be16, be32, be64};
use crate::hfs::fork::{FORK_BYTES, Fork};
use crate::volume::MediaError;

const HEADER_AT: u64 = 1024;
pub(super) const HEADER_BYTES: usize = 512;
const PLUS: &[u8] = b"H+";
const EXTENDED: &[u8] = b"HX";
/// The older HFS, in which an HFS+ may be embedded.
const WRAPPER: &[u8] = b"BD";
/// The format's own least; nothing writes more than 1 MiB.
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = 512..=16 * 1024 * 1024;

mod attribute {
    pub(super) const JOURNALED: u32 = 1 << 13;
}

/// What the volume header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) is_extended: bool,
    pub(super) block_bytes: u64,
    pub(super) blocks: u64,
    /// Where the journal is described, when there is one.
    pub(super) journal_block: Option<u64>,
    /// Given to the volume when it was first mounted, and the time when it was made.
    pub(super) id: u64,
    pub(super) created: u32,
    pub(super) extents: Fork,
    pub(super) catalog: Fork,
}

/// Whether a volume begins as HFS+ does.
pub(crate) fn is_hfs(source: &dyn BlockSource) -> std::io::Result<bool> {
    let Some(bytes) = read(source, HEADER_AT)? else {
        return Ok(false);
    };
    Ok(bytes.starts_with(PLUS) || bytes.starts_with(EXTENDED) || embedded(&bytes).is_some())
}

fn read(source: &dyn BlockSource, at: u64) -> std::io::Result<Option<[u8; HEADER_BYTES]>> {
    let mut bytes = [0; HEADER_BYTES];
    match at.checked_add(HEADER_BYTES as u64) {
        Some(end) if end <= source.size() => {
            source.read_exact_at(at, &mut bytes).map(|()| Some(bytes))
        }
        _ => Ok(None),
    }
}

/// Where an HFS+ lies within an HFS, in bytes: its offset and its size.
fn embedded(bytes: &[u8]) -> Option<(u64, u64)> {
    if !bytes.starts_with(WRAPPER) || bytes.get(124..126) != Some(PLUS) {
        return None;
    }
    let block = u64::from(be32(bytes, 20));
    let first = u64::from(be16(bytes, 28)) * 512;
    let at = first + u64::from(be16(bytes, 126)) * block;
    Some((at, u64::from(be16(bytes, 128)) * block))
}

/// The volume without a wrapper, and where that begins within `source`.
pub(super) fn unwrap(source: Arc<dyn BlockSource>) -> std::io::Result<(Arc<dyn BlockSource>, u64)> {
    let header = read(&*source, HEADER_AT)?;
    Ok(match header.and_then(|bytes| embedded(&bytes)) {
        Some((at, size)) => (Arc::new(Part::new(source, at, size)), at),
        None => (source, 0),
    })
}

impl Header {
    /// Reads the header, and where it makes no sense the copy.
    pub(super) fn read(source: &dyn BlockSource) -> Result<Self, MediaError> {
        let size = source.size();
        let first = read(source, HEADER_AT)?;
        if let Some(header) = first.and_then(|bytes| Self::parse(&bytes, size)) {
            return Ok(header);
        }
        let copy = read(source, size.saturating_sub(HEADER_AT))?;
        if let Some(header) = copy.and_then(|bytes| Self::parse(&bytes, size)) {
            return Ok(header);
        }
        let claimed = first.map_or(0, |bytes| {
            u64::from(be32(&bytes, 40)) * u64::from(be32(&bytes, 44))
        });
        Err(MediaError::Damaged(match claimed > size {
            true => format!("the file system has {claimed} bytes and the volume only {size}"),
            false => "both volume headers".to_owned(),
        }))
    }

    fn parse(bytes: &[u8], size: u64) -> Option<Self> {
        let is_extended = bytes.starts_with(EXTENDED);
        let attributes = be32(bytes, 4);
        let (block_bytes, blocks) = (u64::from(be32(bytes, 40)), u64::from(be32(bytes, 44)));
        let is_sound = (is_extended || bytes.starts_with(PLUS))
            && BLOCK_BYTES.contains(&block_bytes)
            && block_bytes.is_power_of_two()
            && blocks * block_bytes <= size;
        let fork = |at: usize| bytes.get(at..at + FORK_BYTES).map(Fork::parse);
        is_sound.then_some(())?;
        Some(Self {
            is_extended,
            block_bytes,
            blocks,
            journal_block: (attributes & attribute::JOURNALED != 0)
                .then_some(u64::from(be32(bytes, 12))),
            id: be64(bytes, 104),
            created: be32(bytes, 16),
            extents: fork(192)?,
            catalog: fork(272)?,
        })
    }
}
