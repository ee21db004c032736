//! The table of all records, which is a file itself.

use std::sync::Arc;

use crate::bytes::{byte, le16, le32, le64};
use crate::ntfs::boot::Boot;
use crate::ntfs::damaged;
use crate::ntfs::record::{Body, NUMBER_MASK, Record, kind};
use crate::ntfs::runs::{self, Run};
use crate::pages::Pages;
use crate::volume::{MediaError, ReadError};

/// NTFS's own limit for a list of attributes.
const LIST_BYTES_MAX: u64 = 256 * 1024;
/// The table of a volume with 10^8 files in pieces of a hundred; bounds memory at 64 MiB.
const TABLE_RUNS_MAX: usize = 2_000_000;

/// Where an attribute of a file is, or a further part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub(super) kind: u32,
    /// In 16-bit units, as it lies there.
    pub(super) name: Vec<u8>,
    /// The first cluster that this part is for.
    pub(super) lowest: u64,
    /// The record that holds it.
    pub(super) holder: u64,
}

/// An open table.
pub(super) struct Mft {
    pub(super) pages: Arc<Pages>,
    pub(super) boot: Boot,
    runs: Vec<Run>,
    records: u64,
}

impl Mft {
    /// Finds the table by its own first record, or by the copy of that.
    pub(super) fn open(pages: Arc<Pages>) -> Result<Self, MediaError> {
        let boot = Boot::read(&pages)?;
        let read = |at: u64| {
            let bytes = pages.bytes(at, boot.record_bytes)?;
            Record::parse(0, bytes)
        };
        let first = match read(boot.mft_at) {
            Err(error) if boot.mirror_at != 0 => read(boot.mirror_at).map_err(|_| error),
            other => other,
        }?;
        let mut table = Self {
            pages,
            boot,
            runs: Vec::new(),
            records: 0,
        };
        let data = first.attribute(kind::DATA, &[], 0)?;
        let Some(Body::Runs { pairs, size, .. }) = data.map(|data| data.body) else {
            return Err(MediaError::Damaged("the table of files".to_owned()));
        };
        table.runs = runs::decode(&table.boot, 0, pairs)?;
        table.records = size / table.boot.record_bytes as u64;
        table.read_further(&first)?;
        Ok(table)
    }

    /// A table in many pieces keeps the rest of its list in records that the first pieces hold.
    fn read_further(&mut self, first: &Record) -> Result<(), ReadError> {
        let mut parts: Vec<_> = self
            .located(first)?
            .into_iter()
            .filter(|part| part.kind == kind::DATA && part.name.is_empty() && part.lowest > 0)
            .collect();
        parts.sort_by_key(|part| part.lowest);
        for part in parts {
            let record = self.record(part.holder & NUMBER_MASK)?;
            let found = record.attribute(kind::DATA, &[], part.lowest)?;
            let Some(Body::Runs { pairs, lowest, .. }) = found.map(|found| found.body) else {
                return Err(damaged("the table of files"));
            };
            let end = self.runs.last().map_or(0, |run| run.start + run.length);
            if lowest != end || self.runs.len() > TABLE_RUNS_MAX {
                return Err(damaged("the table of files"));
            }
            self.runs.extend(runs::decode(&self.boot, lowest, pairs)?);
        }
        Ok(())
    }

    /// Reads a record.
    pub(super) fn record(&self, number: u64) -> Result<Record, ReadError> {
        if number >= self.records {
            return Err(damaged(format!("record {number} of {}", self.records)));
        }
        let cluster_bytes = self.boot.cluster_bytes;
        let mut bytes = vec![0; self.boot.record_bytes];
        let mut at = number * bytes.len() as u64;
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let run = runs::find(&self.runs, at / cluster_bytes);
            let Some((run, cluster)) = run.and_then(|run| Some((run, run.cluster?))) else {
                return Err(damaged(format!("record {number} lies nowhere")));
            };
            let within = at - run.start * cluster_bytes;
            let length = usize::try_from(run.length * cluster_bytes - within)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            self.pages.read(cluster * cluster_bytes + within, part)?;
            at += length as u64;
            rest = after;
        }
        Record::parse(number, bytes)
    }

    /// Reads the record that a reference leads to, if it is still the one that was meant.
    pub(super) fn referred(&self, reference: u64) -> Result<Record, ReadError> {
        let record = self.record(reference & NUMBER_MASK)?;
        match record.reference() == reference {
            true => Ok(record),
            false => Err(damaged(format!("record {} is another's", record.number))),
        }
    }

    /// Reads a record that holds attributes of `base`, which may be `base` itself.
    pub(super) fn holder(&self, base: &Record, reference: u64) -> Result<Record, ReadError> {
        if reference == base.reference() {
            return Ok(base.clone());
        }
        let record = self.referred(reference)?;
        match record.base == base.reference() {
            true => Ok(record),
            false => Err(damaged(format!("record {} is another's", record.number))),
        }
    }

    /// All attributes of a file, of which a record may hold only the first and a list of the others.
    pub(super) fn located(&self, base: &Record) -> Result<Vec<Located>, ReadError> {
        if let Some(list) = base.attribute(kind::LIST, &[], 0)? {
            let bytes = self.small(list.body)?;
            return parse_list(&bytes);
        }
        let located = base.attributes().map(|attribute| {
            attribute.map(|attribute| Located {
                kind: attribute.kind,
                name: attribute.name.to_vec(),
                lowest: match attribute.body {
                    Body::Resident(_) => 0,
                    Body::Runs { lowest, .. } => lowest,
                },
                holder: base.reference(),
            })
        });
        located.collect()
    }

    /// The bytes of a list of attributes, whose runs are all in one record.
    fn small(&self, body: Body<'_>) -> Result<Vec<u8>, ReadError> {
        let (pairs, size) = match body {
            Body::Resident(bytes) => return Ok(bytes.to_vec()),
            Body::Runs { pairs, size, .. } => (pairs, size),
        };
        if size > LIST_BYTES_MAX {
            return Err(damaged(format!("a list of attributes of {size} bytes")));
        }
        let mut bytes = Vec::new();
        for run in runs::decode(&self.boot, 0, pairs)? {
            let left = size - bytes.len() as u64;
            let length = run.length.saturating_mul(self.boot.cluster_bytes).min(left);
            let length = usize::try_from(length).unwrap_or(0);
            let cluster = run.cluster.ok_or_else(|| damaged("a list of attributes"))?;
            let place = cluster * self.boot.cluster_bytes;
            bytes.extend(self.pages.bytes(place, length)?);
        }
        match bytes.len() as u64 == size {
            true => Ok(bytes),
            false => Err(damaged("a list of attributes")),
        }
    }
}

fn parse_list(bytes: &[u8]) -> Result<Vec<Located>, ReadError> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = usize::from(le16(rest, 4));
        let (name_at, name_length) = (usize::from(byte(rest, 7)), usize::from(byte(rest, 6)));
        let name = rest.get(name_at..name_at + name_length * 2);
        let (Some(name), Some(after)) = (name, rest.get(length..).filter(|_| length >= 0x1a))
        else {
            return Err(damaged("a list of attributes"));
        };
        found.push(Located {
            kind: le32(rest, 0),
            name: name.to_vec(),
            lowest: le64(rest, 8),
            holder: le64(rest, 0x10),
        });
        rest = after;
    }
    Ok(found)
}
