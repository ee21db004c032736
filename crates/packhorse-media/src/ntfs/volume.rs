//! An NTFS file system as a volume.

use std::collections::VecDeque;
use std::sync::Arc;

use packhorse_core::ledger::{EntryKind, Verdict};

use crate::block::BlockSource;
use crate::ntfs::damaged;
use crate::ntfs::file::{File, has_real_name};
use crate::ntfs::index::{Index, Name};
use crate::ntfs::mft::Mft;
use crate::ntfs::record::NUMBER_MASK;
use crate::pages::Pages;
use crate::tree::{self, Budget, Child, Directory, Tree, unknown};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// The number of the root directory.
const ROOT: u64 = 5;
/// Records below are the file system's own.
const FIRST_USER: u64 = 16;

/// An open NTFS file system.
pub(crate) struct Ntfs {
    mft: Arc<Mft>,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

/// Where one is in a directory.
pub(crate) struct Listing {
    index: Index,
    /// The number of the directory's record.
    directory: u64,
    is_root: bool,
    /// The further streams of the entry before.
    streams: VecDeque<Child<Listing>>,
}

impl Ntfs {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let mft = Mft::open(Arc::new(Pages::new(source)))?;
        Ok(Self {
            mft: Arc::new(mft),
            offset,
        })
    }

    /// The entry of a name, and the further streams behind it.
    fn child(&self, name: &Name) -> VecDeque<Child<Listing>> {
        let mut found = VecDeque::new();
        let read = self.mft.referred(name.reference);
        let file = read.and_then(|record| File::read(&self.mft, &record));
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                found.push_back(Child {
                    name: name.name.clone(),
                    entry: unknown(Vec::new(), EntryKind::Other, error.verdict()),
                    directory: None,
                });
                return found;
            }
        };
        let is_directory = file.kind == EntryKind::Directory;
        found.push_back(Child {
            name: name.name.clone(),
            entry: self.entry(name.reference, &file),
            directory: is_directory.then(|| directory(name.reference)),
        });
        // They have no place in an object store, and are not lost in silence either.
        if file.problem.is_none() {
            found.extend(file.streams.iter().map(|stream| Child {
                name: [&name.name, b":".as_slice(), stream].concat(),
                entry: Entry {
                    modified: file.modified,
                    node: name.reference,
                    ..unknown(Vec::new(), EntryKind::Other, Verdict::alternate_stream())
                },
                directory: None,
            }));
        }
        if is_directory {
            // Last, so that nothing waits while the walk is below it: memory is not for depth times
            // streams.
            found.rotate_left(1);
        }
        found
    }

    /// Whether the file of a name for DOS has its real name in the same directory. Where that cannot
    /// be told the file is rather listed twice than not at all.
    fn has_real_name(&self, name: &Name, directory: u64) -> bool {
        let record = self.mft.referred(name.reference);
        record
            .and_then(|record| has_real_name(&self.mft, &record, directory))
            .unwrap_or(false)
    }

    fn entry(&self, reference: u64, file: &File) -> Entry {
        let is_file = file.kind == EntryKind::File;
        let (size, first_byte) = match &file.data {
            Some(data) if is_file && file.problem.is_none() => {
                (data.size, data.first_byte(&self.mft))
            }
            Some(data) if is_file => (data.size, Ok(None)),
            _ => (0, Ok(None)),
        };
        Entry {
            path: Vec::new(),
            kind: file.kind,
            size,
            modified: file.modified,
            mode: None,
            owner: None,
            node: reference,
            first_extent: first_byte
                .as_ref()
                .ok()
                .and_then(|first| first.map(|first| self.offset + first)),
            problem: file
                .problem
                .clone()
                .or_else(|| first_byte.err().map(|error| error.verdict())),
        }
    }
}

fn directory(reference: u64) -> Directory<Listing> {
    Directory {
        id: Some(reference & NUMBER_MASK),
        listing: Listing {
            index: Index::new(reference),
            directory: reference & NUMBER_MASK,
            is_root: reference & NUMBER_MASK == ROOT,
            streams: VecDeque::new(),
        },
    }
}

/// The least that an attribute list needs to name a stream.
const STREAM_BYTES_MIN: u64 = 0x20;

impl Tree for Ntfs {
    type Listing = Listing;

    fn root(&self) -> Result<Directory<Listing>, ReadError> {
        let root = self.mft.record(ROOT)?;
        match root.is_directory {
            true => Ok(directory(root.reference())),
            false => Err(damaged("the root is no directory")),
        }
    }

    fn next(
        &self,
        listing: &mut Listing,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Listing>>, ReadError> {
        loop {
            if let Some(child) = listing.streams.pop_front() {
                return Ok(Some(child));
            }
            let Some(name) = listing.index.next(&self.mft, budget)? else {
                return Ok(None);
            };
            // The root lists the file system's own files, and itself.
            let is_own = name.reference & NUMBER_MASK < FIRST_USER && listing.is_root;
            let is_second = || name.is_for_dos && self.has_real_name(&name, listing.directory);
            if !is_own && !is_second() {
                listing.streams = self.child(&name);
                // Many names may share a record with many streams: rows are paid for like reads.
                let price = listing.streams.len() as u64 * STREAM_BYTES_MIN;
                budget
                    .spend(price)
                    .inspect_err(|_| listing.streams.clear())?;
            }
        }
    }

    fn release(&self, listing: &mut Listing) {
        listing.index.release();
    }

    fn budget(&self) -> u64 {
        self.mft.pages.stored()
    }
}

impl Volume for Ntfs {
    fn format(&self) -> &str {
        "NTFS"
    }

    fn identity(&self) -> String {
        let boot = &self.mft.boot;
        format!("NTFS {:016x} {}", boot.serial, boot.clusters)
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let record = self.mft.referred(entry.node)?;
        let file = File::read(&self.mft, &record)?;
        let data = match (file.kind, file.problem) {
            (EntryKind::File, None) => file.data,
            _ => return Err(ReadError::Vanished),
        };
        let size = data.as_ref().map_or(0, |data| data.size);
        if (size, file.modified) != (entry.size, entry.modified) {
            return Err(ReadError::Changed);
        }
        match data {
            Some(data) => data.reader(&self.mft),
            None => Ok(Box::new(crate::contents::Held(Vec::new()))),
        }
    }
}
