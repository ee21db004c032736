//! The boot sector: how large everything is and where it lies.

use std::sync::Arc;

use crate::block::BlockSource;
use crate::bytes::{byte, le16, le32};
use crate::fat::clusters::{Clusters, Layout, Width};
use crate::fat::raw::Place;
use crate::pages::Pages;
use crate::volume::MediaError;

const SECTOR_BYTES: usize = 512;
const SIGNATURE: u16 = 0xaa55;
/// The format's own: more clusters than these need wider entries.
const FAT12_CLUSTERS_MAX: u64 = 4084;
const FAT16_CLUSTERS_MAX: u64 = 65524;
const FAT32_CLUSTERS_MAX: u64 = 0x0fff_fff5;
const ENTRY_BYTES: u64 = 32;

/// What the boot sector says.
pub(super) struct Boot {
    pub(super) clusters: Arc<Clusters>,
    pub(super) root: Place,
    pub(super) width: Width,
    pub(super) serial: u32,
}

/// Whether a volume begins as FAT does. There is no mark; the numbers must fit each other.
pub(crate) fn is_fat(source: &dyn BlockSource) -> std::io::Result<bool> {
    let mut sector = [0; SECTOR_BYTES];
    if source.size() < SECTOR_BYTES as u64 {
        return Ok(false);
    }
    source.read_exact_at(0, &mut sector)?;
    let sector_bytes = le16(&sector, 11);
    let is_jump = matches!(byte(&sector, 0), 0xeb | 0xe9);
    Ok(is_jump
        && le16(&sector, 510) == SIGNATURE
        && sector.get(3..11) != Some(b"NTFS    ")
        && sector.get(3..11) != Some(b"EXFAT   ")
        && sector.get(3..11) != Some(b"-FVE-FS-")
        && (512..=4096).contains(&sector_bytes)
        && sector_bytes.is_power_of_two()
        && byte(&sector, 13).is_power_of_two()
        && le16(&sector, 14) != 0
        && byte(&sector, 16) != 0
        && (byte(&sector, 21) == 0xf0 || byte(&sector, 21) >= 0xf8))
}

impl Boot {
    /// Reads the boot sector of a volume for which [`is_fat`] holds.
    pub(super) fn read(source: Arc<dyn BlockSource>) -> Result<Self, MediaError> {
        let size = source.size();
        let pages = Arc::new(Pages::new(source));
        let sector = pages.bytes(0, SECTOR_BYTES)?;
        let sector_bytes = u64::from(le16(&sector, 11));
        let cluster_bytes = u64::from(byte(&sector, 13)) * sector_bytes;
        let copies = u64::from(byte(&sector, 16));
        let short = u64::from(le16(&sector, 22));
        let is_32 = short == 0;
        let table_sectors = if is_32 {
            u64::from(le32(&sector, 36))
        } else {
            short
        };
        let total = match le16(&sector, 19) {
            0 => u64::from(le32(&sector, 32)),
            short => u64::from(short),
        };
        let table_at = u64::from(le16(&sector, 14)) * sector_bytes;
        let table_bytes = table_sectors * sector_bytes;
        let root_at = table_at + copies * table_bytes;
        let root_bytes = match is_32 {
            true => 0,
            false => (u64::from(le16(&sector, 17)) * ENTRY_BYTES).next_multiple_of(sector_bytes),
        };
        let heap_at = root_at + root_bytes;
        let end = total * sector_bytes;
        if cluster_bytes == 0 || table_bytes == 0 || heap_at >= end {
            return Err(broken("the boot sector leaves no room for files"));
        }
        if end > size.next_multiple_of(sector_bytes) {
            let text = format!("the file system has {end} bytes and the volume only {size}");
            return Err(MediaError::Damaged(text));
        }
        let count = (end - heap_at) / cluster_bytes;
        let width = match (is_32, count) {
            (true, 0..=FAT32_CLUSTERS_MAX) => Width::Fat32,
            (false, 0..=FAT12_CLUSTERS_MAX) => Width::Fat12,
            (false, 0..=FAT16_CLUSTERS_MAX) => Width::Fat16,
            _ => return Err(broken("more clusters than the table can number")),
        };
        // Clusters that the table has no room for do not exist.
        let count = count.min((table_bytes * 8 / width.bits()).saturating_sub(2));
        let flags = if is_32 { le16(&sector, 40) } else { 0 };
        // With the table not mirrored, one copy is in force; else the first, and the next in need.
        let is_mirrored = flags & 0x80 == 0;
        let active = if is_mirrored {
            0
        } else {
            u64::from(flags & 15)
        };
        if active >= copies {
            return Err(broken("the table in force does not exist"));
        }
        let root = match is_32 {
            true => Place::chain(le32(&sector, 44)),
            false => Place::Region {
                at: root_at,
                bytes: root_bytes,
            },
        };
        let second = (is_mirrored && copies > 1).then_some(table_at + table_bytes);
        let serial_at = if is_32 { 67 } else { 39 };
        Ok(Self {
            clusters: Arc::new(Clusters::new(
                pages,
                Layout {
                    table_at: table_at + active * table_bytes,
                    second_table_at: second,
                    heap_at,
                    cluster_bytes,
                    count,
                },
                width,
            )),
            root,
            width,
            serial: le32(&sector, serial_at),
        })
    }
}

fn broken(what: &str) -> MediaError {
    MediaError::Damaged(what.to_owned())
}
