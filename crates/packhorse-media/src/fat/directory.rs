//! Directories of FAT: short names, and the records before them that hold the long ones.

use jiff::Timestamp;

use crate::bytes::{byte, le16, le32};
use crate::fat::clusters::{Clusters, Width};
use crate::fat::raw::{Place, Records};
use crate::names::{dos_time, from_utf16};
use crate::tree::Budget;
use crate::volume::ReadError;

/// A directory has at most 65,536 records.
const DIRECTORY_BYTES_MAX: u64 = 65_536 * 32;
/// Twenty records of thirteen units; a name has at most 255.
const LONG_RECORDS_MAX: u8 = 20;
const LONG_UNITS: usize = 13;

mod attribute {
    pub(super) const LABEL: u8 = 0x08;
    pub(super) const DIRECTORY: u8 = 0x10;
    pub(super) const LONG_NAME: u8 = 0x0f;
}

/// Bytes 128 to 255 of the code page that DOS began with, which Linux assumes too.
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟\
    ╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// What a short record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Marked as the name of the volume, which it cannot be.
    pub(super) is_label: bool,
    pub(super) is_directory: bool,
    pub(super) first_cluster: u32,
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
}

impl Record {
    pub(super) fn parse(bytes: &[u8], width: Width) -> Self {
        let high = if width == Width::Fat32 {
            le16(bytes, 20)
        } else {
            0
        };
        Self {
            is_label: byte(bytes, 11) & attribute::LABEL != 0,
            is_directory: byte(bytes, 11) & attribute::DIRECTORY != 0,
            first_cluster: u32::from(high) << 16 | u32::from(le16(bytes, 26)),
            size: u64::from(le32(bytes, 28)),
            modified: dos_time(le16(bytes, 24), le16(bytes, 22), 0),
        }
    }
}

/// Where one is in the listing of a directory.
pub(crate) struct Listing {
    is_root: bool,
    records: Records,
    long: LongName,
}

impl Listing {
    /// The listing of the root.
    pub(super) fn root(place: Place) -> Self {
        Self {
            is_root: true,
            ..Self::new(place)
        }
    }

    pub(super) fn new(place: Place) -> Self {
        Self {
            is_root: false,
            records: Records::new(place, DIRECTORY_BYTES_MAX),
            long: LongName::default(),
        }
    }

    /// The name of the volume stands in its root and has no contents. Anything else with its mark is
    /// a file that other readers would not show.
    fn is_label(&self, bytes: &[u8]) -> bool {
        byte(bytes, 11) & attribute::LABEL != 0
            && self.is_root
            && (le16(bytes, 26), le32(bytes, 28)) == (0, 0)
    }

    /// The next entry: its place on the volume, its name, and what it says.
    pub(super) fn next(
        &mut self,
        clusters: &Clusters,
        width: Width,
        budget: &mut Budget<'_>,
    ) -> Result<Option<(u64, Vec<u8>, Record)>, ReadError> {
        while let Some((place, bytes)) = self.records.next(clusters, budget)? {
            let attributes = byte(&bytes, 11);
            match byte(&bytes, 0) {
                0 => self.records.end(),
                // Deleted; its long name goes with it.
                0xe5 => self.long = LongName::default(),
                _ if attributes & 0x3f == attribute::LONG_NAME => self.long.add(&bytes),
                _ if self.is_label(&bytes) => self.long = LongName::default(),
                _ => {
                    let long = std::mem::take(&mut self.long);
                    if matches!(bytes.get(..11), Some(b".          " | b"..         ")) {
                        continue;
                    }
                    let name = long.finish(&bytes).unwrap_or_else(|| short_name(&bytes));
                    return Ok(Some((place, name, Record::parse(&bytes, width))));
                }
            }
        }
        Ok(None)
    }
}

/// A long name as its records come: the last part first.
#[derive(Default)]
struct LongName {
    units: Vec<u16>,
    checksum: u8,
    /// The number that the next record must have; 0 when the name is whole.
    expected: u8,
}

impl LongName {
    fn add(&mut self, bytes: &[u8]) {
        let order = byte(bytes, 0);
        let number = order & 0x3f;
        let is_first = order & 0x40 != 0;
        let fits = number == self.expected && byte(bytes, 13) == self.checksum;
        if number == 0 || number > LONG_RECORDS_MAX || (!is_first && !fits) {
            *self = Self::default();
            return;
        }
        if is_first {
            self.units = vec![0; usize::from(number) * LONG_UNITS];
            self.checksum = byte(bytes, 13);
        }
        let places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
        let start = usize::from(number - 1) * LONG_UNITS;
        for (unit, place) in self.units.iter_mut().skip(start).zip(places) {
            *unit = le16(bytes, place);
        }
        self.expected = number - 1;
    }

    /// The name, if it is whole and belongs to this short record.
    fn finish(self, short: &[u8]) -> Option<Vec<u8>> {
        let belongs = self.expected == 0
            && !self.units.is_empty()
            && self.checksum == checksum(short.get(..11).unwrap_or_default());
        belongs.then(|| from_utf16(self.units.into_iter().take_while(|unit| *unit != 0)))
    }
}

fn checksum(short: &[u8]) -> u8 {
    let add = |sum: u8, byte: &u8| sum.rotate_right(1).wrapping_add(*byte);
    short.iter().fold(0, add)
}

/// The name of eight and three letters; Windows notes which of the two were lower case.
fn short_name(bytes: &[u8]) -> Vec<u8> {
    let case = byte(bytes, 12);
    let mut base = bytes.get(..8).unwrap_or_default().to_vec();
    if let Some(first) = base.first_mut().filter(|first| **first == 0x05) {
        // The byte that would say "deleted".
        *first = 0xe5;
    }
    let mut name = decode(base.trim_ascii_end(), case & 0x08 != 0);
    let extension = bytes.get(8..11).unwrap_or_default().trim_ascii_end();
    if !extension.is_empty() {
        name.push('.');
        name.push_str(&decode(extension, case & 0x10 != 0));
    }
    name.into_bytes()
}

fn decode(bytes: &[u8], is_lower: bool) -> String {
    let letter = |byte: &u8| match byte.checked_sub(128) {
        None => char::from(*byte),
        Some(high) => CODE_PAGE_437.chars().nth(usize::from(high)).unwrap_or('?'),
    };
    let text: String = bytes.iter().map(letter).collect();
    if is_lower { text.to_lowercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(name: &[u8; 11], case: u8) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        bytes[..11].copy_from_slice(name);
        bytes[12] = case;
        short_name(&bytes)
    }

    #[test]
    fn short_names_keep_their_case_and_their_letters() {
        assert_eq!(CODE_PAGE_437.chars().count(), 128);
        assert_eq!(short(b"README  TXT", 0), b"README.TXT");
        assert_eq!(short(b"README  TXT", 0x18), b"readme.txt");
        assert_eq!(short(b"NOEXT      ", 0x08), b"noext");
        assert_eq!(short(b"\x05\x84      \xe1  ", 0), "σä.ß".as_bytes());
    }

    #[test]
    fn a_long_name_must_be_whole_and_belong_to_its_short_one() {
        let mut record = vec![0; 32];
        record[0] = 0x41;
        record[1] = b'x';
        let mut name = [0; 32];
        name[..11].copy_from_slice(b"X~1        ");
        record[13] = checksum(&name[..11]);
        let mut long = LongName::default();
        long.add(&record);
        assert_eq!(long.finish(&name).as_deref(), Some(b"x".as_slice()));
        let mut long = LongName::default();
        long.add(&record);
        name[0] = b'Y';
        assert_eq!(long.finish(&name), None);
        let mut part = LongName::default();
        record[0] = 0x42;
        part.add(&record);
        assert_eq!(part.finish(&name), None);
    }
}
