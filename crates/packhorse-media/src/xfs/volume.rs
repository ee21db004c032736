//! An XFS file system as a volume.

use std::sync::Arc;

use packhorse_core::ledger::EntryKind;

use crate::block::BlockSource;
use crate::contents::{Contents, Held};
use crate::pages::Pages;
use crate::tree::{self, Budget, Child, Directory, Tree, unknown};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};
use crate::xfs::directory::{Listing, Name};
use crate::xfs::extents::{FileExtents, locate};
use crate::xfs::inode::{Format, Inode};
use crate::xfs::superblock::Superblock;
use crate::xfs::{damaged, log};

/// An open XFS file system.
pub(crate) struct Xfs {
    pages: Arc<Pages>,
    superblock: Arc<Superblock>,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

impl Xfs {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let pages = Arc::new(Pages::new(source));
        let superblock = Superblock::read(&pages)?;
        log::check(&pages, &superblock)?;
        Ok(Self {
            pages,
            superblock: Arc::new(superblock),
            offset,
        })
    }

    fn inode(&self, number: u64) -> Result<Inode, ReadError> {
        Inode::read(&self.pages, &self.superblock, number)
    }

    fn child(&self, name: Name) -> Child<Listing> {
        match self.inode(name.inode) {
            Ok(inode) => Child {
                name: name.name,
                entry: self.entry(&inode),
                directory: (inode.kind == EntryKind::Directory).then(|| directory(inode)),
            },
            Err(error) => Child {
                name: name.name,
                entry: unknown(Vec::new(), name.kind, error.verdict()),
                directory: None,
            },
        }
    }

    fn entry(&self, inode: &Inode) -> Entry {
        let is_file = inode.kind == EntryKind::File;
        let first_byte = match is_file {
            true => self.first_byte(inode),
            false => Ok(None),
        };
        Entry {
            path: Vec::new(),
            kind: inode.kind,
            size: if is_file { inode.size } else { 0 },
            modified: inode.modified,
            mode: Some(inode.mode),
            owner: Some(inode.owner),
            node: inode.number,
            first_extent: first_byte.as_ref().ok().copied().flatten(),
            problem: first_byte.err().map(|error| error.verdict()),
        }
    }

    /// Where a file's first byte lies on the device; an error when it cannot be read.
    fn first_byte(&self, inode: &Inode) -> Result<Option<u64>, ReadError> {
        if inode.is_realtime {
            return Err(damaged("a file on another device"));
        }
        // What no file can have: offsets of files are numbers with a sign.
        if inode.size > i64::MAX.cast_unsigned() {
            return Err(damaged(format!("a file of {} bytes", inode.size)));
        }
        if inode.size == 0 {
            return Ok(None);
        }
        if inode.format == Format::Local {
            return match inode.size <= inode.fork.len() as u64 {
                true => Ok(None),
                false => Err(damaged("contents within an inode")),
            };
        }
        let extent = locate(&self.pages, &self.superblock, inode, 0)?;
        Ok(extent.physical.map(|place| self.offset + place))
    }
}

fn directory(inode: Inode) -> Directory<Listing> {
    Directory {
        id: Some(inode.number),
        listing: Listing::new(inode),
    }
}

impl Tree for Xfs {
    type Listing = Listing;

    fn root(&self) -> Result<Directory<Listing>, ReadError> {
        let root = self.inode(self.superblock.root)?;
        match root.kind {
            EntryKind::Directory => Ok(directory(root)),
            _ => Err(damaged("the root is no directory")),
        }
    }

    fn next(
        &self,
        listing: &mut Listing,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Listing>>, ReadError> {
        let name = listing.next(&self.pages, &self.superblock, budget)?;
        Ok(name.map(|name| self.child(name)))
    }

    fn release(&self, listing: &mut Listing) {
        listing.release();
    }

    fn budget(&self) -> u64 {
        self.pages.stored()
    }
}

impl Volume for Xfs {
    fn format(&self) -> &str {
        "XFS"
    }

    fn identity(&self) -> String {
        format!("XFS {:032x} {}", self.superblock.id, self.superblock.blocks)
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let inode = self.inode(entry.node)?;
        if inode.kind != EntryKind::File {
            return Err(ReadError::Vanished);
        }
        if (inode.size, inode.modified) != (entry.size, entry.modified) {
            return Err(ReadError::Changed);
        }
        self.first_byte(&inode)?;
        let size = inode.size;
        if inode.format == Format::Local {
            let mut bytes = inode.fork;
            bytes.truncate(usize::try_from(size).unwrap_or(0));
            return Ok(Box::new(Held(bytes)));
        }
        let extents = FileExtents {
            pages: Arc::clone(&self.pages),
            superblock: Arc::clone(&self.superblock),
            inode,
        };
        let pages = Arc::clone(&self.pages);
        Ok(Box::new(Contents::new(pages, extents, size, size)))
    }
}
