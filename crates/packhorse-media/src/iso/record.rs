//! Folders: their records, one after the other, none across the end of a sector.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::bytes::{byte, le32};
use crate::iso::damaged;
use crate::iso::descriptor::SECTOR;
use crate::pages::Pages;
use crate::tree::Budget;
use crate::volume::ReadError;

const HEADER_BYTES: usize = 33;

mod flag {
    pub(super) const FOLDER: u8 = 0x02;
    pub(super) const ASSOCIATED: u8 = 0x04;
    pub(super) const CONTINUED: u8 = 0x80;
}

/// A record of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The first block, behind what else belongs to the file.
    pub(super) block: u64,
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    pub(super) is_folder: bool,
    /// The other fork of a file of the Mac.
    pub(super) is_associated: bool,
    /// The next record has more of the same file.
    pub(super) is_continued: bool,
    /// Its blocks alternate with those of others.
    pub(super) is_interleaved: bool,
    pub(super) name: Vec<u8>,
    /// What stands behind: Rock Ridge, where there is any.
    pub(super) system: Vec<u8>,
}

impl Record {
    /// Reads a record of exactly these bytes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let flags = byte(bytes, 25);
        let name_length = usize::from(byte(bytes, 32));
        let name = bytes.get(HEADER_BYTES..HEADER_BYTES + name_length)?;
        let behind = (HEADER_BYTES + name_length).next_multiple_of(2);
        (name_length > 0).then(|| Self {
            block: u64::from(le32(bytes, 2)) + u64::from(byte(bytes, 1)),
            size: u64::from(le32(bytes, 10)),
            modified: time(bytes.get(18..25).unwrap_or_default()),
            is_folder: flags & flag::FOLDER != 0,
            is_associated: flags & flag::ASSOCIATED != 0,
            is_continued: flags & flag::CONTINUED != 0,
            is_interleaved: byte(bytes, 26) != 0 || byte(bytes, 27) != 0,
            name: name.to_vec(),
            system: bytes.get(behind..).unwrap_or_default().to_vec(),
        })
    }

    /// Whether it stands for the folder itself or the one above.
    pub(super) fn is_dots(&self) -> bool {
        matches!(self.name.as_slice(), [0 | 1])
    }
}

/// A time in seven bytes, with its distance from UTC in quarters of an hour.
pub(super) fn time(bytes: &[u8]) -> Option<Timestamp> {
    let field = |at: usize| byte(bytes, at).cast_signed();
    let year = 1900 + i16::from(byte(bytes, 0));
    let at = DateTime::new(year, field(1), field(2), field(3), field(4), field(5), 0).ok()?;
    let distance = SignedDuration::from_mins(i64::from(field(6)) * 15);
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    at.checked_sub(distance).ok()
}

/// Goes through the records of a folder, or through those of one file from the first on.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    /// Where it is, in bytes of the volume, and where the folder ends.
    at: u64,
    end: u64,
    /// The sector that `at` lies in.
    sector: Option<(u64, Vec<u8>)>,
}

impl Records {
    pub(super) fn new(at: u64, bytes: u64) -> Self {
        Self {
            at,
            end: at.saturating_add(bytes),
            sector: None,
        }
    }

    /// Forgets what can be read again.
    pub(super) fn release(&mut self) {
        self.sector = None;
    }

    /// The next record and where it lies; after an error the next sector is read.
    pub(super) fn next(
        &mut self,
        pages: &Pages,
        budget: &mut Budget<'_>,
    ) -> Result<Option<(u64, Record)>, ReadError> {
        while self.at < self.end {
            let start = self.at - self.at % SECTOR;
            let bytes = match self.sector.take() {
                Some((held, bytes)) if held == start => bytes,
                _ => self.read(pages, budget, start)?,
            };
            let within = usize::try_from(self.at - start).unwrap_or(usize::MAX);
            let length = usize::from(byte(&bytes, within));
            if length == 0 {
                // Nothing more in this sector.
                self.at = start + SECTOR;
                continue;
            }
            let record = bytes.get(within..within + length).and_then(Record::parse);
            let Some(record) = record else {
                self.at = start + SECTOR;
                return Err(damaged("a record of a folder"));
            };
            let place = self.at;
            self.at += length as u64;
            self.sector = Some((start, bytes));
            return Ok(Some((place, record)));
        }
        Ok(None)
    }

    fn read(
        &mut self,
        pages: &Pages,
        budget: &mut Budget<'_>,
        start: u64,
    ) -> Result<Vec<u8>, ReadError> {
        let paid = budget.spend(SECTOR);
        paid.inspect_err(|_| self.at = self.end)?;
        if start >= pages.size() {
            self.at = self.end;
        }
        let length = SECTOR.min(pages.size().saturating_sub(start)).max(1);
        let bytes = pages.bytes(start, usize::try_from(length).unwrap_or(0));
        bytes.inspect_err(|_| self.at = self.at.max(start + SECTOR))
    }
}
