//! The GUID partition table (UEFI specification, section 5.3).

use std::io::{ErrorKind, Result};

use crate::block::BlockSource;
use crate::bytes::{le32, le64};
use crate::partition::Partition;

const SIGNATURE: &[u8] = b"EFI PART";
const HEADER_BYTES_MIN: usize = 92;
/// Tools write 128 entries; this is the most that any is known to write, and bounds memory.
const ENTRIES_MAX: u32 = 1024;
const ENTRY_BYTES_MIN: u32 = 128;
const ENTRY_BYTES_MAX: u32 = 4096;

/// Reads the first copy, in the second sector. `None` unless it is whole.
pub(super) fn read_primary(
    source: &dyn BlockSource,
    sector: u32,
) -> Result<Option<Vec<Partition>>> {
    read(source, sector, 1)
}

/// Reads the second copy, in the last sector. `None` unless it is whole.
pub(super) fn read_backup(source: &dyn BlockSource, sector: u32) -> Result<Option<Vec<Partition>>> {
    match (source.size() / u64::from(sector)).checked_sub(1) {
        Some(last) => read(source, sector, last),
        None => Ok(None),
    }
}

fn read(source: &dyn BlockSource, sector: u32, address: u64) -> Result<Option<Vec<Partition>>> {
    let Some(mut header) = read_bytes(source, sector, address, sector as usize)? else {
        return Ok(None);
    };
    let header_size = le32(&header, 12) as usize;
    if !header.starts_with(SIGNATURE) || header_size < HEADER_BYTES_MIN {
        return Ok(None);
    }
    let expected = le32(&header, 16);
    header
        .get_mut(16..20)
        .into_iter()
        .for_each(|crc| crc.fill(0));
    let Some(covered) = header.get(..header_size) else {
        return Ok(None);
    };
    let (count, entry_size) = (le32(&header, 80), le32(&header, 84));
    let is_whole = crc_fast::crc32_iso_hdlc(covered) == expected
        && le64(&header, 24) == address
        && count <= ENTRIES_MAX
        && (ENTRY_BYTES_MIN..=ENTRY_BYTES_MAX).contains(&entry_size);
    if !is_whole {
        return Ok(None);
    }
    let entries_size = count as usize * entry_size as usize;
    match read_bytes(source, sector, le64(&header, 72), entries_size)? {
        Some(entries) if crc_fast::crc32_iso_hdlc(&entries) == le32(&header, 88) => {
            Ok(Some(partitions(&entries, entry_size as usize, sector)))
        }
        _ => Ok(None),
    }
}

fn partitions(entries: &[u8], entry_size: usize, sector: u32) -> Vec<Partition> {
    let used = (1..)
        .zip(entries.chunks_exact(entry_size))
        .filter(|(_, entry)| {
            // An entry whose type is all zero is free.
            entry.iter().take(16).any(|byte| *byte != 0)
        });
    used.map(|(index, entry)| partition(index, le64(entry, 32), le64(entry, 40), sector))
        .collect()
}

fn partition(index: u32, first: u64, last: u64, sector: u32) -> Partition {
    let sector = u64::from(sector);
    let size = last
        .checked_sub(first)
        .and_then(|sectors| sectors.checked_add(1)?.checked_mul(sector));
    match (first.checked_mul(sector), size) {
        (Some(offset), Some(size)) => Partition {
            index,
            offset,
            size,
            problem: None,
        },
        _ => Partition {
            index,
            offset: 0,
            size: 0,
            problem: Some(format!(
                "the partition goes from sector {first} to sector {last}"
            )),
        },
    }
}

/// Reads from a sector on; `None` when that is not on the disk.
fn read_bytes(
    source: &dyn BlockSource,
    sector: u32,
    address: u64,
    length: usize,
) -> Result<Option<Vec<u8>>> {
    let Some(offset) = address.checked_mul(u64::from(sector)) else {
        return Ok(None);
    };
    let mut bytes = vec![0; length];
    match source.read_exact_at(offset, &mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
