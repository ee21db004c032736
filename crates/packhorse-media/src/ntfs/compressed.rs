//! Reading a compressed file: units of clusters, each packed on its own.

use std::sync::Arc;

use crate::contents::Extents as _;
use crate::ntfs::damaged;
use crate::ntfs::lznt1::unpack;
use crate::ntfs::stream::StreamRuns;
use crate::pages::Pages;
use crate::volume::{FileReader, ReadError};

/// An open compressed file.
pub(super) struct Compressed {
    pages: Arc<Pages>,
    runs: StreamRuns,
    unit_bytes: u64,
    size: u64,
    written: u64,
    /// The unit read last, unpacked.
    unit: Option<(u64, Vec<u8>)>,
}

impl Compressed {
    /// A file in units of `unit_bytes`, which the caller has bounded.
    pub(super) fn new(
        pages: Arc<Pages>,
        runs: StreamRuns,
        unit_bytes: u64,
        size: u64,
        written: u64,
    ) -> Self {
        Self {
            pages,
            runs,
            unit_bytes,
            size,
            written,
            unit: None,
        }
    }

    /// A unit as it was before it was packed: one without any cluster is zeros, one with all of
    /// them was not worth packing.
    fn read_unit(&mut self, number: u64) -> Result<Vec<u8>, ReadError> {
        let start = number * self.unit_bytes;
        let mut stored: Vec<u8> = Vec::new();
        let mut at = 0;
        let mut has_hole = false;
        while at < self.unit_bytes {
            let extent = self.runs.at(start + at)?;
            let length = extent.length.min(self.unit_bytes - at);
            match extent.physical {
                Some(_) if has_hole => return Err(damaged("a compressed file")),
                Some(physical) => {
                    let from = stored.len();
                    stored.resize(from + usize::try_from(length).unwrap_or(0), 0);
                    let part = stored.get_mut(from..).unwrap_or_default();
                    self.pages.read_data(physical, part)?;
                }
                None => has_hole = true,
            }
            at += length;
        }
        let length = usize::try_from(self.unit_bytes).unwrap_or(0);
        match (has_hole, stored.is_empty()) {
            (false, _) => Ok(stored),
            (true, true) => Ok(vec![0; length]),
            (true, false) => unpack(&stored, length),
        }
    }

    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        if offset >= self.written {
            buffer.fill(0);
            return Ok(buffer.len());
        }
        let number = offset / self.unit_bytes;
        let unit = match self.unit.take() {
            Some((held, unit)) if held == number => unit,
            _ => self.read_unit(number)?,
        };
        let within = usize::try_from(offset % self.unit_bytes).unwrap_or(usize::MAX);
        let written = usize::try_from(self.written - offset).unwrap_or(usize::MAX);
        let there = unit.get(within..).unwrap_or_default();
        let length = there.len().min(buffer.len()).min(written);
        let part = buffer.get_mut(..length).unwrap_or_default();
        part.copy_from_slice(there.get(..length).unwrap_or_default());
        self.unit = Some((number, unit));
        Ok(length)
    }
}

impl FileReader for Compressed {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut done = 0;
        while done < wanted {
            let rest = buffer.get_mut(done..wanted).unwrap_or_default();
            match self.piece(offset + done as u64, rest)? {
                0 => return Err(damaged("a compressed file")),
                length => done += length,
            }
        }
        Ok(wanted)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}
