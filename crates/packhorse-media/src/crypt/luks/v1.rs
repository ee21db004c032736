//! The header of LUKS1: one fixed structure.

use super::{Digest, Header, Slot, cut_off, damaged, key_bytes, within};
use crate::block::BlockSource;
use crate::bytes::be32;
use crate::crypt::cipher::CipherSpec;
use crate::crypt::kdf::{Hash, Kdf};
use crate::crypt::source::{Area, UNIT_BYTES};
use crate::volume::MediaError;

const NAME: &str = "LUKS1";
const HEADER_BYTES: usize = 592;
const SLOTS: usize = 8;
const SLOTS_AT: usize = 208;
const SLOT_BYTES: usize = 48;
/// What a slot that holds a key says.
const ACTIVE: u32 = 0x00AC_71F3;

pub(super) fn read(source: &dyn BlockSource) -> Result<Header, MediaError> {
    let mut bytes = vec![0; HEADER_BYTES];
    let read = source.read_exact_at(0, &mut bytes);
    read.map_err(|error| cut_off(error, "the header"))
        .and_then(|()| parse(&bytes))
        .map_err(|error| within(NAME, error))
}

fn parse(bytes: &[u8]) -> Result<Header, MediaError> {
    let name = format!("{}-{}", text(bytes, 8, 32)?, text(bytes, 40, 32)?);
    let cipher = CipherSpec::parse(&name)
        .ok_or_else(|| MediaError::Unsupported(format!("the cipher {name:?}")))?;
    let hash_name = text(bytes, 72, 32)?;
    let hash = Hash::parse(hash_name)
        .ok_or_else(|| MediaError::Unsupported(format!("the digest {hash_name:?}")))?;
    let offset = u64::from(be32(bytes, 104)) * UNIT_BYTES;
    if offset == 0 {
        let what = "its header belongs to data on another device (a detached header)";
        return Err(MediaError::Unsupported(what.to_owned()));
    }
    let key_bytes = key_bytes(u64::from(be32(bytes, 108)))?;
    let digest = Digest {
        hash,
        rounds: be32(bytes, 164),
        salt: piece(bytes, 132, 32).to_vec(),
        value: piece(bytes, 112, 20).to_vec(),
        slots: Vec::new(),
    };
    let slot = |number: usize| -> Option<Slot> {
        let slot = piece(bytes, SLOTS_AT + number * SLOT_BYTES, SLOT_BYTES);
        (be32(slot, 0) == ACTIVE).then(|| Slot {
            number: number as u32,
            kdf: Kdf::Pbkdf2 {
                hash,
                rounds: be32(slot, 4),
            },
            salt: piece(slot, 8, 32).to_vec(),
            key_bytes,
            area_key_bytes: key_bytes,
            cipher: cipher.clone(),
            offset: u64::from(be32(slot, 40)) * UNIT_BYTES,
            stripes: be32(slot, 44),
            spread: hash,
        })
    };
    Ok(Header {
        name: NAME,
        area: Area {
            offset,
            size: u64::MAX,
            sector: UNIT_BYTES as u32,
            first: 0,
        },
        slots: (0..SLOTS).filter_map(slot).map(Ok).collect(),
        digests: vec![digest.check()?],
        cipher,
    })
}

/// A name, which ends at the first NUL.
fn text(bytes: &[u8], at: usize, length: usize) -> Result<&str, MediaError> {
    let field = piece(bytes, at, length);
    let end = field.iter().position(|byte| *byte == 0);
    let field = field.get(..end.unwrap_or(length)).unwrap_or_default();
    match std::str::from_utf8(field) {
        Ok(text) if text.is_ascii() && !text.contains(char::is_control) => Ok(text),
        _ => Err(damaged("a name in the header is not readable")),
    }
}

fn piece(bytes: &[u8], at: usize, length: usize) -> &[u8] {
    bytes.get(at..at + length).unwrap_or_default()
}
