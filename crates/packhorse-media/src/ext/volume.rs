//! An ext file system as a volume.

use std::sync::Arc;

use packhorse_core::ledger::{EntryKind, Verdict};

use crate::block::BlockSource;
use crate::ext::damaged;
use crate::ext::directory::{Dirent, Listing};
use crate::ext::filesystem::{FileSystem, ROOT_INODE};
use crate::ext::inode::Inode;
use crate::ext::reader::OpenFile;
use crate::tree::{self, Budget, Child, Directory, Tree, unknown};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// An open ext2, ext3 or ext4 file system.
pub(crate) struct Ext {
    fs: Arc<FileSystem>,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

impl Ext {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let fs = FileSystem::open(source)?;
        Ok(Self {
            fs: Arc::new(fs),
            offset,
        })
    }

    /// The entry of `path`, which a directory says is `dirent`; with the inode when it is sound.
    fn entry(&self, path: Vec<u8>, dirent: &Dirent) -> (Entry, Option<Inode>) {
        match self.inode(dirent.inode) {
            Ok(inode) => (self.entry_of(path, &inode), Some(inode)),
            Err(error) => (unknown(path, dirent.kind, error.verdict()), None),
        }
    }

    /// An inode that a directory may name.
    fn inode(&self, number: u32) -> Result<Inode, ReadError> {
        match number == ROOT_INODE || number >= self.fs.superblock.first_inode {
            true => self.fs.inode(number),
            false => Err(damaged(format!("inode {number} is reserved"))),
        }
    }

    fn entry_of(&self, path: Vec<u8>, inode: &Inode) -> Entry {
        let is_file = inode.kind == EntryKind::File;
        let (first_extent, problem) = match is_file.then(|| self.first_byte(inode)) {
            Some(Ok(first_extent)) => (first_extent, None),
            Some(Err(error)) => (None, Some(error.verdict())),
            None => (None, None),
        };
        let is_sealed = inode.kind == EntryKind::Directory && inode.is_encrypted();
        Entry {
            path,
            kind: inode.kind,
            size: if is_file { inode.size } else { 0 },
            modified: inode.modified,
            mode: Some(inode.permissions),
            owner: Some(inode.owner),
            node: u64::from(inode.number),
            first_extent,
            problem: problem.or_else(|| is_sealed.then(Verdict::access_denied)),
        }
    }

    /// Where a file's first byte lies; an error when the file cannot be read.
    fn first_byte(&self, inode: &Inode) -> Result<Option<u64>, ReadError> {
        if inode.is_encrypted() {
            return Err(ReadError::Denied);
        }
        if inode.is_inline() {
            return crate::ext::inline::parts(inode).map(|_| None);
        }
        let blocks = inode.size.div_ceil(self.fs.block_size());
        if blocks > self.fs.file_blocks_max(inode) {
            return Err(damaged(format!("a file of {} bytes", inode.size)));
        }
        if blocks == 0 {
            return Ok(None);
        }
        let physical = self.fs.map(inode, 0)?.physical;
        Ok(physical.map(|block| self.offset + block * self.fs.block_size()))
    }
}

impl Tree for Ext {
    type Listing = Listing;

    fn root(&self) -> Result<Directory<Listing>, ReadError> {
        let root = self.fs.inode(ROOT_INODE)?;
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
        let Some(dirent) = listing.next(&self.fs, budget)? else {
            return Ok(None);
        };
        let (entry, inode) = self.entry(Vec::new(), &dirent);
        Ok(Some(Child {
            name: dirent.name,
            entry,
            directory: inode
                .filter(|inode| inode.kind == EntryKind::Directory)
                .map(directory),
        }))
    }

    fn release(&self, listing: &mut Listing) {
        listing.release();
    }

    fn budget(&self) -> u64 {
        self.fs.blocks.stored()
    }
}

fn directory(inode: Inode) -> Directory<Listing> {
    Directory {
        id: Some(u64::from(inode.number)),
        listing: Listing::new(inode),
    }
}

impl Volume for Ext {
    fn format(&self) -> &str {
        self.fs.superblock.format()
    }

    fn identity(&self) -> String {
        let superblock = &self.fs.superblock;
        let uuid = u128::from_be_bytes(superblock.uuid);
        format!(
            "{} {uuid:032x} {}",
            superblock.format(),
            superblock.blocks_count
        )
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let number = u32::try_from(entry.node).map_err(|_| ReadError::Vanished)?;
        let inode = self.inode(number)?;
        if inode.kind != EntryKind::File {
            return Err(ReadError::Vanished);
        }
        if (inode.size, inode.modified) != (entry.size, entry.modified) {
            return Err(ReadError::Changed);
        }
        self.first_byte(&inode)?;
        Ok(Box::new(OpenFile::new(Arc::clone(&self.fs), inode)?))
    }
}
