//! Directories of exFAT: sets of records with a checksum over each.

use jiff::{SignedDuration, Timestamp};

use crate::bytes::{byte, le16, le32, le64};
use crate::fat::clusters::Clusters;
use crate::fat::damaged;
use crate::fat::raw::{Place, Records};
use crate::names::{dos_time, from_utf16, units_le};
use crate::tree::Budget;
use crate::volume::ReadError;

/// The format's own limit.
const DIRECTORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A set has one record and at most so many behind it.
const SECONDARY_MAX: u8 = 18;
const NAME_UNITS_MAX: usize = 255;

mod kind {
    pub(super) const FILE: u8 = 0x85;
    pub(super) const STREAM: u8 = 0xc0;
    pub(super) const NAME: u8 = 0xc1;
    pub(super) const BITMAP: u8 = 0x81;
    pub(super) const UPCASE: u8 = 0x82;
    pub(super) const LABEL: u8 = 0x83;
    /// Set in records that a reader may pass over.
    pub(super) const BENIGN: u8 = 0x20;
    /// Set in every record that is in use, and in those that follow a first one.
    pub(super) const IN_USE: u8 = 0x80;
    pub(super) const SECONDARY: u8 = 0x40;
}

const DIRECTORY_ATTRIBUTE: u16 = 0x10;

/// Where the contents of a file are: the second record of its set, which alone opens it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// Whether the two fields that place it mean anything.
    pub(super) has_clusters: bool,
    pub(super) is_contiguous: bool,
    pub(super) first_cluster: u32,
    pub(super) size: u64,
    /// What lies behind was never written and is zeros.
    pub(super) written: u64,
}

impl Stream {
    /// Reads a record; `None` when it is no such record.
    pub(super) fn parse(record: &[u8]) -> Option<Self> {
        (byte(record, 0) == kind::STREAM).then(|| Self {
            has_clusters: byte(record, 1) & 1 != 0,
            is_contiguous: byte(record, 1) & 2 != 0,
            first_cluster: le32(record, 20),
            size: le64(record, 24),
            written: le64(record, 8),
        })
    }

    pub(super) fn place(&self) -> Place {
        match self.is_contiguous {
            true => Place::Contiguous {
                first: self.first_cluster,
                bytes: self.size,
            },
            false => Place::chain(self.first_cluster),
        }
    }
}

/// A file or directory.
pub(super) struct Set {
    pub(super) name: Vec<u8>,
    pub(super) is_directory: bool,
    pub(super) modified: Option<Timestamp>,
    pub(super) stream: Stream,
    /// Where the record of the stream lies on the volume.
    pub(super) stream_at: u64,
}

/// Where one is in the listing of a directory.
pub(crate) struct Listing {
    records: Records,
    /// A record that was read and belongs to nothing before it.
    pending: Option<(u64, [u8; 32])>,
}

impl Listing {
    pub(super) fn new(place: Place) -> Self {
        Self {
            records: Records::new(place, DIRECTORY_BYTES_MAX),
            pending: None,
        }
    }

    pub(super) fn next(
        &mut self,
        clusters: &Clusters,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Set>, ReadError> {
        loop {
            let next = match self.pending.take() {
                Some(record) => Some(record),
                None => self.records.next(clusters, budget)?,
            };
            let Some((_, record)) = next else {
                return Ok(None);
            };
            match byte(&record, 0) {
                0 => self.records.end(),
                kind::FILE => return self.set(&record, clusters, budget).map(Some),
                // A record of a file's set without the file.
                kind::STREAM | kind::NAME => {
                    return Err(damaged("a file without its first record"));
                }
                kind::BITMAP | kind::UPCASE | kind::LABEL => {}
                // What must be understood (its bit of benign kinds is clear) may not be passed over.
                other if other & (kind::IN_USE | kind::BENIGN) == kind::IN_USE => {
                    return Err(damaged("a record of an unknown kind"));
                }
                _ => {}
            }
        }
    }

    /// Reads the records behind the first of a set.
    fn set(
        &mut self,
        first: &[u8; 32],
        clusters: &Clusters,
        budget: &mut Budget<'_>,
    ) -> Result<Set, ReadError> {
        let count = byte(first, 1);
        let mut sum = 0u16;
        for (_, byte) in first
            .iter()
            .enumerate()
            .filter(|(at, _)| !matches!(at, 2 | 3))
        {
            sum = sum.rotate_right(1).wrapping_add(u16::from(*byte));
        }
        let mut stream = None;
        let mut units = Vec::new();
        let mut name_units = 0;
        for number in 0..count.min(SECONDARY_MAX) {
            let Some((place, record)) = self.records.next(clusters, budget)? else {
                return Err(damaged("a file whose records end too soon"));
            };
            let record_kind = byte(&record, 0);
            if record_kind & (kind::IN_USE | kind::SECONDARY) != kind::IN_USE | kind::SECONDARY {
                self.pending = Some((place, record));
                return Err(damaged("a file whose records end too soon"));
            }
            for byte in record {
                sum = sum.rotate_right(1).wrapping_add(u16::from(byte));
            }
            match (record_kind, number) {
                (kind::STREAM, 0) => {
                    name_units = usize::from(byte(&record, 3));
                    stream = Stream::parse(&record).map(|stream| (stream, place));
                }
                (kind::NAME, 1..) => units.extend(units_le(record.get(2..).unwrap_or_default())),
                // Records that a vendor put there may be passed over.
                _ => {}
            }
        }
        let Some((stream, stream_at)) = stream else {
            return Err(damaged("a file without contents"));
        };
        let is_sound = sum == le16(first, 2)
            && (1..=NAME_UNITS_MAX).contains(&name_units)
            && name_units <= units.len();
        if !is_sound {
            return Err(damaged("the checksum of a file's records is wrong"));
        }
        Ok(Set {
            name: from_utf16(units.into_iter().take(name_units)),
            is_directory: le16(first, 4) & DIRECTORY_ATTRIBUTE != 0,
            modified: modified(first),
            stream,
            stream_at,
        })
    }
}

/// The time of the last change, which notes how far from UTC it is, in quarters of an hour.
fn modified(first: &[u8]) -> Option<Timestamp> {
    let time = dos_time(le16(first, 14), le16(first, 12), byte(first, 21))?;
    let zone = byte(first, 23);
    if zone & 0x80 == 0 {
        return Some(time);
    }
    // Seven bits with a sign.
    let quarters = i64::from((zone << 1).cast_signed() >> 1);
    let distance = SignedDuration::from_secs(quarters * 15 * 60);
    time.checked_sub(distance).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_brought_to_utc() {
        let mut first = [0; 32];
        first[12..16].copy_from_slice(&[0x00, 0x60, 0x21, 0x50]);
        assert_eq!(
            modified(&first).unwrap().to_string(),
            "2020-01-01T12:00:00Z"
        );
        first[23] = 0x80 | 4;
        assert_eq!(
            modified(&first).unwrap().to_string(),
            "2020-01-01T11:00:00Z"
        );
        first[23] = 0x80 | (0x7f & (-20i8).cast_unsigned());
        assert_eq!(
            modified(&first).unwrap().to_string(),
            "2020-01-01T17:00:00Z"
        );
    }
}
