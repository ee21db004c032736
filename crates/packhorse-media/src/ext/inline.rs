//! Contents that lie in the inode itself: sixty bytes in place of the block map, the rest in the
//! attribute `system.data`.

use crate::bytes::{byte, le16, le32};
use crate::ext::damaged;
use crate::ext::inode::Inode;
use crate::volume::ReadError;

const ATTRIBUTES_MAGIC: u32 = 0xea02_0000;
const ENTRY_BYTES: usize = 16;
/// The number that stands for the prefix `system.`.
const SYSTEM: u8 = 7;

/// Both parts of inline contents.
pub(super) fn parts(inode: &Inode) -> Result<(&[u8], &[u8]), ReadError> {
    let (first, rest) = (inode.map(), attribute(inode)?);
    let length = (first.len() + rest.len()) as u64;
    match inode.size <= length {
        true => Ok((first, rest)),
        false => Err(damaged(format!(
            "{} bytes in an inode of {length}",
            inode.size
        ))),
    }
}

/// Contents as one.
pub(super) fn contents(inode: &Inode) -> Result<Vec<u8>, ReadError> {
    let (first, rest) = parts(inode)?;
    let mut contents = [first, rest].concat();
    contents.truncate(usize::try_from(inode.size).unwrap_or(usize::MAX));
    Ok(contents)
}

/// The value of `system.data`; empty when there is none.
fn attribute(inode: &Inode) -> Result<&[u8], ReadError> {
    let attributes = inode.attributes();
    if le32(attributes, 0) != ATTRIBUTES_MAGIC {
        return Ok(&[]);
    }
    let table = attributes.get(4..).unwrap_or_default();
    let mut rest = table;
    // Four bytes of zero end the table; so does the end of the inode.
    while rest.len() >= ENTRY_BYTES && le32(rest, 0) != 0 {
        let name_length = usize::from(byte(rest, 0));
        let name = rest.get(ENTRY_BYTES..ENTRY_BYTES + name_length);
        if byte(rest, 1) == SYSTEM && name == Some(b"data") {
            return value(table, rest);
        }
        let length = ENTRY_BYTES + name_length.next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(&[])
}

fn value<'a>(table: &'a [u8], entry: &[u8]) -> Result<&'a [u8], ReadError> {
    let at = usize::from(le16(entry, 2));
    let (other_inode, size) = (le32(entry, 4), le32(entry, 8) as usize);
    let value = at.checked_add(size).and_then(|end| table.get(at..end));
    match (other_inode, value) {
        (0, Some(value)) => Ok(value),
        _ => Err(damaged("contents within an inode")),
    }
}
