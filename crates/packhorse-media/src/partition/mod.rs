//! Partition tables: where the volumes of a disk lie.

mod apm;
mod gpt;
mod mbr;

use std::io::Result;

use crate::block::BlockSource;
use crate::magic;

/// One partition, as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Its number as tools count, from 1; logical ones from 5.
    pub(crate) index: u32,
    /// Bytes from the start of the disk.
    pub(crate) offset: u64,
    /// Bytes.
    pub(crate) size: u64,
    /// Why it cannot be used, where the table alone shows it.
    pub(crate) problem: Option<String>,
}

/// What the beginning of a disk says about its division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// No partition table.
    None,
    /// A master boot record.
    Mbr(Vec<Partition>),
    /// A partition map of older Macs.
    Apple(Vec<Partition>),
    /// A GUID partition table, the first or its copy at the end of the disk.
    Gpt(Vec<Partition>),
    /// There must be a GUID partition table and neither copy can be used.
    DamagedGpt,
}

/// Reads the partition table of a disk whose addresses count sectors of `sector` bytes.
pub(crate) fn read(source: &dyn BlockSource, sector: u32) -> Result<Table> {
    let Some(record) = mbr::read(source)? else {
        if let Some(found) = apm::read(source)? {
            return Ok(Table::Apple(checked(found, source.size())));
        }
        // No boot record at all: a GPT is believed only where one of its copies is whole. The second
        // outlives what is made over the whole disk later, and counts only where there is nothing.
        let table = match gpt::read_primary(source, sector)? {
            Some(table) => Some(table),
            None if magic::is_known(source)? => None,
            None => gpt::read_backup(source, sector)?,
        };
        return Ok(table.map_or(Table::None, |found| {
            Table::Gpt(checked(found, source.size()))
        }));
    };
    if record.is_protective() {
        let table = match gpt::read_primary(source, sector)? {
            Some(table) => Some(table),
            None => gpt::read_backup(source, sector)?,
        };
        return Ok(table.map_or(Table::DamagedGpt, |found| {
            Table::Gpt(checked(found, source.size()))
        }));
    }
    let partitions = record.partitions(source, sector)?;
    match partitions.is_empty() {
        true => Ok(Table::None),
        false => Ok(Table::Mbr(checked(partitions, source.size()))),
    }
}

/// Marks the partitions that lie beyond the end of the disk or on top of an earlier one.
fn checked(mut partitions: Vec<Partition>, disk_size: u64) -> Vec<Partition> {
    let mut earlier: Vec<(u64, u64, u32)> = Vec::new();
    for partition in &mut partitions {
        let (start, end) = (
            partition.offset,
            partition.offset.saturating_add(partition.size),
        );
        let overlapped = earlier.iter().find(|(s, e, _)| start < *e && *s < end);
        partition.problem = match (partition.problem.take(), overlapped) {
            (Some(problem), _) => Some(problem),
            (None, _) if start >= disk_size => {
                Some("the partition begins beyond the end of the disk".to_owned())
            }
            (None, _) if end > disk_size => Some(format!(
                "the partition ends {} bytes beyond the end of the disk",
                end - disk_size
            )),
            (None, Some((_, _, index))) => {
                Some(format!("the partition overlaps partition {index}"))
            }
            (None, None) => None,
        };
        earlier.push((start, end, partition.index));
    }
    partitions
}
