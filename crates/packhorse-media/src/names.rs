//! Names and times as Windows and Apple file systems keep them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::bytes::le16;

/// A name of 16-bit units as UTF-8. A surrogate without its other half is written the way of
/// WTF-8, which keeps different names different and is not UTF-8, so that the row says so.
pub(crate) fn from_utf16(units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    let mut name = Vec::new();
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(letter) => name.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) => {
                let unit = error.unpaired_surrogate();
                let low = |shift: u16| 0x80 | (unit >> shift & 0x3f) as u8;
                name.extend([0xe0 | (unit >> 12) as u8, low(6), low(0)]);
            }
        }
    }
    name
}

/// The 16-bit units of little-endian bytes; an odd byte at the end is left out.
pub(crate) fn units_le(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|unit| le16(unit, 0))
}

/// A date and time of DOS. It has no zone and is taken as UTC; `None` for a date that is none.
pub(crate) fn dos_time(date: u16, time: u16, hundredths: u8) -> Option<Timestamp> {
    let year = 1980 + i16::try_from(date >> 9).ok()?;
    let (month, day) = ((date >> 5 & 15) as i8, (date & 31) as i8);
    let (hour, minute) = ((time >> 11) as i8, (time >> 5 & 63) as i8);
    // Seconds come in twos; hundredths carry the odd one.
    let second = (time & 31) as i8 * 2 + (hundredths / 100) as i8;
    let nanoseconds = i32::from(hundredths % 100) * 10_000_000;
    let at = DateTime::new(year, month, day, hour, minute, second, nanoseconds).ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A time of Windows: tenths of microseconds since 1601.
pub(crate) fn windows_time(ticks: u64) -> Option<Timestamp> {
    const EPOCH_SECONDS: i64 = 11_644_473_600;
    let seconds = i64::try_from(ticks / 10_000_000).ok()? - EPOCH_SECONDS;
    Timestamp::new(seconds, (ticks % 10_000_000) as i32 * 100).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_stays_a_name_of_its_own() {
        assert_eq!(from_utf16("a🐎".encode_utf16()), "a🐎".as_bytes());
        let (one, other) = (from_utf16([0xd800, 97]), from_utf16([0xd801, 97]));
        assert_ne!(one, other);
        assert!(std::str::from_utf8(&one).is_err());
    }

    #[test]
    fn times_are_what_the_formats_say() {
        let dos = dos_time(43 << 9 | 12 << 5 | 31, 23 << 11 | 59 << 5 | 29, 199);
        assert_eq!(dos.unwrap().to_string(), "2023-12-31T23:59:59.99Z");
        assert_eq!(dos_time(0, 0, 0), None);
        assert_eq!(dos_time(u16::MAX, u16::MAX, 255), None);
        let windows = windows_time(116_444_736_000_000_001).unwrap();
        assert_eq!(windows.to_string(), "1970-01-01T00:00:00.0000001Z");
        assert_eq!(windows_time(u64::MAX), None);
    }
}
