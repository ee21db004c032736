//! A FAT file system as a volume.

use std::sync::Arc;

use packhorse_core::ledger::EntryKind;

use crate::block::BlockSource;
use crate::contents::Contents;
use crate::fat::boot::Boot;
use crate::fat::clusters::{Chain, Width};
use crate::fat::damaged;
use crate::fat::directory::{Listing, Record};
use crate::fat::raw::Place;
use crate::tree::{self, Budget, Child, Directory, Tree};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// An open FAT12, FAT16 or FAT32 file system.
pub(crate) struct Fat {
    boot: Boot,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

impl Fat {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let boot = Boot::read(source)?;
        Ok(Self { boot, offset })
    }

    /// The entry whose record lies at `place`.
    fn entry(&self, place: u64, record: &Record) -> Entry {
        let first_byte = match (record.is_label, record.is_directory) {
            (true, _) => Err(damaged("a file marked as the name of the volume")),
            (false, true) => Ok(None),
            (false, false) => self.first_byte(record),
        };
        Entry {
            path: Vec::new(),
            kind: match record.is_directory {
                true => EntryKind::Directory,
                false => EntryKind::File,
            },
            size: if record.is_directory { 0 } else { record.size },
            modified: record.modified,
            mode: None,
            owner: None,
            node: place,
            first_extent: first_byte.as_ref().ok().copied().flatten(),
            problem: first_byte.err().map(|error| error.verdict()),
        }
    }

    /// Where a file's first byte lies on the device; an error when it cannot be read.
    fn first_byte(&self, record: &Record) -> Result<Option<u64>, ReadError> {
        if record.size > self.boot.clusters.bytes() {
            return Err(damaged(format!("a file of {} bytes", record.size)));
        }
        if record.size == 0 {
            return Ok(None);
        }
        let place = self.boot.clusters.place(record.first_cluster)?;
        Ok(Some(self.offset + place))
    }
}

impl Tree for Fat {
    type Listing = Listing;

    fn root(&self) -> Result<Directory<Listing>, ReadError> {
        let id = match self.boot.root {
            Place::Chain { first } | Place::Contiguous { first, .. } => {
                self.boot.clusters.place(first)?;
                Some(u64::from(first))
            }
            Place::Region { .. } => Some(0),
        };
        let listing = Listing::root(self.boot.root);
        Ok(Directory { id, listing })
    }

    fn next(
        &self,
        listing: &mut Listing,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Listing>>, ReadError> {
        let found = listing.next(&self.boot.clusters, self.boot.width, budget)?;
        Ok(found.map(|(place, name, record)| Child {
            name,
            entry: self.entry(place, &record),
            directory: record.is_directory.then(|| Directory {
                id: Some(u64::from(record.first_cluster)),
                listing: Listing::new(Place::chain(record.first_cluster)),
            }),
        }))
    }

    fn release(&self, _: &mut Listing) {}

    fn budget(&self) -> u64 {
        self.boot.clusters.pages.stored()
    }
}

impl Volume for Fat {
    fn format(&self) -> &str {
        match self.boot.width {
            Width::Fat12 => "FAT12",
            Width::Fat16 => "FAT16",
            Width::Fat32 | Width::ExFat => "FAT32",
        }
    }

    fn identity(&self) -> String {
        format!(
            "{} {:08x} {}",
            self.format(),
            self.boot.serial,
            self.boot.clusters.layout.count
        )
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let mut bytes = [0; 32];
        self.boot.clusters.pages.read(entry.node, &mut bytes)?;
        let record = Record::parse(&bytes, self.boot.width);
        if record.is_directory {
            return Err(ReadError::Vanished);
        }
        if (record.size, record.modified) != (entry.size, entry.modified) {
            return Err(ReadError::Changed);
        }
        self.first_byte(&record)?;
        let clusters = &self.boot.clusters;
        let chain = Chain::new(Arc::clone(clusters), record.first_cluster, false);
        let pages = Arc::clone(&clusters.pages);
        Ok(Box::new(Contents::new(
            pages,
            chain,
            record.size,
            record.size,
        )))
    }
}
