//! Records of the table, and the attributes in them.

use crate::bytes::{byte, le16, le32, le64};
use crate::ntfs::damaged;
use crate::volume::ReadError;

/// The last two bytes of every so many are kept elsewhere, to notice a write that was torn.
const STRIDE: usize = 512;
/// The lower 48 bits of a reference are the number of a record, the rest counts its uses.
pub(super) const NUMBER_MASK: u64 = 0xffff_ffff_ffff;

/// Kinds of attributes.
pub(super) mod kind {
    pub(crate) const STANDARD: u32 = 0x10;
    pub(crate) const LIST: u32 = 0x20;
    pub(crate) const FILE_NAME: u32 = 0x30;
    pub(crate) const DATA: u32 = 0x80;
    pub(crate) const INDEX_ROOT: u32 = 0x90;
    pub(crate) const INDEX: u32 = 0xa0;
    pub(crate) const BITMAP: u32 = 0xb0;
    pub(crate) const REPARSE: u32 = 0xc0;
    pub(super) const END: u32 = 0xffff_ffff;
}

/// Puts the bytes back that protect a record or a block of an index; an error when they are not
/// what they protect.
pub(super) fn restore(bytes: &mut [u8], magic: &[u8; 4]) -> Result<(), ReadError> {
    let (at, count) = (usize::from(le16(bytes, 4)), usize::from(le16(bytes, 6)));
    if !bytes.starts_with(magic) || count != bytes.len() / STRIDE + 1 {
        return Err(damaged("a record has another mark"));
    }
    let kept = bytes.get(at..at + count * 2).map(<[u8]>::to_vec);
    let kept = kept.ok_or_else(|| damaged("a record"))?;
    let (mark, kept) = kept.split_at(2);
    for (stride, original) in bytes.chunks_exact_mut(STRIDE).zip(kept.chunks_exact(2)) {
        let Some(end) = stride.get_mut(STRIDE - 2..) else {
            continue;
        };
        if end != mark {
            return Err(damaged("a record that was half written"));
        }
        end.copy_from_slice(original);
    }
    Ok(())
}

/// A record in use.
#[derive(Clone, Debug)]
pub(super) struct Record {
    bytes: Vec<u8>,
    pub(super) number: u64,
    pub(super) sequence: u16,
    pub(super) is_directory: bool,
    /// The record that this one continues; 0 for none.
    pub(super) base: u64,
}

impl Record {
    /// Reads record `number` from its bytes.
    pub(super) fn parse(number: u64, mut bytes: Vec<u8>) -> Result<Self, ReadError> {
        restore(&mut bytes, b"FILE")?;
        let flags = le16(&bytes, 0x16);
        if flags & 1 == 0 {
            return Err(damaged(format!("record {number} is unused")));
        }
        Ok(Self {
            number,
            sequence: le16(&bytes, 0x10),
            is_directory: flags & 2 != 0,
            base: le64(&bytes, 0x20),
            bytes,
        })
    }

    /// What leads to this record and no other that had its place before.
    pub(super) fn reference(&self) -> u64 {
        self.number | u64::from(self.sequence) << 48
    }

    /// The attributes, up to the first that is damaged.
    pub(super) fn attributes(&self) -> Attributes<'_> {
        Attributes {
            bytes: self.bytes.get(usize::from(le16(&self.bytes, 0x14))..),
        }
    }

    /// The attribute of that kind and name that begins with cluster `lowest`.
    pub(super) fn attribute(
        &self,
        kind: u32,
        name: &[u8],
        lowest: u64,
    ) -> Result<Option<Attribute<'_>>, ReadError> {
        for attribute in self.attributes() {
            let attribute = attribute?;
            let begins = match attribute.body {
                Body::Resident(_) => 0,
                Body::Runs { lowest, .. } => lowest,
            };
            if attribute.kind == kind && attribute.name == name && begins == lowest {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }
}

/// An attribute of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u32,
    /// In 16-bit units, as it lies there.
    pub(super) name: &'a [u8],
    pub(super) flags: u16,
    pub(super) body: Body<'a>,
}

/// Where an attribute's contents are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    /// In the record.
    Resident(&'a [u8]),
    /// In clusters.
    Runs {
        /// The first cluster that these runs are for.
        lowest: u64,
        pairs: &'a [u8],
        /// A power of two: clusters that are compressed together.
        unit_shift: u8,
        size: u64,
        /// What lies behind was never written and is zeros.
        written: u64,
    },
}

/// Goes through the attributes of a record.
pub(super) struct Attributes<'a> {
    bytes: Option<&'a [u8]>,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.take()?;
        let kind = le32(rest, 0);
        if kind == kind::END {
            return None;
        }
        let length = le32(rest, 4) as usize;
        let parsed = match rest.get(..length) {
            Some(bytes) if length >= 0x18 => parse(kind, bytes),
            _ => None,
        };
        if parsed.is_some() {
            self.bytes = rest.get(length..);
        }
        Some(parsed.ok_or_else(|| damaged("an attribute")))
    }
}

fn parse(kind: u32, bytes: &[u8]) -> Option<Attribute<'_>> {
    let name_at = usize::from(le16(bytes, 10));
    let name = match usize::from(byte(bytes, 9)) {
        0 => &[],
        length => bytes.get(name_at..name_at + length * 2)?,
    };
    let body = match byte(bytes, 8) {
        0 => {
            let (length, at) = (le32(bytes, 0x10) as usize, usize::from(le16(bytes, 0x14)));
            Body::Resident(bytes.get(at..at.checked_add(length)?)?)
        }
        _ => Body::Runs {
            lowest: le64(bytes, 0x10),
            pairs: bytes.get(usize::from(le16(bytes, 0x20))..)?,
            unit_shift: byte(bytes, 0x22),
            size: le64(bytes, 0x30),
            written: le64(bytes, 0x38),
        },
    };
    Some(Attribute {
        kind,
        name,
        flags: le16(bytes, 12),
        body,
    })
}
