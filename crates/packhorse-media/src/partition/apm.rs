//! The partition map of older Macs, and of discs made for them.

use std::io::Result;

use crate::block::BlockSource;
use crate::bytes::{be16, be32};
use crate::partition::Partition;

/// A map has as many entries as its first one says; nothing makes more.
const ENTRIES_MAX: u64 = 256;
/// Kinds that hold no files; the last is what a disc for the Mac and others leaves to the others.
const NOT_FILES: [&[u8]; 6] = [
    b"Apple_partition_map",
    b"Apple_Free",
    b"Apple_Void",
    b"Apple_Scratch",
    b"Apple_Driver",
    b"ISO9660_data",
];

/// The partitions of a disk whose first block has the mark of a Mac; `None` for any other.
pub(super) fn read(source: &dyn BlockSource) -> Result<Option<Vec<Partition>>> {
    let mut first = [0; 512];
    if source.size() < 1024 {
        return Ok(None);
    }
    source.read_exact_at(0, &mut first)?;
    let block = u64::from(be16(&first, 2));
    if !first.starts_with(b"ER") || !matches!(block, 512 | 1024 | 2048 | 4096) {
        return Ok(None);
    }
    // Discs say 2048 and have a map in steps of 512 all the same, or as well.
    for step in [block, 512] {
        let found = entries(source, step)?;
        if !found.is_empty() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn entries(source: &dyn BlockSource, step: u64) -> Result<Vec<Partition>> {
    let mut found = Vec::new();
    let mut count = 1;
    let mut number = 1;
    while number <= count {
        let mut entry = [0; 512];
        if (number + 1) * step > source.size() {
            break;
        }
        source.read_exact_at(number * step, &mut entry)?;
        if !entry.starts_with(b"PM") {
            break;
        }
        if number == 1 {
            count = u64::from(be32(&entry, 4)).min(ENTRIES_MAX);
        }
        let kind = entry.get(48..80).unwrap_or_default();
        if !NOT_FILES.iter().any(|own| kind.starts_with(own)) {
            found.push(Partition {
                index: u32::try_from(number).unwrap_or(0),
                offset: u64::from(be32(&entry, 8)) * step,
                size: u64::from(be32(&entry, 12)) * step,
                problem: None,
            });
        }
        number += 1;
    }
    Ok(found)
}
