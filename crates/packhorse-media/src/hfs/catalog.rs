//! The catalog: folders, files and their names, sorted by the folder that they are in.

use std::cmp::Ordering;

use jiff::Timestamp;
use packhorse_core::ledger::EntryKind;

use crate::bytes::{be16, be32, byte};
use crate::hfs::btree::{Node, Position};
use crate::hfs::damaged;
use crate::hfs::filesystem::FileSystem;
use crate::hfs::fork::{FORK_BYTES, Fork};
use crate::tree::Budget;
use crate::volume::ReadError;

/// The number of the root folder.
pub(super) const ROOT: u32 = 2;
const FOLDER: u16 = 1;
const FILE: u16 = 2;
const FOLDER_THREAD: u16 = 3;
const FILE_THREAD: u16 = 4;
/// Names have at most so many units.
const NAME_UNITS_MAX: usize = 255;
/// Where files with several names are kept, in the root; it sorts behind or before all others.
const LINKS_FOLDER: &str = "\0\0\0\0HFS+ Private Data";
/// Seconds from the format's first second, of 1904, to that of Unix.
const EPOCH_SECONDS: i64 = 2_082_844_800;
/// Set in a file whose contents are packed into its attributes or its resource fork.
const PACKED: u8 = 0x20;

/// What a record of the catalog says.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Folder(Folder),
    File(Box<File>),
    /// Says where the folder or file of a number is.
    Thread,
}

#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) id: u32,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) id: u32,
    pub(super) kind: EntryKind,
    pub(super) modified: Option<Timestamp>,
    pub(super) mode: Option<u32>,
    pub(super) owner: Option<(u32, u32)>,
    pub(super) is_packed: bool,
    /// The number of the file that this is a further name of.
    pub(super) link: Option<u32>,
    pub(super) data: Fork,
    pub(super) resource: Fork,
}

/// A key: the folder, and the name in 16-bit units as they lie there.
fn parse_key(key: &[u8]) -> Result<(u32, Vec<u16>), ReadError> {
    let units = usize::from(be16(key, 4));
    let name = key.get(6..6 + units * 2);
    let Some(name) = name.filter(|_| units <= NAME_UNITS_MAX) else {
        return Err(damaged("a name in the catalog"));
    };
    let name = name.chunks_exact(2).map(|unit| be16(unit, 0)).collect();
    Ok((be32(key, 0), name))
}

fn parse(data: &[u8]) -> Result<Record, ReadError> {
    match be16(data, 0) {
        FOLDER if data.len() >= 88 => Ok(Record::Folder(Folder { id: be32(data, 8) })),
        FILE if data.len() >= 248 => Ok(Record::File(Box::new(parse_file(data)))),
        FOLDER_THREAD | FILE_THREAD => Ok(Record::Thread),
        _ => Err(damaged("a record of the catalog")),
    }
}

fn parse_file(data: &[u8]) -> File {
    let mode = be16(data, 42);
    let fork = |at: usize| Fork::parse(data.get(at..at + FORK_BYTES).unwrap_or_default());
    let type_and_creator = data.get(48..56).unwrap_or_default();
    let is_folder_link = type_and_creator == b"fdrpMACS";
    File {
        id: be32(data, 8),
        kind: match mode & 0o170_000 {
            // Time Machine gives folders several names; each but the first leads to another place.
            _ if is_folder_link => EntryKind::Symlink,
            0 | 0o100_000 => EntryKind::File,
            0o120_000 => EntryKind::Symlink,
            0o010_000 => EntryKind::Fifo,
            0o020_000 => EntryKind::CharacterDevice,
            0o060_000 => EntryKind::BlockDevice,
            0o140_000 => EntryKind::Socket,
            _ => EntryKind::Other,
        },
        modified: time(be32(data, 16)),
        mode: (mode != 0).then_some(u32::from(mode & 0o7777)),
        owner: (mode != 0).then(|| (be32(data, 32), be32(data, 36))),
        is_packed: byte(data, 41) & PACKED != 0,
        link: (type_and_creator == b"hlnkhfs+").then(|| be32(data, 44)),
        data: fork(88),
        resource: fork(168),
    }
}

/// Zero is a time that nobody set.
fn time(seconds: u32) -> Option<Timestamp> {
    match seconds {
        0 => None,
        seconds => Timestamp::from_second(i64::from(seconds) - EPOCH_SECONDS).ok(),
    }
}

/// An entry of a folder.
pub(super) struct Named {
    pub(super) name: Vec<u16>,
    pub(super) record: Record,
    /// Where the record stands.
    pub(super) position: Position,
}

/// Where one is in the listing of a folder.
pub(crate) struct Listing {
    pub(super) folder: u32,
    /// The record that is next; none before the first was looked for.
    position: Option<Position>,
    node: Option<Node>,
    is_over: bool,
}

impl Listing {
    pub(super) fn new(folder: u32) -> Self {
        Self {
            folder,
            position: None,
            node: None,
            is_over: false,
        }
    }

    /// Forgets what can be read again.
    pub(super) fn release(&mut self) {
        self.node = None;
    }

    /// The next entry; `None` at the end, and after a leaf that could not be read.
    pub(super) fn next(
        &mut self,
        fs: &FileSystem,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Named>, ReadError> {
        while !self.is_over {
            let (node, position) = self.current(fs).inspect_err(|_| self.is_over = true)?;
            if position.record >= node.records() {
                self.turn(fs, &node, position, budget)
                    .inspect_err(|_| self.is_over = true)?;
                continue;
            }
            self.position = Some(Position {
                record: position.record + 1,
                ..position
            });
            let (key, data) = node.record(position.record)?;
            budget
                .spend((key.len() + data.len()) as u64)
                .inspect_err(|_| self.is_over = true)?;
            let (folder, name) = parse_key(key)?;
            match folder.cmp(&self.folder) {
                // The record before the first.
                Ordering::Less => {}
                Ordering::Greater => self.is_over = true,
                Ordering::Equal => match parse(data)? {
                    Record::Thread => {}
                    record => {
                        return Ok(Some(Named {
                            name,
                            record,
                            position,
                        }));
                    }
                },
            }
        }
        Ok(None)
    }

    fn current(&mut self, fs: &FileSystem) -> Result<(Node, Position), ReadError> {
        let (node, position) = match (self.node.take(), self.position) {
            (Some(node), Some(position)) => (node, position),
            (None, Some(position)) => (fs.catalog()?.leaf(fs, position.node)?, position),
            (_, None) => {
                let found = fs.floor(self.folder, &[])?;
                found.ok_or_else(|| damaged("a folder that is not in the catalog"))?
            }
        };
        (self.node, self.position) = (Some(node.clone()), Some(position));
        Ok((node, position))
    }

    /// To the leaf behind.
    fn turn(
        &mut self,
        fs: &FileSystem,
        node: &Node,
        position: Position,
        budget: &mut Budget<'_>,
    ) -> Result<(), ReadError> {
        let catalog = fs.catalog()?;
        let (next, _) = node.neighbours();
        if next == 0 {
            self.is_over = true;
            return match position.node == catalog.last_leaf {
                true => Ok(()),
                false => Err(damaged("a catalog whose leaves end too soon")),
            };
        }
        budget.spend(catalog.node_bytes as u64)?;
        let leaf = catalog.leaf(fs, next)?;
        if leaf.neighbours().1 != position.node {
            return Err(damaged("a catalog whose leaves do not follow each other"));
        }
        self.node = Some(leaf);
        self.position = Some(Position {
            node: next,
            record: 0,
        });
        Ok(())
    }
}

impl FileSystem {
    fn floor(&self, folder: u32, name: &[u16]) -> Result<Option<(Node, Position)>, ReadError> {
        let catalog = self.catalog()?;
        let order = |key: &[u8]| {
            let units = key.get(6..).unwrap_or_default().chunks_exact(2);
            let ours = units
                .take(usize::from(be16(key, 4)))
                .map(|unit| be16(unit, 0));
            let folded = |unit: u16| fold(unit, catalog.is_case_sensitive);
            let names = ours.map(folded).cmp(name.iter().copied().map(folded));
            be32(key, 0).cmp(&folder).then(names)
        };
        catalog.floor(self, order)
    }

    /// The record of a name, which is plain ASCII.
    pub(super) fn lookup(&self, folder: u32, name: &str) -> Result<Option<Named>, ReadError> {
        let name: Vec<u16> = name.encode_utf16().collect();
        let Some((node, position)) = self.floor(folder, &name)? else {
            return Ok(None);
        };
        let (key, data) = node.record(position.record)?;
        let is_it = parse_key(key)? == (folder, name.clone());
        is_it
            .then(|| {
                parse(data).map(|record| Named {
                    name,
                    record,
                    position,
                })
            })
            .transpose()
    }

    /// Whether a folder's own record says that it is in `parent` under this name: no folder is in
    /// two places, and none within itself.
    pub(super) fn is_in(&self, folder: u32, parent: u32, name: &[u16]) -> Result<bool, ReadError> {
        let Some((node, position)) = self.floor(folder, &[])? else {
            return Ok(false);
        };
        let (key, data) = node.record(position.record)?;
        if parse_key(key)? != (folder, Vec::new()) || be16(data, 0) != FOLDER_THREAD {
            return Ok(false);
        }
        let (found, found_name) = parse_key(data.get(4..).unwrap_or_default())?;
        Ok(found == parent && found_name == name)
    }

    pub(super) fn find_links(&self) -> Result<Option<u32>, ReadError> {
        Ok(
            match self.lookup(ROOT, LINKS_FOLDER)?.map(|named| named.record) {
                Some(Record::Folder(folder)) => Some(folder.id),
                _ => None,
            },
        )
    }

    /// The file record at a place.
    pub(super) fn file_at(&self, position: Position) -> Result<Option<File>, ReadError> {
        let node = self.catalog()?.leaf(self, position.node)?;
        if position.record >= node.records() {
            return Ok(None);
        }
        let (_, data) = node.record(position.record)?;
        Ok(match parse(data)? {
            Record::File(file) => Some(*file),
            Record::Folder(_) | Record::Thread => None,
        })
    }
}

/// How names are sorted where case does not count: as far as the plain names go that are looked up.
fn fold(unit: u16, is_case_sensitive: bool) -> u16 {
    match unit {
        _ if is_case_sensitive => unit,
        0 => u16::MAX,
        0x41..=0x5a => unit + 0x20,
        _ => unit,
    }
}

/// Whether a name of the root is the file system's own.
pub(super) fn is_own(name: &[u8]) -> bool {
    matches!(
        name,
        b"\0\0\0\0HFS+ Private Data"
            | b".HFS+ Private Directory Data\r"
            | b".journal"
            | b".journal_info_block"
    )
}
