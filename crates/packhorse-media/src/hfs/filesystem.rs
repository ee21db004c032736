//! The parts put together.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::block::BlockSource;
use crate::bytes::{be32, byte};
use crate::contents::Extent;
use crate::hfs::btree::BTree;
use crate::hfs::fork::{Fork, find, parse_pieces};
use crate::hfs::header::Header;
use crate::hfs::{damaged, journal};
use crate::pages::Pages;
use crate::volume::{MediaError, ReadError};

/// Files that are the file system's own, by number.
pub(super) const EXTENTS: u32 = 3;
const CATALOG: u32 = 4;
/// Resource forks, which are not read, have another number.
const DATA_FORK: u8 = 0;

/// An open file system.
pub(super) struct FileSystem {
    pub(super) pages: Arc<Pages>,
    pub(super) header: Header,
    extents: Option<BTree>,
    catalog: Option<BTree>,
    /// The folder of files that have several names, if there is one.
    pub(super) links: Option<u32>,
}

impl FileSystem {
    /// Opens the file system on `source`; replays its journal in memory if it was not ejected.
    pub(super) fn open(source: Arc<dyn BlockSource>) -> Result<Self, MediaError> {
        let on_disk = Header::read(&*source)?;
        let source = journal::replay(source, &on_disk)?;
        let header = Header::read(&*source)?;
        let mut fs = Self {
            pages: Arc::new(Pages::new(source)),
            header,
            extents: None,
            catalog: None,
            links: None,
        };
        let (extents, catalog) = (fs.header.extents, fs.header.catalog);
        fs.extents = Some(BTree::open(&fs, EXTENTS, &extents)?);
        fs.catalog = Some(BTree::open(&fs, CATALOG, &catalog)?);
        fs.links = fs.find_links()?;
        Ok(fs)
    }

    pub(super) fn catalog(&self) -> Result<&BTree, ReadError> {
        let catalog = self.catalog.as_ref();
        catalog.ok_or_else(|| damaged("a volume without a catalog"))
    }

    /// Where the bytes of a fork lie that its own record tells of.
    pub(super) fn locate_inline(&self, fork: &Fork, offset: u64) -> Result<Extent, ReadError> {
        let size = self.header.block_bytes;
        match find(&fork.pieces, 0, offset / size) {
            Some((first, count)) if first + count <= self.header.blocks => Ok(Extent {
                physical: Some(first * size + offset % size),
                length: count * size - offset % size,
            }),
            _ => Err(damaged("the tree of extents")),
        }
    }

    /// Looks a block of a data fork up among the pieces that its record has no room for.
    pub(super) fn overflow(&self, owner: u32, block: u64) -> Result<Option<(u64, u64)>, ReadError> {
        let Some(tree) = &self.extents else {
            return Ok(None);
        };
        let wanted = (owner, DATA_FORK, block);
        let place = |key: &[u8]| (be32(key, 2), byte(key, 0), u64::from(be32(key, 6)));
        let order = |key: &[u8]| -> Ordering { place(key).cmp(&wanted) };
        let Some((node, position)) = tree.floor(self, order)? else {
            return Ok(None);
        };
        let (key, data) = node.record(position.record)?;
        let (found, found_kind, start) = place(key);
        Ok(match (found, found_kind) == (owner, DATA_FORK) {
            true => find(&parse_pieces(data), start, block),
            false => None,
        })
    }
}
