//! Whether a device still holds what an export wrote to it: every file against the sidecar, offline.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use md5::{Digest as _, Md5};
use packhorse_core::export::{LINE_BYTES_MAX, OBJECTS_FILE, ObjectRecord, SIDECAR};
use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_core::signature_file;
use packhorse_media::{Device, Entry, FileReader, MediaError, ReadError, Volume};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::ledger::{JobFolder, Ledger, Planned};
use crate::progress::{Meter, Stage};

/// Bytes read at once.
const PIECE_BYTES: usize = 1024 * 1024;

/// A device to look at.
pub struct VerifyExport<'a> {
    /// It.
    pub device: &'a Device,
    /// A folder for the list of its files, which is not kept in memory.
    pub work_dir: &'a Path,
    /// Live numbers.
    pub meter: Meter,
    /// Cancelled from outside, it stops soon.
    pub stop: CancellationToken,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// A file that is not as it was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportProblem {
    /// From the root of the device.
    pub path: String,
    /// What is wrong with it, in words.
    pub what: String,
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifiedExport {
    /// Files of the sidecar whose bytes are right.
    pub good: u64,
    /// Their bytes.
    pub good_bytes: u64,
    /// Files that are missing, changed or cannot be read, and lines that cannot.
    pub bad: u64,
    /// Files that the sidecar does not know.
    pub unlisted: u64,
}

impl VerifyExport<'_> {
    /// Reads every file of the sidecar, and gives each problem to `each`. `None` if the device has no
    /// sidecar. Blocks.
    pub fn run(
        &self,
        mut each: impl FnMut(&ExportProblem),
    ) -> Result<Option<VerifiedExport>, Error> {
        self.meter.set_stage(Stage::Listing);
        let ledger = Ledger::scratch(&JobFolder::scratch(self.work_dir))?;
        let listed = self.list(&ledger)?;
        let Some((volume, sidecar)) = listed else {
            return Ok(None);
        };
        self.meter.set_stage(Stage::Loading);
        let mut found = VerifiedExport::default();
        let mut lines = Lines::open(volume.as_ref(), &sidecar).map_err(Error::Media)?;
        let mut there = 0;
        while let Some(line) = lines.next_line().map_err(Error::Media)? {
            if self.stop.is_cancelled() {
                return Err(Error::Stopped);
            }
            let judged = match serde_json::from_slice::<ObjectRecord>(&line) {
                Ok(record) => {
                    let entry = ledger.file_with_key(&record.path)?;
                    there += u64::from(entry.is_some());
                    judge(volume.as_ref(), &record, entry)
                }
                Err(error) => Err(ExportProblem {
                    path: OBJECTS_FILE.to_owned(),
                    what: format!("line {} cannot be read: {error}", lines.number),
                }),
            };
            match judged {
                Ok(bytes) => {
                    found.good += 1;
                    found.good_bytes += bytes;
                    self.meter.add_sent(bytes);
                }
                Err(problem) => {
                    found.bad += 1;
                    each(&problem);
                }
            }
        }
        found.unlisted = self.meter.counts().listed.saturating_sub(there);
        Ok(Some(found))
    }

    /// Lists the first volume that has a sidecar; gives it and the sidecar's list of objects.
    fn list(&self, ledger: &Ledger) -> Result<Option<Listed>, Error> {
        for volume in self.device.volumes() {
            let mut sidecar = None;
            let mut failure = None;
            let mut writer = ledger.plan()?;
            self.meter
                .set_counts(packhorse_core::ledger::Counts::default());
            let walked = volume.walk(&mut |entry| {
                if entry.path == OBJECTS_FILE.as_bytes() && entry.kind == EntryKind::File {
                    sidecar = Some(entry.clone());
                }
                let own = entry.path.starts_with(format!("{SIDECAR}/").as_bytes())
                    || entry.path == signature_file::FILE_NAME.as_bytes();
                if own || entry.kind != EntryKind::File {
                    return ControlFlow::Continue(());
                }
                self.meter.change_counts(|counts| {
                    counts.listed += 1;
                    counts.listed_bytes = counts.listed_bytes.saturating_add(entry.size);
                });
                let path = String::from_utf8(entry.path.clone());
                let planned = Planned {
                    volume: 0,
                    entry: &entry,
                    folder: "",
                    target: path.map_err(|_| Verdict::invalid_name()),
                    at_ms: 0,
                };
                let added = match self.stop.is_cancelled() {
                    true => Err(Error::Stopped),
                    false => writer.add(&planned),
                };
                match added {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failure = Some(error);
                        ControlFlow::Break(())
                    }
                }
            });
            if let Some(error) = failure {
                return Err(error);
            }
            walked?;
            writer.finish((self.clock)().as_millisecond())?;
            if let Some(entry) = sidecar {
                return Ok(Some((Arc::clone(volume), entry)));
            }
        }
        Ok(None)
    }
}

/// A volume, and the sidecar's list on it.
type Listed = (Arc<dyn Volume>, Entry);

/// The bytes of a file that is what its line says.
fn judge(
    volume: &dyn Volume,
    record: &ObjectRecord,
    entry: Option<Entry>,
) -> Result<u64, ExportProblem> {
    let problem = |what: String| ExportProblem {
        path: record.path.clone(),
        what,
    };
    let entry = entry.ok_or_else(|| problem("it is missing".to_owned()))?;
    if entry.size != record.size {
        let what = format!("it has {} bytes, exported were {}", entry.size, record.size);
        return Err(problem(what));
    }
    let md5 = md5_of(volume, &entry).map_err(|error| problem(error.to_string()))?;
    match hex::encode(md5).eq_ignore_ascii_case(&record.md5) {
        true => Ok(entry.size),
        false => Err(problem("its contents have changed".to_owned())),
    }
}

fn md5_of(volume: &dyn Volume, entry: &Entry) -> Result<[u8; 16], ReadError> {
    let mut file = volume.open(entry)?;
    let mut buffer = vec![0; PIECE_BYTES];
    let (mut hash, mut offset) = (Md5::new(), 0);
    while offset < entry.size {
        let read = file.read_at(offset, &mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            return Err(ReadError::Changed);
        };
        hash.update(piece);
        offset += read as u64;
    }
    file.finish()?;
    Ok(hash.finalize().into())
}

/// The lines of a file on a volume, none held that is longer than any of ours.
pub(crate) struct Lines {
    file: Box<dyn FileReader>,
    size: u64,
    offset: u64,
    read: Vec<u8>,
    /// Of the line last given, counted from 1.
    pub(crate) number: u64,
}

impl Lines {
    pub(crate) fn open(volume: &dyn Volume, entry: &Entry) -> Result<Self, MediaError> {
        Ok(Self {
            file: volume.open(entry)?,
            size: entry.size,
            offset: 0,
            read: Vec::new(),
            number: 0,
        })
    }

    /// The next line without its newline. One that is too long is given cut off, and the rest of it
    /// as further lines: neither will be a record.
    pub(crate) fn next_line(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
        loop {
            let end = self.read.iter().position(|byte| *byte == b'\n');
            let is_last = self.offset >= self.size;
            let (length, skip) = match end {
                Some(end) => (end, end + 1),
                None if self.read.len() > LINE_BYTES_MAX => (LINE_BYTES_MAX, LINE_BYTES_MAX),
                None if is_last && self.read.is_empty() => return Ok(None),
                None if is_last => (self.read.len(), self.read.len()),
                None => {
                    self.more()?;
                    continue;
                }
            };
            let mut line: Vec<u8> = self.read.drain(..skip).collect();
            line.truncate(length);
            self.number += 1;
            return Ok(Some(line));
        }
    }

    fn more(&mut self) -> Result<(), MediaError> {
        let mut buffer = vec![0; LINE_BYTES_MAX];
        let read = self.file.read_at(self.offset, &mut buffer)?;
        if read == 0 {
            return Err(MediaError::Damaged("a file ends before its end".to_owned()));
        }
        buffer.truncate(read);
        self.read.append(&mut buffer);
        self.offset += read as u64;
        Ok(())
    }
}
