//! LZNT1, the compression of NTFS (\[MS-XCA\], section 2.5).

use crate::bytes::{byte, le16};
use crate::ntfs::damaged;
use crate::volume::ReadError;

/// Every chunk but the last becomes so many bytes.
const CHUNK_BYTES: usize = 4096;
const COMPRESSED: u16 = 0x8000;

/// Unpacks `packed` to exactly `length` bytes; what the chunks leave out is zeros.
pub(super) fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, ReadError> {
    let mut out = Vec::with_capacity(length);
    let mut rest = packed;
    while out.len() < length && rest.len() >= 2 {
        let header = le16(rest, 0);
        if header == 0 {
            break;
        }
        let end = 2 + usize::from(header & 0xfff) + 1;
        let Some(chunk) = rest.get(2..end) else {
            return Err(damaged("a compressed file"));
        };
        let start = out.len();
        match header & COMPRESSED {
            0 => out.extend_from_slice(chunk.get(..CHUNK_BYTES).unwrap_or(chunk)),
            _ => unpack_chunk(chunk, &mut out)?,
        }
        out.resize(start + CHUNK_BYTES, 0);
        rest = rest.get(end..).unwrap_or_default();
    }
    out.resize(length, 0);
    Ok(out)
}

/// Each byte of flags stands before eight tokens: a byte as it is, or a place and length behind.
fn unpack_chunk(chunk: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
    let start = out.len();
    let mut at = 0;
    while at < chunk.len() {
        let flags = byte(chunk, at);
        at += 1;
        for bit in 0..8 {
            if at >= chunk.len() {
                return Ok(());
            }
            if flags >> bit & 1 == 0 {
                out.push(byte(chunk, at));
                at += 1;
            } else {
                copy(le16(chunk, at), start, out)?;
                at += 2;
            }
            if out.len() - start > CHUNK_BYTES {
                return Err(damaged("a compressed file"));
            }
        }
    }
    Ok(())
}

/// Repeats bytes of this chunk; the further in, the more bits say how far back they lie.
fn copy(token: u16, start: usize, out: &mut Vec<u8>) -> Result<(), ReadError> {
    let position = out.len() - start;
    let mut shift = 12;
    let mut reach = position.saturating_sub(1);
    while reach >= 0x10 && shift > 4 {
        shift -= 1;
        reach >>= 1;
    }
    let back = usize::from(token >> shift) + 1;
    let length = usize::from(token & ((1 << shift) - 1)) + 3;
    if back > position {
        return Err(damaged("a compressed file"));
    }
    for _ in 0..length {
        let byte = byte(out, out.len() - back);
        out.push(byte);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_is_unpacked() {
        // [MS-XCA], section 3.3.
        let packed = [
            0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2,
            0x47, 0x01, 0xa0, 0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0,
            0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4, 0x02, 0x4a, 0x44, 0xef, 0x03, 0x58,
            0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01,
            0x18, 0x90, 0x00,
        ];
        let text = "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E \
            F# G F# D E F# G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
        let unpacked = unpack(&packed, text.len()).unwrap();
        assert_eq!(String::from_utf8(unpacked).unwrap(), text);
    }

    #[test]
    fn nonsense_is_an_error_or_zeros_and_never_too_long() {
        assert_eq!(unpack(&[], 10).unwrap(), [0; 10]);
        assert_eq!(unpack(&[0, 0, 9], 10).unwrap(), [0; 10]);
        unpack(&[0xff, 0xbf, 1], 10).unwrap_err();
        unpack(&[0x02, 0xb0, 0x01, 0xff, 0xff], 10).unwrap_err();
        for seed in 0..2000u32 {
            let mut state = seed | 1;
            let bytes: Vec<u8> = std::iter::repeat_with(|| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state as u8
            })
            .take(300)
            .collect();
            let packed = [&[0x2a, 0xb1][..], &bytes].concat();
            if let Ok(unpacked) = unpack(&packed, 65536) {
                assert_eq!(unpacked.len(), 65536);
            }
        }
    }
}
