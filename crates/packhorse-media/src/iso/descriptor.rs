//! The volume descriptors: one with plain names, and one with Joliet's.

use crate::block::BlockSource;
use crate::bytes::{byte, le16, le32};
use crate::iso::record::Record;
use crate::pages::Pages;
use crate::volume::MediaError;

/// Descriptors and folders are in sectors of this many bytes, whatever the disc has.
pub(super) const SECTOR: u64 = 2048;
const FIRST_AT: u64 = 16 * SECTOR;
const MARK: &[u8] = b"CD001";
/// A disc has a handful.
const DESCRIPTORS_MAX: u64 = 64;
/// Joliet's three levels differ in nothing that matters here.
const JOLIET: [&[u8]; 3] = [b"%/@", b"%/C", b"%/E"];

/// What the descriptors say.
#[derive(Clone, Debug)]
pub(super) struct Disc {
    pub(super) block_bytes: u64,
    pub(super) plain: Record,
    pub(super) joliet: Option<Record>,
    /// The disc's name and the time when it was made, as they lie there.
    pub(super) label: Vec<u8>,
}

/// Whether a disc begins as ISO 9660 does.
pub(crate) fn is_iso(source: &dyn BlockSource) -> std::io::Result<bool> {
    let mut mark = [0; 5];
    if source.size() < FIRST_AT + SECTOR {
        return Ok(false);
    }
    source.read_exact_at(FIRST_AT + 1, &mut mark)?;
    Ok(mark == *MARK)
}

impl Disc {
    /// Reads the descriptors.
    pub(super) fn read(pages: &Pages) -> Result<Self, MediaError> {
        let (mut plain, mut joliet) = (None, None);
        for number in 0..DESCRIPTORS_MAX {
            let at = FIRST_AT + number * SECTOR;
            if at + SECTOR > pages.size() {
                break;
            }
            let bytes = pages.bytes(at, SECTOR as usize)?;
            match (bytes.get(1..6), byte(&bytes, 0)) {
                // Its tree may hold no more than a note that says so.
                (Some(b"NSR02" | b"NSR03"), _) => {
                    return Err(MediaError::Unsupported("UDF".to_owned()));
                }
                (Some(MARK), 1) if plain.is_none() => plain = Some(bytes),
                (Some(MARK), 2) => {
                    let escape = bytes.get(88..91).unwrap_or_default();
                    if JOLIET.contains(&escape) {
                        joliet = Some(bytes);
                    }
                }
                // The end of these; those of UDF would stand behind it.
                (Some(MARK | b"BEA01" | b"TEA01"), _) => {}
                _ => break,
            }
        }
        let plain = plain.ok_or_else(|| broken("the volume descriptor"))?;
        let block_bytes = u64::from(le16(&plain, 128));
        if !matches!(block_bytes, 512 | 1024 | 2048) {
            return Err(broken("the size of blocks"));
        }
        let claimed = u64::from(le32(&plain, 80)) * block_bytes;
        if claimed > pages.size() {
            let size = pages.size();
            return Err(broken(&format!(
                "the file system has {claimed} bytes and the volume only {size}"
            )));
        }
        let root = |bytes: &[u8]| {
            let record = bytes.get(156..190).and_then(Record::parse);
            record.ok_or_else(|| broken("the root folder"))
        };
        Ok(Self {
            block_bytes,
            joliet: joliet.as_deref().map(root).transpose()?,
            label: [
                plain.get(40..72).unwrap_or_default().trim_ascii_end(),
                b" ",
                plain.get(813..829).unwrap_or_default(),
            ]
            .concat(),
            plain: root(&plain)?,
        })
    }
}

fn broken(what: &str) -> MediaError {
    MediaError::Damaged(what.to_owned())
}
