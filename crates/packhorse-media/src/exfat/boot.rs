//! The boot sector of exFAT, or its backup.

use std::sync::Arc;

use crate::block::BlockSource;
use crate::bytes::{byte, le16, le32, le64};
use crate::fat::clusters::{Clusters, Layout, Width};
use crate::pages::Pages;
use crate::volume::{MediaError, ReadError};

const NAME: &[u8] = b"EXFAT   ";
/// A boot region has eleven sectors and one full of their checksum.
const SUMMED_SECTORS: u64 = 11;
/// The backup begins here, in sectors.
const BACKUP_SECTOR: u64 = 12;
const CLUSTERS_MAX: u32 = 0xffff_fff5;
/// Of a sector and of a cluster, as powers of two.
const SECTOR_SHIFTS: std::ops::RangeInclusive<u8> = 9..=12;
const CLUSTER_SHIFT_MAX: u8 = 25;

/// What the boot sector says.
pub(super) struct Boot {
    pub(super) clusters: Arc<Clusters>,
    pub(super) root_cluster: u32,
    pub(super) serial: u32,
}

/// Whether a volume begins as exFAT does.
pub(crate) fn is_exfat(source: &dyn BlockSource) -> std::io::Result<bool> {
    let mut name = [0; 8];
    if source.size() < 512 {
        return Ok(false);
    }
    source.read_exact_at(3, &mut name)?;
    Ok(name == *NAME)
}

impl Boot {
    /// Reads the boot region; where its checksum is wrong, the backup.
    pub(super) fn read(source: Arc<dyn BlockSource>) -> Result<Self, MediaError> {
        let pages = Arc::new(Pages::new(source));
        let first = read_region(&pages, 0, SECTOR_SHIFTS)?;
        let sector = match first {
            Some(sector) => sector,
            None => read_backup(&pages)?.ok_or_else(|| broken("both boot sectors are damaged"))?,
        };
        Self::parse(pages, &sector)
    }

    fn parse(pages: Arc<Pages>, sector: &[u8]) -> Result<Self, MediaError> {
        let (sector_shift, more) = (byte(sector, 108), byte(sector, 109));
        let cluster_shift = sector_shift.saturating_add(more);
        if cluster_shift > CLUSTER_SHIFT_MAX {
            return Err(broken("clusters of more than 32 MiB"));
        }
        let in_bytes = |sectors: u32| u64::from(sectors) << sector_shift;
        let volume_bytes = le64(sector, 72).checked_mul(1 << sector_shift);
        let copies = byte(sector, 110);
        let (table_bytes, count) = (in_bytes(le32(sector, 84)), le32(sector, 92));
        // The second table and bitmap are in force only with transactions.
        let active = u64::from(le16(sector, 106) & 1);
        let layout = Layout {
            table_at: in_bytes(le32(sector, 80)) + active * table_bytes,
            second_table_at: None,
            heap_at: in_bytes(le32(sector, 88)),
            cluster_bytes: 1 << cluster_shift,
            count: u64::from(count),
        };
        if !(1..=2).contains(&copies) || active >= u64::from(copies) || count > CLUSTERS_MAX {
            return Err(broken("the boot sector contradicts itself"));
        }
        let heap_end = layout.heap_at + layout.count * layout.cluster_bytes;
        let is_inside = volume_bytes.is_some_and(|bytes| heap_end <= bytes)
            && (layout.count + 2) * 4 <= table_bytes
            && layout.table_at + table_bytes <= layout.heap_at;
        if !is_inside {
            return Err(broken("the boot sector contradicts itself"));
        }
        if heap_end > pages.size() {
            let size = pages.size();
            let text = format!("the file system has {heap_end} bytes and the volume only {size}");
            return Err(MediaError::Damaged(text));
        }
        Ok(Self {
            clusters: Arc::new(Clusters::new(pages, layout, Width::ExFat)),
            root_cluster: le32(sector, 96),
            serial: le32(sector, 100),
        })
    }
}

fn read_backup(pages: &Pages) -> Result<Option<Vec<u8>>, ReadError> {
    for shift in SECTOR_SHIFTS {
        let found = read_region(pages, BACKUP_SECTOR << shift, shift..=shift)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A boot sector at `start` whose region has the right checksum.
fn read_region(
    pages: &Pages,
    start: u64,
    shifts: std::ops::RangeInclusive<u8>,
) -> Result<Option<Vec<u8>>, ReadError> {
    if start + 512 > pages.size() {
        return Ok(None);
    }
    let sector = pages.bytes(start, 512)?;
    let shift = byte(&sector, 108);
    if sector.get(3..11) != Some(NAME) || !shifts.contains(&shift) {
        return Ok(None);
    }
    let length = (SUMMED_SECTORS + 1) << shift;
    if start + length > pages.size() {
        return Ok(None);
    }
    // At most 48 KiB.
    let region = pages.bytes(start, usize::try_from(length).unwrap_or(0))?;
    let summed = usize::try_from(SUMMED_SECTORS << shift).unwrap_or(0);
    let mut sum = 0u32;
    for (at, byte) in region.iter().take(summed).enumerate() {
        // Flags and fullness change without the sum.
        if !matches!(at, 106 | 107 | 112) {
            sum = sum.rotate_right(1).wrapping_add(u32::from(*byte));
        }
    }
    Ok((le32(&region, summed) == sum).then_some(sector))
}

fn broken(what: &str) -> MediaError {
    MediaError::Damaged(what.to_owned())
}
