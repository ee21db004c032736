//! What a record says about a file.

use std::sync::Arc;

use jiff::Timestamp;
use packhorse_core::ledger::{EntryKind, Verdict};

use crate::bytes::{byte, le32, le64};
use crate::names::{from_utf16, units_le, windows_time};
use crate::ntfs::mft::Mft;
use crate::ntfs::record::{Body, NUMBER_MASK, Record, kind};
use crate::ntfs::stream::Stream;
use crate::volume::ReadError;

/// What stands in the place of a file's contents.
mod tag {
    pub(super) const MOUNT_POINT: u32 = 0xa000_0003;
    pub(super) const SYMLINK: u32 = 0xa000_000c;
    pub(super) const LINUX_SYMLINK: u32 = 0xa000_001d;
    pub(super) const SOCKET: u32 = 0x8000_0023;
    pub(super) const FIFO: u32 = 0x8000_0024;
    pub(super) const CHARACTER_DEVICE: u32 = 0x8000_0025;
    pub(super) const BLOCK_DEVICE: u32 = 0x8000_0026;
}

/// What a record says about a file.
pub(super) struct File {
    pub(super) kind: EntryKind,
    pub(super) modified: Option<Timestamp>,
    /// The contents without a name; a directory has none.
    pub(super) data: Option<Stream>,
    /// Further contents, with their names.
    pub(super) streams: Vec<Vec<u8>>,
    /// Why it has no contents that can be read.
    pub(super) problem: Option<Verdict>,
}

impl File {
    /// Reads what `record` and the records that continue it say.
    pub(super) fn read(mft: &Arc<Mft>, record: &Record) -> Result<Self, ReadError> {
        let located = mft.located(record)?;
        let standard = record.attribute(kind::STANDARD, &[], 0)?;
        let modified = match standard.map(|standard| standard.body) {
            Some(Body::Resident(bytes)) => windows_time(le64(bytes, 8)),
            _ => None,
        };
        let reparse = match located.iter().any(|l| l.kind == kind::REPARSE) {
            true => tag_of(mft, record, &located)?,
            false => None,
        };
        let is_directory = record.is_directory;
        let (kind, problem) = match reparse {
            None if is_directory => (EntryKind::Directory, None),
            None => (EntryKind::File, None),
            Some(tag::MOUNT_POINT | tag::SYMLINK | tag::LINUX_SYMLINK) => {
                (EntryKind::Symlink, None)
            }
            Some(tag::SOCKET) => (EntryKind::Socket, None),
            Some(tag::FIFO) => (EntryKind::Fifo, None),
            Some(tag::CHARACTER_DEVICE) => (EntryKind::CharacterDevice, None),
            Some(tag::BLOCK_DEVICE) => (EntryKind::BlockDevice, None),
            // A folder of a synchronised drive has its files all the same.
            Some(_) if is_directory => (EntryKind::Directory, None),
            // Deduplicated, packed by a filter of Windows, or in the cloud: not here.
            Some(_) => (EntryKind::File, Some(Verdict::unsupported_contents())),
        };
        let data = match is_directory {
            true => None,
            false => Stream::find(mft, record, &located, kind::DATA, &[])?,
        };
        let mut streams: Vec<Vec<u8>> = located
            .iter()
            .filter(|l| l.kind == kind::DATA && !l.name.is_empty() && l.lowest == 0)
            .map(|l| from_utf16(units_le(&l.name)))
            .collect();
        streams.sort();
        Ok(Self {
            kind,
            modified,
            data,
            streams,
            problem,
        })
    }
}

fn tag_of(
    mft: &Arc<Mft>,
    record: &Record,
    located: &[crate::ntfs::mft::Located],
) -> Result<Option<u32>, ReadError> {
    let Some(stream) = Stream::find(mft, record, located, kind::REPARSE, &[])? else {
        return Ok(None);
    };
    let mut tag = [0; 4];
    stream.reader(mft)?.read_at(0, &mut tag)?;
    Ok(Some(le32(&tag, 0)))
}

/// Whether a file whose directory has a name for DOS alone has its real name there too.
pub(super) fn has_real_name(
    mft: &Arc<Mft>,
    record: &Record,
    directory: u64,
) -> Result<bool, ReadError> {
    /// In the name's attribute: where the kind of name stands, and the kind beside which DOS has one.
    const KIND_AT: usize = 0x41;
    const WINDOWS: u8 = 1;
    let is_it = |record: &Record| {
        let mut names = record
            .attributes()
            .filter_map(Result::ok)
            .filter(|attribute| attribute.kind == kind::FILE_NAME);
        names.any(|attribute| match attribute.body {
            Body::Resident(bytes) => {
                byte(bytes, KIND_AT) == WINDOWS && le64(bytes, 0) & NUMBER_MASK == directory
            }
            Body::Runs { .. } => false,
        })
    };
    if is_it(record) {
        return Ok(true);
    }
    // A file with many names keeps some in further records.
    for located in mft.located(record)? {
        if located.kind == kind::FILE_NAME
            && located.holder != record.reference()
            && is_it(&mft.holder(record, located.holder)?)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
