//! The master boot record and its chain of logical partitions.

use std::collections::HashSet;
use std::io::Result;

use crate::block::BlockSource;
use crate::bytes::{byte, le16, le32};
use crate::partition::Partition;

/// The record is that long whatever the size of a sector.
const RECORD_BYTES: usize = 512;
const SIGNATURE: u16 = 0xaa55;
const ENTRIES_AT: usize = 446;
const ENTRY_BYTES: usize = 16;
const PROTECTIVE: u8 = 0xee;
/// Linux itself stops at 256 partitions of a disk; so many logical ones are followed.
const LOGICAL_MAX: usize = 252;

struct Entry {
    boot: u8,
    kind: u8,
    start: u32,
    sectors: u32,
}

impl Entry {
    fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }

    fn is_used(&self) -> bool {
        self.kind != 0 && self.sectors != 0
    }
}

/// A master boot record with at least the marks of one.
pub(super) struct Record([Entry; 4]);

/// Reads the first sector; `None` when it holds no boot record, or a file system's boot sector,
/// which ends with the same mark.
pub(super) fn read(source: &dyn BlockSource) -> Result<Option<Record>> {
    if source.size() < RECORD_BYTES as u64 {
        return Ok(None);
    }
    let mut bytes = [0; RECORD_BYTES];
    source.read_exact_at(0, &mut bytes)?;
    let record = Record(entries(&bytes));
    let is_record = le16(&bytes, RECORD_BYTES - 2) == SIGNATURE
        && !holds_a_file_system(&bytes)
        && record.0.iter().all(|entry| entry.boot & 0x7f == 0);
    Ok(is_record.then_some(record))
}

/// Whether a first sector is the boot sector of FAT, NTFS or exFAT rather than a boot record.
fn holds_a_file_system(sector: &[u8]) -> bool {
    let field = |at: usize, name: &[u8]| sector.get(at..).is_some_and(|s| s.starts_with(name));
    field(3, b"NTFS    ")
        || field(3, b"EXFAT   ")
        || field(3, b"-FVE-FS-")
        || field(54, b"FAT")
        || field(82, b"FAT32")
}

fn entries(sector: &[u8]) -> [Entry; 4] {
    [0, 1, 2, 3].map(|number| {
        let at = ENTRIES_AT + number * ENTRY_BYTES;
        Entry {
            boot: byte(sector, at),
            kind: byte(sector, at + 4),
            start: le32(sector, at + 8),
            sectors: le32(sector, at + 12),
        }
    })
}

impl Record {
    /// Whether the record only says that there is a GPT. In a hybrid one the GPT counts too.
    pub(super) fn is_protective(&self) -> bool {
        self.0.iter().any(|entry| entry.kind == PROTECTIVE)
    }

    /// The partitions of the record and of its extended partitions.
    pub(super) fn partitions(
        &self,
        source: &dyn BlockSource,
        sector: u32,
    ) -> Result<Vec<Partition>> {
        let mut found = Vec::new();
        for (number, entry) in (1..).zip(&self.0) {
            if entry.is_used() && !entry.is_extended() {
                found.push(partition(number, 0, entry, sector));
            }
        }
        let mut logical = Vec::new();
        for entry in &self.0 {
            if entry.is_used() && entry.is_extended() {
                follow(source, sector, entry, &mut logical)?;
            }
        }
        found.append(&mut logical);
        Ok(found)
    }
}

fn partition(index: u32, base: u64, entry: &Entry, sector: u32) -> Partition {
    let sector = u64::from(sector);
    Partition {
        index,
        // Both are sums of 32-bit numbers times at most 4,096: no overflow.
        offset: (base + u64::from(entry.start)) * sector,
        size: u64::from(entry.sectors) * sector,
        problem: None,
    }
}

/// Follows the chain of boot records within one extended partition.
fn follow(
    source: &dyn BlockSource,
    sector: u32,
    extended: &Entry,
    logical: &mut Vec<Partition>,
) -> Result<()> {
    let base = u64::from(extended.start);
    let mut at = base;
    let mut seen = HashSet::new();
    loop {
        let index = u32::try_from(5 + logical.len()).unwrap_or(u32::MAX);
        let mut fail = |problem: &str| {
            logical.push(Partition {
                index,
                offset: at * u64::from(sector),
                size: 0,
                problem: Some(problem.to_owned()),
            });
        };
        if !seen.insert(at) {
            fail("the chain of logical partitions runs in a circle");
            return Ok(());
        }
        if seen.len() > LOGICAL_MAX {
            fail("the chain of logical partitions is too long");
            return Ok(());
        }
        let mut bytes = [0; RECORD_BYTES];
        match source.read_exact_at(at * u64::from(sector), &mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                fail("the chain of logical partitions leads beyond the end of the disk");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        if le16(&bytes, RECORD_BYTES - 2) != SIGNATURE {
            fail("the chain of logical partitions leads to a sector that is no boot record");
            return Ok(());
        }
        let [own, next, _, _] = entries(&bytes);
        if own.is_used() && !own.is_extended() {
            logical.push(partition(index, at, &own, sector));
        }
        if !(next.is_used() && next.is_extended()) {
            return Ok(());
        }
        at = base + u64::from(next.start);
    }
}
