//! An exFAT file system as a volume.

use std::sync::Arc;

use packhorse_core::ledger::EntryKind;

use crate::block::BlockSource;
use crate::contents::Contents;
use crate::exfat::boot::Boot;
use crate::exfat::directory::{Listing, Set, Stream};
use crate::fat::clusters::Chain;
use crate::fat::damaged;
use crate::fat::raw::Place;
use crate::tree::{self, Budget, Child, Directory, Tree};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// An open exFAT file system.
pub(crate) struct ExFat {
    boot: Boot,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

impl ExFat {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let boot = Boot::read(source)?;
        Ok(Self { boot, offset })
    }

    fn entry(&self, set: &Set) -> Entry {
        let first_byte = self.first_byte(&set.stream);
        let is_file = !set.is_directory;
        Entry {
            path: Vec::new(),
            kind: match is_file {
                true => EntryKind::File,
                false => EntryKind::Directory,
            },
            size: if is_file { set.stream.size } else { 0 },
            modified: set.modified,
            mode: None,
            owner: None,
            node: set.stream_at,
            first_extent: first_byte
                .as_ref()
                .ok()
                .copied()
                .flatten()
                .filter(|_| is_file),
            problem: first_byte.err().map(|error| error.verdict()),
        }
    }

    /// Where the first byte lies on the device; an error when it cannot be read.
    fn first_byte(&self, stream: &Stream) -> Result<Option<u64>, ReadError> {
        if stream.size > self.boot.clusters.bytes() || stream.written > stream.size {
            return Err(damaged(format!("a file of {} bytes", stream.size)));
        }
        if stream.size == 0 {
            return Ok(None);
        }
        if !stream.has_clusters {
            return Err(damaged("a file that may not have clusters has some"));
        }
        let clusters = &self.boot.clusters;
        let place = clusters.place(stream.first_cluster)?;
        let heap_end = clusters.layout.heap_at + clusters.bytes();
        if stream.is_contiguous && stream.size > heap_end - place {
            return Err(damaged("a file that ends behind the last cluster"));
        }
        Ok(Some(self.offset + place))
    }
}

impl Tree for ExFat {
    type Listing = Listing;

    fn root(&self) -> Result<Directory<Listing>, ReadError> {
        self.boot.clusters.place(self.boot.root_cluster)?;
        Ok(Directory {
            id: Some(u64::from(self.boot.root_cluster)),
            listing: Listing::new(Place::chain(self.boot.root_cluster)),
        })
    }

    fn next(
        &self,
        listing: &mut Listing,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Listing>>, ReadError> {
        let found = listing.next(&self.boot.clusters, budget)?;
        Ok(found.map(|set| Child {
            entry: self.entry(&set),
            directory: set.is_directory.then(|| Directory {
                // One without clusters leads nowhere, and so not in a circle.
                id: (set.stream.size > 0).then_some(u64::from(set.stream.first_cluster)),
                listing: Listing::new(match set.stream.size {
                    0 => Place::Region { at: 0, bytes: 0 },
                    _ => set.stream.place(),
                }),
            }),
            name: set.name,
        }))
    }

    fn release(&self, _: &mut Listing) {}

    fn budget(&self) -> u64 {
        self.boot.clusters.pages.stored()
    }
}

impl Volume for ExFat {
    fn format(&self) -> &str {
        "exFAT"
    }

    fn identity(&self) -> String {
        let count = self.boot.clusters.layout.count;
        format!("exFAT {:08x} {count}", self.boot.serial)
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let mut bytes = [0; 32];
        let clusters = &self.boot.clusters;
        clusters.pages.read(entry.node, &mut bytes)?;
        let stream = Stream::parse(&bytes).ok_or(ReadError::Vanished)?;
        if stream.size != entry.size {
            return Err(ReadError::Changed);
        }
        self.first_byte(&stream)?;
        let chain = Chain::new(
            Arc::clone(clusters),
            stream.first_cluster,
            stream.is_contiguous,
        );
        let pages = Arc::clone(&clusters.pages);
        Ok(Box::new(Contents::new(
            pages,
            chain,
            stream.size,
            stream.written,
        )))
    }
}
