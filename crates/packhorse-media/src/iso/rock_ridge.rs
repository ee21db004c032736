//! Rock Ridge: what POSIX knows of a file, in fields behind its record and in blocks of their own.

use jiff::Timestamp;
use packhorse_core::ledger::EntryKind;

use crate::bytes::{byte, le16, le32};
use crate::iso::damaged;
use crate::iso::record::{Record, time};
use crate::pages::Pages;
use crate::volume::ReadError;

/// Fields that do not fit behind the record go on elsewhere, and from there again.
const CONTINUATIONS_MAX: usize = 64;
/// Of one of them.
const CONTINUATION_BYTES_MAX: u32 = 64 * 1024;
/// Linux takes 255.
const NAME_BYTES_MAX: usize = 1024;

/// What the fields of a file say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) name: Option<Vec<u8>>,
    pub(super) mode: Option<u32>,
    pub(super) owner: (u32, u32),
    pub(super) modified: Option<Timestamp>,
    pub(super) is_link: bool,
    /// The block where a folder is that was too deep to stay in its place.
    pub(super) moved_to: Option<u64>,
    /// It is such a folder, and listed in its place.
    pub(super) is_moved: bool,
    /// Its contents are packed, or in pieces of a kind of their own.
    pub(super) is_packed: bool,
}

impl Fields {
    /// What kind of file it is, where the mode tells.
    pub(super) fn kind(&self) -> Option<EntryKind> {
        let mode = self.mode?;
        Some(match mode & 0o170_000 {
            0o100_000 => EntryKind::File,
            0o040_000 => EntryKind::Directory,
            0o120_000 => EntryKind::Symlink,
            0o010_000 => EntryKind::Fifo,
            0o020_000 => EntryKind::CharacterDevice,
            0o060_000 => EntryKind::BlockDevice,
            0o140_000 => EntryKind::Socket,
            _ => EntryKind::Other,
        })
    }
}

/// How many bytes stand before the fields of each record, which the root's own record says; `None`
/// when the disc has no such fields.
pub(super) fn skipped(root: &Record) -> Option<usize> {
    let mark = root.system.get(..7)?;
    let is_mark = mark.starts_with(b"SP") && mark.get(4..6) == Some(&[0xbe, 0xef]);
    is_mark.then(|| usize::from(byte(mark, 6)))
}

/// Reads the fields behind a record.
pub(super) fn read(
    pages: &Pages,
    block_bytes: u64,
    record: &Record,
    skipped: usize,
) -> Result<Fields, ReadError> {
    let mut fields = Fields::default();
    let mut area = record.system.get(skipped..).unwrap_or_default().to_vec();
    for _ in 0..CONTINUATIONS_MAX {
        let Some((block, offset, length)) = parse(&mut fields, &area)? else {
            return Ok(fields);
        };
        if length > CONTINUATION_BYTES_MAX {
            return Err(damaged("fields of Rock Ridge"));
        }
        let at = u64::from(block) * block_bytes + u64::from(offset);
        area = pages.bytes(at, length as usize)?;
    }
    Err(damaged("fields of Rock Ridge without an end"))
}

/// Reads the fields of an area; gives where they go on.
fn parse(fields: &mut Fields, area: &[u8]) -> Result<Option<(u32, u32, u32)>, ReadError> {
    let mut rest = area;
    let mut further = None;
    // Less than a field's head is what rounds the record up.
    while rest.len() >= 4 && byte(rest, 0) != 0 {
        let length = usize::from(byte(rest, 2));
        let Some(field) = rest.get(..length).filter(|_| length >= 4) else {
            return Err(damaged("a field of Rock Ridge"));
        };
        match field.get(..2).unwrap_or_default() {
            b"CE" => further = Some((le32(field, 4), le32(field, 12), le32(field, 20))),
            b"NM" => add_name(fields, field)?,
            b"PX" => {
                fields.mode = Some(le32(field, 4));
                fields.owner = (le32(field, 20), le32(field, 28));
            }
            b"SL" => fields.is_link = true,
            b"TF" => fields.modified = times(field),
            b"CL" => fields.moved_to = Some(u64::from(le32(field, 4))),
            b"RE" => fields.is_moved = true,
            b"SF" => fields.is_packed = true,
            b"ZF" => fields.is_packed |= le16(field, 4) != 0,
            b"ST" => return Ok(further),
            _ => {}
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(further)
}

fn add_name(fields: &mut Fields, field: &[u8]) -> Result<(), ReadError> {
    const DOTS: u8 = 6;
    if byte(field, 4) & DOTS != 0 {
        return Ok(());
    }
    let name = fields.name.get_or_insert_default();
    name.extend_from_slice(field.get(5..).unwrap_or_default());
    match name.len() <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(damaged("a name without an end")),
    }
}

/// The time of the last change; those before it are there or not.
fn times(field: &[u8]) -> Option<Timestamp> {
    const CREATED: u8 = 1;
    const MODIFIED: u8 = 2;
    const LONG: u8 = 0x80;
    let flags = byte(field, 4);
    let place = usize::from(flags & CREATED);
    match flags & (MODIFIED | LONG) {
        MODIFIED => time(field.get(5 + place * 7..)?),
        // Seventeen letters instead of seven numbers.
        0x82 => long_time(field.get(5 + place * 17..)?),
        _ => None,
    }
}

fn long_time(bytes: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<u16> {
        std::str::from_utf8(bytes.get(from..to)?).ok()?.parse().ok()
    };
    let year = u8::try_from(number(0, 4)?.checked_sub(1900)?).ok()?;
    let mut short = [year, 0, 0, 0, 0, 0, byte(bytes, 16)];
    for (index, field) in short.iter_mut().enumerate().take(6).skip(1) {
        *field = u8::try_from(number(2 + index * 2, 4 + index * 2)?).ok()?;
    }
    time(&short)
}
