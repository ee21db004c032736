//! The journal: blocks that were to be written when the disk was taken off. They are read from the
//! journal instead of from where they belong; nothing is written.

use std::collections::HashMap;
use std::io::Result;
use std::sync::Arc;

use crate::block::{BlockSource, check_range};
use crate::bytes::{be32, be64, le16, le32, le64};
use crate::hfs::header::Header;
use crate::volume::MediaError;

const MAGIC: u32 = 0x4a4e_4c78;
/// Apple makes journals of at most so many bytes; bounds memory, at a place for each sector.
const JOURNAL_BYTES_MAX: u64 = 512 * 1024 * 1024;
const SECTOR_BYTES: std::ops::RangeInclusive<u64> = 512..=4096;
const LIST_BYTES: std::ops::RangeInclusive<u64> = 512..=1024 * 1024;
const LIST_SUMMED: usize = 32;
const HEADER_SUMMED: usize = 44;

/// A volume with the newer contents that its journal has of some sectors.
struct Replayed {
    source: Arc<dyn BlockSource>,
    sector: u64,
    /// The place in the journal, in bytes of the volume, of a sector.
    newer: HashMap<u64, u64>,
}

/// The journal, a ring behind its header.
struct Journal<'a> {
    source: &'a dyn BlockSource,
    /// Where it lies on the volume.
    at: u64,
    size: u64,
    sector: u64,
    list_bytes: u64,
    is_little: bool,
}

/// The volume as it would be after its journal was replayed.
pub(super) fn replay(
    source: Arc<dyn BlockSource>,
    header: &Header,
) -> std::result::Result<Arc<dyn BlockSource>, MediaError> {
    let Some(block) = header.journal_block else {
        return Ok(source);
    };
    let mut info = [0; 52];
    source.read_exact_at(block * header.block_bytes, &mut info)?;
    const WITHIN: u32 = 1;
    const NOT_MADE: u32 = 4;
    if be32(&info, 0) & (WITHIN | NOT_MADE) != WITHIN {
        // On another disk, or not there yet: nothing is to be had.
        return Ok(source);
    }
    let (at, size) = (be64(&info, 36), be64(&info, 44));
    let Some((journal, start, end)) = open(&*source, at, size)? else {
        return Ok(source);
    };
    let sector = journal.sector;
    let newer = journal.collect(start, end)?;
    if newer.is_empty() {
        return Ok(source);
    }
    Ok(Arc::new(Replayed {
        source,
        sector,
        newer,
    }))
}

fn broken() -> MediaError {
    MediaError::Damaged("the journal".to_owned())
}

/// Opens a journal: where its oldest change begins and the newest ends; `None` when it holds none.
fn open(
    source: &dyn BlockSource,
    at: u64,
    size: u64,
) -> std::result::Result<Option<(Journal<'_>, u64, u64)>, MediaError> {
    let mut bytes = [0; HEADER_SUMMED];
    let is_inside = at.checked_add(size).is_some_and(|end| end <= source.size());
    if !is_inside || size < HEADER_SUMMED as u64 || size > JOURNAL_BYTES_MAX {
        return Err(broken());
    }
    source.read_exact_at(at, &mut bytes)?;
    // Written in the order of the computer that it was used with.
    let is_little = le32(&bytes, 0) == MAGIC;
    let long = |place: usize| {
        if is_little {
            le64(&bytes, place)
        } else {
            be64(&bytes, place)
        }
    };
    let word = |place: usize| {
        if is_little {
            le32(&bytes, place)
        } else {
            be32(&bytes, place)
        }
    };
    let (start, end) = (long(8), long(16));
    let (list_bytes, sector) = (u64::from(word(32)), u64::from(word(40)));
    let is_sound = word(0) == MAGIC
        && word(36) == sum(&bytes, 36)
        && long(24) == size
        && SECTOR_BYTES.contains(&sector)
        && sector.is_power_of_two()
        && LIST_BYTES.contains(&list_bytes)
        && list_bytes.is_multiple_of(sector)
        && size.is_multiple_of(sector)
        && [start, end]
            .iter()
            .all(|at| (sector..=size).contains(at) && at.is_multiple_of(sector));
    if !is_sound {
        return Err(broken());
    }
    let journal = Journal {
        source,
        at,
        size,
        sector,
        list_bytes,
        is_little,
    };
    Ok((start != end).then_some((journal, start, end)))
}

/// The checksum of a header, in which it stands itself as zeros.
fn sum(bytes: &[u8], own: usize) -> u32 {
    let add = |sum: u32, (at, byte): (usize, &u8)| {
        let byte = if (own..own + 4).contains(&at) {
            0
        } else {
            *byte
        };
        sum << 8 ^ sum.wrapping_add(u32::from(byte))
    };
    !bytes.iter().enumerate().fold(0, add)
}

impl Journal<'_> {
    /// Goes around the ring.
    fn step(&self, place: u64, bytes: u64) -> u64 {
        let next = place + bytes;
        match next >= self.size {
            true => next - self.size + self.sector,
            false => next,
        }
    }

    fn read(&self, place: u64, bytes: &mut [u8]) -> Result<()> {
        let mut place = self.step(place, 0);
        for sector in bytes.chunks_mut(usize::try_from(self.sector).unwrap_or(512)) {
            self.source.read_exact_at(self.at + place, sector)?;
            place = self.step(place, self.sector);
        }
        Ok(())
    }

    /// The places of all sectors that have newer contents. A change that was not written whole is
    /// the last, as for the Mac.
    fn collect(&self, start: u64, end: u64) -> std::result::Result<HashMap<u64, u64>, MediaError> {
        let mut newer = HashMap::new();
        let (mut place, mut left) = (self.step(start, 0), self.size);
        let end = self.step(end, 0);
        let mut list = vec![0; usize::try_from(self.list_bytes).unwrap_or(0)];
        while place != end {
            self.read(place, &mut list)?;
            let word = |at: usize| {
                if self.is_little {
                    le32(&list, at)
                } else {
                    be32(&list, at)
                }
            };
            if word(8) != sum(list.get(..LIST_SUMMED).unwrap_or_default(), 8) {
                break;
            }
            let used = self.list(place, &list, &mut newer).ok_or_else(broken)?;
            // Once around at most.
            left = left.checked_sub(used).ok_or_else(broken)?;
            place = self.step(place, used);
        }
        Ok(newer)
    }

    /// Notes the blocks of one list; gives how many bytes it and they take.
    fn list(&self, place: u64, list: &[u8], newer: &mut HashMap<u64, u64>) -> Option<u64> {
        let count = match self.is_little {
            true => le16(list, 2),
            false => crate::bytes::be16(list, 2),
        };
        let mut data = self.step(place, self.list_bytes);
        let mut used = self.list_bytes;
        // The first tells of the list itself.
        for number in 1..usize::from(count) {
            let entry = list.get(16 + number * 16..32 + number * 16)?;
            let (block, bytes) = match self.is_little {
                true => (le64(entry, 0), u64::from(le32(entry, 8))),
                false => (be64(entry, 0), u64::from(be32(entry, 8))),
            };
            used = used.checked_add(bytes)?;
            if used > self.size || !bytes.is_multiple_of(self.sector) {
                return None;
            }
            for sector in 0..bytes / self.sector {
                // One that was taken back has no number.
                if block != u64::MAX {
                    newer.insert(block.checked_add(sector)?, self.at + data);
                }
                data = self.step(data, self.sector);
            }
        }
        Some(used)
    }
}

impl BlockSource for Replayed {
    fn size(&self) -> u64 {
        self.source.size()
    }

    fn stored(&self) -> u64 {
        self.source.stored()
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size(), offset, buffer.len())?;
        self.source.read_exact_at(offset, buffer)?;
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let within = at % self.sector;
            let left = usize::try_from(self.sector - within).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at_mut(left.min(rest.len()));
            if let Some(place) = self.newer.get(&(at / self.sector)) {
                self.source.read_exact_at(place + within, part)?;
            }
            at += part.len() as u64;
            rest = after;
        }
        Ok(())
    }
}
