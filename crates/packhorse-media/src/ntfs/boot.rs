//! The boot sector, or its backup in the last sector.

use crate::block::BlockSource;
use crate::bytes::{byte, le16, le64};
use crate::pages::Pages;
use crate::volume::{MediaError, ReadError};

const NAME: &[u8] = b"NTFS    ";
const SECTOR_BYTES: u64 = 512;
/// Windows makes clusters of up to 2 MiB.
const CLUSTER_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Records have 1 KiB, on disks with large sectors 4 KiB; nothing writes larger ones.
const RECORD_BYTES: std::ops::RangeInclusive<u64> = 512..=64 * 1024;

/// What the boot sector says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boot {
    pub(super) cluster_bytes: u64,
    pub(super) clusters: u64,
    pub(super) record_bytes: usize,
    /// Where the table of records begins, and the copy of its first records, in bytes.
    pub(super) mft_at: u64,
    pub(super) mirror_at: u64,
    pub(super) serial: u64,
}

/// Whether a volume begins, or ends, as NTFS does.
pub(crate) fn is_ntfs(source: &dyn BlockSource) -> std::io::Result<bool> {
    let Some(last) = source.size().checked_sub(SECTOR_BYTES) else {
        return Ok(false);
    };
    let mut name = [0; 8];
    source.read_exact_at(3, &mut name)?;
    if name == *NAME {
        return Ok(true);
    }
    // Only zeros where the name was: the backup may tell. Any other name is another file system.
    let is_gone = name == [0; 8];
    source.read_exact_at(last + 3, &mut name)?;
    Ok(is_gone && name == *NAME)
}

impl Boot {
    /// Reads the boot sector, and where it makes no sense the backup.
    pub(super) fn read(pages: &Pages) -> Result<Self, MediaError> {
        let first = pages.bytes(0, SECTOR_BYTES as usize)?;
        if let Some(boot) = Self::parse(&first, pages.size()) {
            return Ok(boot);
        }
        let last = pages.bytes(pages.size() - SECTOR_BYTES, SECTOR_BYTES as usize)?;
        let claimed = le64(&first, 0x28).saturating_mul(u64::from(le16(&first, 11)));
        match Self::parse(&last, pages.size()) {
            Some(boot) => Ok(boot),
            None if claimed > pages.size() => Err(ReadError::Damaged(format!(
                "the file system has {claimed} bytes and the volume only {}",
                pages.size()
            ))
            .into()),
            None => Err(MediaError::Damaged("the boot sector".to_owned())),
        }
    }

    fn parse(sector: &[u8], size: u64) -> Option<Self> {
        let sector_bytes = u64::from(le16(sector, 11));
        // Above 128 the number is a power of two, negated.
        let per_cluster = match byte(sector, 13) {
            shift @ 0xe1.. => 1u64.checked_shl(u32::from(shift.wrapping_neg()))?,
            count => u64::from(count),
        };
        let cluster_bytes = sector_bytes.checked_mul(per_cluster)?;
        let clusters = le64(sector, 0x28).checked_mul(sector_bytes)? / cluster_bytes.max(1);
        let record_bytes = match byte(sector, 0x40) {
            shift @ 0x80.. => 1u64.checked_shl(u32::from(shift.wrapping_neg()))?,
            count => u64::from(count).checked_mul(cluster_bytes)?,
        };
        let place = |at: usize| {
            let cluster = le64(sector, at);
            (cluster < clusters).then(|| cluster * cluster_bytes)
        };
        let is_sound = sector.get(3..11) == Some(NAME)
            && sector_bytes.is_power_of_two()
            && (256..=4096).contains(&sector_bytes)
            && cluster_bytes.is_power_of_two()
            && cluster_bytes <= CLUSTER_BYTES_MAX
            && record_bytes.is_power_of_two()
            && RECORD_BYTES.contains(&record_bytes)
            && clusters.checked_mul(cluster_bytes)? <= size;
        if !is_sound {
            return None;
        }
        Some(Self {
            cluster_bytes,
            clusters,
            record_bytes: usize::try_from(record_bytes).ok()?,
            mft_at: place(0x30)?,
            // A lost mirror is no loss while the table itself is whole.
            mirror_at: place(0x38).unwrap_or(0),
            serial: le64(sector, 0x48),
        })
    }
}
