//! An HFS+ file system as a volume.

use std::sync::Arc;

use packhorse_core::ledger::{EntryKind, Verdict};

use crate::block::BlockSource;
use crate::contents::Contents;
use crate::hfs::btree::Position;
use crate::hfs::catalog::{File, Listing, Named, ROOT, Record, is_own};
use crate::hfs::damaged;
use crate::hfs::filesystem::FileSystem;
use crate::hfs::fork::ForkPieces;
use crate::hfs::header::unwrap;
use crate::names::from_utf16;
use crate::tree::{self, Budget, Child, Directory, Tree, unknown};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// An open HFS+ file system.
pub(crate) struct Hfs {
    fs: Arc<FileSystem>,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

/// Where one is in a folder.
pub(crate) struct Place {
    listing: Listing,
    /// The resource fork of the file before.
    fork: Option<Box<Child<Place>>>,
}

impl Hfs {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let (source, within) = unwrap(source)?;
        let fs = FileSystem::open(source)?;
        Ok(Self {
            fs: Arc::new(fs),
            offset: offset + within,
        })
    }

    /// The file that a name leads to: its own record, or that of all its names.
    fn resolve(&self, file: File, position: Position) -> Result<(File, Position), ReadError> {
        let (Some(number), Some(folder)) = (file.link, self.fs.links) else {
            return Ok((file, position));
        };
        let target = self.fs.lookup(folder, &format!("iNode{number}"))?;
        match target.map(|target| (target.record, target.position)) {
            Some((Record::File(file), position)) => Ok((*file, position)),
            _ => Err(damaged("a link whose file is gone")),
        }
    }

    fn file(&self, name: Vec<u8>, file: File, position: Position) -> (Child<Place>, bool) {
        let kind = file.kind;
        match self.resolve(file, position) {
            Ok((file, position)) => {
                let has_fork = file.resource.size > 0 && !file.is_packed;
                let entry = self.entry(&file, position);
                (leaf(name, entry), has_fork)
            }
            Err(error) => (
                leaf(name, unknown(Vec::new(), kind, error.verdict())),
                false,
            ),
        }
    }

    fn entry(&self, file: &File, position: Position) -> Entry {
        let is_file = file.kind == EntryKind::File;
        let first_byte = match is_file && !file.is_packed {
            true => self.first_byte(file),
            false => Ok(None),
        };
        let packed = (is_file && file.is_packed).then(Verdict::unsupported_contents);
        Entry {
            path: Vec::new(),
            kind: file.kind,
            size: if is_file { file.data.size } else { 0 },
            modified: file.modified,
            mode: file.mode,
            owner: file.owner,
            node: u64::from(position.node) << 16 | u64::from(position.record),
            first_extent: first_byte.as_ref().ok().copied().flatten(),
            problem: packed.or_else(|| first_byte.err().map(|error| error.verdict())),
        }
    }

    /// Where a file's first byte lies on the device; an error when it cannot be read.
    fn first_byte(&self, file: &File) -> Result<Option<u64>, ReadError> {
        let fork = &file.data;
        let room = u64::from(fork.blocks) * self.fs.header.block_bytes;
        if fork.size > room || u64::from(fork.blocks) > self.fs.header.blocks {
            return Err(damaged(format!("a file of {} bytes", fork.size)));
        }
        if fork.size == 0 {
            return Ok(None);
        }
        let extent = self.fs.locate(file.id, fork, 0)?;
        Ok(extent.physical.map(|place| self.offset + place))
    }

    fn folder(&self, parent: u32, id: u32, named: &[u16], name: Vec<u8>) -> Child<Place> {
        let problem = match self.fs.is_in(id, parent, named) {
            Ok(true) => None,
            Ok(false) => Some(Verdict::damaged()),
            Err(error) => Some(error.verdict()),
        };
        let entry = Entry {
            problem,
            ..unknown(Vec::new(), EntryKind::Directory, Verdict::damaged())
        };
        Child {
            name,
            entry,
            directory: Some(directory(id)),
        }
    }

    fn child(&self, place: &mut Place, named: Named) -> Option<Child<Place>> {
        let name = text(&named.name);
        let parent = place.listing.folder;
        if parent == ROOT && is_own(&name) {
            return None;
        }
        match named.record {
            Record::Thread => None,
            Record::Folder(folder) => Some(self.folder(parent, folder.id, &named.name, name)),
            Record::File(file) => {
                let modified = file.modified;
                let (child, has_fork) = self.file(name, *file, named.position);
                // It has no place in an object store, and is not lost in silence either.
                place.fork = has_fork.then(|| {
                    let entry = Entry {
                        modified,
                        ..unknown(Vec::new(), EntryKind::Other, Verdict::alternate_stream())
                    };
                    Box::new(leaf([&child.name, RESOURCE_SUFFIX].concat(), entry))
                });
                Some(child)
            }
        }
    }
}

/// As the Mac names a resource fork among a file's attributes.
const RESOURCE_SUFFIX: &[u8] = b":com.apple.ResourceFork";

fn leaf(name: Vec<u8>, entry: Entry) -> Child<Place> {
    Child {
        name,
        entry,
        directory: None,
    }
}

fn directory(id: u32) -> Directory<Place> {
    Directory {
        // A folder says itself where it is, and so cannot be met twice.
        id: None,
        listing: Place {
            listing: Listing::new(id),
            fork: None,
        },
    }
}

/// A name as the Mac gives it to programs: a slash is a colon there.
fn text(units: &[u16]) -> Vec<u8> {
    let mut name = from_utf16(units.iter().copied());
    name.iter_mut()
        .filter(|byte| **byte == b'/')
        .for_each(|byte| *byte = b':');
    name
}

impl Tree for Hfs {
    type Listing = Place;

    fn root(&self) -> Result<Directory<Place>, ReadError> {
        Ok(directory(ROOT))
    }

    fn next(
        &self,
        place: &mut Place,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Place>>, ReadError> {
        if let Some(fork) = place.fork.take() {
            return Ok(Some(*fork));
        }
        while let Some(named) = place.listing.next(&self.fs, budget)? {
            if let Some(child) = self.child(place, named) {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    fn release(&self, place: &mut Place) {
        place.listing.release();
    }

    fn budget(&self) -> u64 {
        self.fs.pages.stored()
    }
}

impl Volume for Hfs {
    fn format(&self) -> &str {
        match self.fs.header.is_extended {
            true => "HFSX",
            false => "HFS+",
        }
    }

    fn identity(&self) -> String {
        let header = &self.fs.header;
        format!(
            "{} {:016x} {:08x} {}",
            self.format(),
            header.id,
            header.created,
            header.blocks
        )
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let position = Position {
            node: u32::try_from(entry.node >> 16).map_err(|_| ReadError::Vanished)?,
            record: (entry.node & 0xffff) as u16,
        };
        let Some(file) = self.fs.file_at(position)? else {
            return Err(ReadError::Vanished);
        };
        if file.kind != EntryKind::File || file.is_packed {
            return Err(ReadError::Vanished);
        }
        if (file.data.size, file.modified) != (entry.size, entry.modified) {
            return Err(ReadError::Changed);
        }
        self.first_byte(&file)?;
        let pieces = ForkPieces {
            fs: Arc::clone(&self.fs),
            owner: file.id,
            fork: file.data,
        };
        let (pages, size) = (Arc::clone(&self.fs.pages), file.data.size);
        Ok(Box::new(Contents::new(pages, pieces, size, size)))
    }
}
