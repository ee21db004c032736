//! The contents of a file: in one stretch, or where it has more than 4 GiB in several.

use crate::contents::{Extent, Extents};
use crate::iso::damaged;
use crate::iso::record::{Record, Records};
use crate::pages::Pages;
use crate::tree::Budget;
use crate::volume::ReadError;

/// Stretches of a file; each but the last has up to 4 GiB.
const STRETCHES_MAX: usize = 4096;

/// Where the contents of a file lie: the place and the length of each stretch, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretches(Vec<(u64, u64)>);

impl Stretches {
    /// Those of the file whose first record is `first`; the next records of `records` may have more.
    pub(super) fn read(
        pages: &Pages,
        block_bytes: u64,
        first: &Record,
        records: &mut Records,
        budget: &mut Budget<'_>,
    ) -> Result<Self, ReadError> {
        let mut found = Self::default();
        let mut added = found.add(pages, block_bytes, first);
        let mut is_continued = first.is_continued;
        while is_continued {
            match records.next(pages, budget)? {
                Some((_, next)) if next.name == first.name => {
                    // To the last, also of one that cannot be read: they are no files themselves.
                    added = added.and_then(|()| found.add(pages, block_bytes, &next));
                    is_continued = next.is_continued;
                }
                _ => return Err(damaged("a file whose records end too soon")),
            }
        }
        added.map(|()| found)
    }

    fn add(&mut self, pages: &Pages, block_bytes: u64, record: &Record) -> Result<(), ReadError> {
        if record.size == 0 {
            return Ok(());
        }
        let at = record.block * block_bytes;
        let is_inside = at
            .checked_add(record.size)
            .is_some_and(|end| end <= pages.size());
        if !is_inside || record.is_interleaved || self.0.len() >= STRETCHES_MAX {
            return Err(damaged(format!("{} bytes of a file", record.size)));
        }
        self.0.push((at, record.size));
        Ok(())
    }

    pub(super) fn size(&self) -> u64 {
        self.0.iter().map(|(_, length)| length).sum()
    }

    pub(super) fn first_byte(&self) -> Option<u64> {
        self.0.first().map(|(at, _)| *at)
    }
}

impl Extents for Stretches {
    fn at(&mut self, offset: u64) -> Result<Extent, ReadError> {
        let mut start = 0;
        for (at, length) in &self.0 {
            let skipped = offset - start;
            if skipped < *length {
                return Ok(Extent {
                    physical: Some(at + skipped),
                    length: length - skipped,
                });
            }
            start += length;
        }
        Err(damaged("a file that ends too soon"))
    }
}
