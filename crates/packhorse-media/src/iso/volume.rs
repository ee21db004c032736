//! An ISO 9660 file system as a volume.

use std::sync::Arc;

use packhorse_core::ledger::{EntryKind, Verdict};

use crate::block::BlockSource;
use crate::bytes::be16;
use crate::contents::Contents;
use crate::iso::descriptor::{Disc, SECTOR};
use crate::iso::file::Stretches;
use crate::iso::record::{Record, Records};
use crate::iso::rock_ridge::{self, Fields};
use crate::names::from_utf16;
use crate::pages::Pages;
use crate::tree::{self, Budget, Child, Directory, Tree, unknown};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Stop, Volume, Walk};

/// A record and what may follow it lie within so many bytes: more than 4,096 of the longest.
const FILE_RECORDS_BYTES: u64 = 2 * 1024 * 1024;

/// Which names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Plain,
    Joliet,
    /// With so many bytes before the fields of each record.
    RockRidge(usize),
}

/// An open ISO 9660 file system.
pub(crate) struct Iso {
    pages: Arc<Pages>,
    disc: Disc,
    names: Names,
    /// Where it begins on the device, in bytes.
    offset: u64,
}

impl Iso {
    /// Opens the file system on `source`, which begins at `offset` of the device.
    pub(crate) fn open(source: Arc<dyn BlockSource>, offset: u64) -> Result<Self, MediaError> {
        let pages = Arc::new(Pages::new(source));
        let disc = Disc::read(&pages)?;
        let mut records = Records::new(disc.plain.block * disc.block_bytes, SECTOR);
        let mut budget = Budget::new(SECTOR, &|| false);
        let own = records.next(&pages, &mut budget)?;
        let names = match own.and_then(|(_, own)| rock_ridge::skipped(&own)) {
            Some(skipped) => Names::RockRidge(skipped),
            None if disc.joliet.is_some() => Names::Joliet,
            None => Names::Plain,
        };
        Ok(Self {
            pages,
            disc,
            names,
            offset,
        })
    }

    fn fields(&self, record: &Record) -> Result<Fields, ReadError> {
        match self.names {
            Names::RockRidge(skipped) => {
                rock_ridge::read(&self.pages, self.disc.block_bytes, record, skipped)
            }
            Names::Plain | Names::Joliet => Ok(Fields::default()),
        }
    }

    fn name(&self, record: &Record) -> Vec<u8> {
        let mut name = match self.names {
            Names::Joliet => from_utf16(record.name.chunks_exact(2).map(|unit| be16(unit, 0))),
            Names::Plain | Names::RockRidge(_) => record.name.clone(),
        };
        if record.is_folder {
            return name;
        }
        // The number of a version, and the point of an extension that is not there.
        if let Some(at) = name.iter().rposition(|byte| *byte == b';') {
            name.truncate(at);
        }
        if name.last() == Some(&b'.') && self.names == Names::Plain {
            name.pop();
        }
        name
    }

    fn directory(&self, block: u64, size: u64) -> Directory<Records> {
        Directory {
            id: Some(block),
            listing: Records::new(block * self.disc.block_bytes, size),
        }
    }

    /// The folder that `record` is, or that lies elsewhere and says itself how long it is.
    fn folder(&self, record: &Record, fields: &Fields) -> Result<Directory<Records>, ReadError> {
        let Some(block) = fields.moved_to else {
            return Ok(self.directory(record.block, record.size));
        };
        let mut records = Records::new(block * self.disc.block_bytes, SECTOR);
        let mut budget = Budget::new(SECTOR, &|| false);
        match records.next(&self.pages, &mut budget)? {
            Some((_, own)) if own.is_dots() && own.block == block => {
                Ok(self.directory(block, own.size))
            }
            _ => Err(ReadError::Damaged("a folder that was moved".to_owned())),
        }
    }

    /// The entry of a record; `None` for one that is listed elsewhere.
    fn child(
        &self,
        place: u64,
        record: &Record,
        listing: &mut Records,
        budget: &mut Budget<'_>,
    ) -> Option<Child<Records>> {
        let fields = self.fields(record);
        let name = match &fields {
            Ok(fields) if fields.is_moved => return None,
            Ok(Fields {
                name: Some(name), ..
            }) => name.clone(),
            _ => self.name(record),
        };
        let read = fields.and_then(|fields| {
            let is_folder = record.is_folder || fields.moved_to.is_some();
            match is_folder {
                true => {
                    let directory = self.folder(record, &fields)?;
                    let problem = Verdict::damaged();
                    let entry = unknown(Vec::new(), EntryKind::Directory, problem);
                    let entry = Entry {
                        problem: None,
                        ..entry
                    };
                    Ok((entry, Some(directory)))
                }
                false => {
                    let entry = self.entry(place, record, &fields, listing, budget)?;
                    Ok((entry, None))
                }
            }
        });
        let (entry, directory) = read.unwrap_or_else(|error| {
            let kind = match record.is_folder {
                true => EntryKind::Directory,
                false => EntryKind::File,
            };
            (unknown(Vec::new(), kind, error.verdict()), None)
        });
        Some(Child {
            name,
            entry,
            directory,
        })
    }

    fn entry(
        &self,
        place: u64,
        record: &Record,
        fields: &Fields,
        listing: &mut Records,
        budget: &mut Budget<'_>,
    ) -> Result<Entry, ReadError> {
        let kind = match fields.is_link {
            true => EntryKind::Symlink,
            false => fields.kind().unwrap_or(EntryKind::File),
        };
        let block_bytes = self.disc.block_bytes;
        let stretches = Stretches::read(&self.pages, block_bytes, record, listing, budget)?;
        let is_file = kind == EntryKind::File;
        let first_byte = stretches.first_byte().filter(|_| is_file);
        Ok(Entry {
            path: Vec::new(),
            kind,
            size: if is_file { stretches.size() } else { 0 },
            modified: fields.modified.or(record.modified),
            mode: fields.mode.map(|mode| mode & 0o7777),
            owner: fields.mode.map(|_| fields.owner),
            node: place,
            first_extent: first_byte.map(|first| self.offset + first),
            problem: (fields.is_packed && is_file).then(Verdict::unsupported_contents),
        })
    }
}

impl Tree for Iso {
    type Listing = Records;

    fn root(&self) -> Result<Directory<Records>, ReadError> {
        let root = match (self.names, &self.disc.joliet) {
            (Names::Joliet, Some(joliet)) => joliet,
            _ => &self.disc.plain,
        };
        Ok(self.directory(root.block, root.size))
    }

    fn next(
        &self,
        listing: &mut Records,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Records>>, ReadError> {
        while let Some((place, record)) = listing.next(&self.pages, budget)? {
            if record.is_dots() || record.is_associated {
                continue;
            }
            if let Some(child) = self.child(place, &record, listing, budget) {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    fn release(&self, listing: &mut Records) {
        listing.release();
    }

    fn budget(&self) -> u64 {
        self.pages.stored()
    }
}

impl Volume for Iso {
    fn format(&self) -> &str {
        match self.names {
            Names::Plain => "ISO 9660",
            Names::Joliet => "ISO 9660 with Joliet",
            Names::RockRidge(_) => "ISO 9660 with Rock Ridge",
        }
    }

    fn identity(&self) -> String {
        let label = String::from_utf8_lossy(&self.disc.label).into_owned();
        format!("ISO 9660 {} {}", label.escape_default(), self.pages.size())
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        tree::walk(self, stop, each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        tree::root_entry(self, name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let mut records = Records::new(entry.node, FILE_RECORDS_BYTES);
        let mut budget = Budget::new(FILE_RECORDS_BYTES + SECTOR, &|| false);
        let first = records.next(&self.pages, &mut budget)?;
        let (_, first) = first.ok_or(ReadError::Vanished)?;
        let fields = self.fields(&first)?;
        let stretches = Stretches::read(
            &self.pages,
            self.disc.block_bytes,
            &first,
            &mut records,
            &mut budget,
        )?;
        let modified = fields.modified.or(first.modified);
        if (stretches.size(), modified) != (entry.size, entry.modified) {
            return Err(ReadError::Changed);
        }
        let size = stretches.size();
        let pages = Arc::clone(&self.pages);
        Ok(Box::new(Contents::new(pages, stretches, size, size)))
    }
}
