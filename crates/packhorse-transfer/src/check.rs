//! A rehearsal: what a load of this device would do, found out without a store.
//!
//! The plan is the load's own, in a ledger of its own: nothing here maps a path a second time, and
//! 10^8 entries take no more memory than ten.

mod answer;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use packhorse_core::ledger::{EntryKind, Outcome, Verdict};
use packhorse_core::manifest::{Manifest, S3Import};
use packhorse_core::mapping::{self, IgnoredBy, SNIFF_BYTES, Target};
use packhorse_media::{FileReader, Volume};
use tokio_util::sync::CancellationToken;

use crate::headers::row_meta;
use crate::ledger::{After, Change, Done, JobFolder, Ledger, LeftOut, OpenRow, Total, Turn};
use crate::progress::{Meter, Stage};
use crate::reader::fill_patiently;
use crate::{Error, SourceVolume, plan};

pub use answer::{Checked, Example, Ignored, Problem, Sample, Tally};

/// Rows read from the ledger, and outcomes written to it, at once.
const ROWS_PAGE: u32 = 512;
/// Bytes read from a file at once.
const READ_BYTES: usize = 1024 * 1024;

/// One device and the manifest it is to be loaded with.
pub struct Check {
    /// What the customer wants.
    pub manifest: Arc<Manifest<S3Import>>,
    /// The device.
    pub volumes: Vec<SourceVolume>,
    /// Whether every byte is read, as a load does, to find what cannot be read.
    pub read: bool,
    /// So many examples of each problem.
    pub examples: u32,
    /// So many files are shown with their keys and headers.
    pub samples: u32,
    /// Live numbers.
    pub meter: Meter,
    /// Cancelled from outside, the check stops soon.
    pub stop: CancellationToken,
    /// Now.
    pub clock: fn() -> Timestamp,
}

impl Check {
    /// Lists the device, with its plan in `folder`, and sums up. Blocks for as long as that takes.
    pub fn run(&self, folder: &Path) -> Result<Checked, Error> {
        let ledger = Ledger::scratch(&JobFolder::scratch(folder))?;
        self.meter.set_stage(Stage::Listing);
        contained(|| {
            let (volumes, clock) = (&self.volumes, self.clock);
            plan::list(
                &ledger,
                &self.manifest,
                volumes,
                &self.meter,
                &self.stop,
                clock,
            )
        })?;
        if self.read {
            self.read_all(&ledger)?;
        }
        self.answer(&ledger)
    }

    /// Reads every file to its end; what cannot be read gets the row that a load would give it.
    fn read_all(&self, ledger: &Ledger) -> Result<(), Error> {
        self.meter.set_stage(Stage::Loading);
        self.meter.set_counts(ledger.counts()?);
        let mut buffer = vec![0; READ_BYTES];
        let mut after = After::default();
        loop {
            let (page, last) = ledger.open_rows(Turn::First, after, ROWS_PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            after = last;
            let mut changes = Vec::new();
            for row in page {
                let read = catch_unwind(AssertUnwindSafe(|| self.read_file(&row, &mut buffer)));
                let verdict = match read {
                    Ok(Ok(())) => continue,
                    Ok(Err(Unread::Stopped)) => return Err(Error::Stopped),
                    Ok(Err(Unread::Row(verdict))) => verdict,
                    Err(_panic) => Verdict::damaged(),
                };
                let at_ms = (self.clock)().as_millisecond();
                changes.push((row.id, Change::Done(Done::without_object(verdict, at_ms))));
            }
            ledger.write(&changes)?;
        }
    }

    fn read_file(&self, row: &OpenRow, buffer: &mut [u8]) -> Result<(), Unread> {
        let mut file = self.open(row)?;
        let mut offset = 0;
        while offset < row.entry.size {
            if self.stop.is_cancelled() {
                return Err(Unread::Stopped);
            }
            let left = usize::try_from(row.entry.size - offset).unwrap_or(usize::MAX);
            let piece = buffer.get_mut(..left.min(READ_BYTES)).unwrap_or_default();
            fill_patiently(file.as_mut(), offset, piece)
                .map_err(|lost| Unread::Row(lost.verdict()))?;
            offset += piece.len() as u64;
            self.meter.add_sent(piece.len() as u64);
        }
        Ok(file.finish()?)
    }

    fn open(&self, row: &OpenRow) -> Result<Box<dyn FileReader>, Unread> {
        let volume: Option<&Arc<dyn Volume>> = self
            .volumes
            .get(row.volume)
            .and_then(|source| source.content.as_ref().ok());
        let volume = volume.ok_or(Unread::Row(Verdict::damaged()))?;
        Ok(volume.open(&row.entry)?)
    }

    fn answer(&self, ledger: &Ledger) -> Result<Checked, Error> {
        let mut to_store = Tally::default();
        let mut problems = Vec::new();
        for Total {
            verdict,
            rows,
            bytes,
        } in ledger.totals()?
        {
            let tally = Tally { files: rows, bytes };
            match verdict {
                None => to_store = tally,
                Some(verdict) if verdict.outcome() == Outcome::Failed => problems.push(Problem {
                    examples: self.examples_of(ledger, &verdict)?,
                    verdict,
                    tally,
                }),
                Some(_) => {}
            }
        }
        let mut counts = ledger.counts()?;
        (counts.stored, counts.stored_bytes) = (to_store.files, to_store.bytes);
        Ok(Checked {
            counts,
            ignored: self.ignored(ledger)?,
            problems,
            sample: self.sample(ledger)?,
        })
    }

    fn examples_of(&self, ledger: &Ledger, verdict: &Verdict) -> Result<Vec<Example>, Error> {
        let rows = ledger.examples(verdict, self.examples)?;
        rows.into_iter()
            .map(|row| {
                let rival = match *verdict == Verdict::key_collision() {
                    true => self.rival(ledger, &row)?,
                    false => None,
                };
                let file = row.path;
                Ok(Example { file, rival })
            })
            .collect()
    }

    /// The file that has the key which this one would have had.
    fn rival(&self, ledger: &Ledger, row: &LeftOut) -> Result<Option<Vec<u8>>, Error> {
        let import = &self.manifest.kind;
        let (folder, path) = row.parts();
        match mapping::target(import, &self.manifest.extensions, folder, path) {
            Target::Key(key) => ledger.path_of_key(&key),
            Target::Ignored(_) | Target::Failed(_) => Ok(None),
        }
    }

    /// What left files out, every pattern that did in the manifest's order.
    fn ignored(&self, ledger: &Ledger) -> Result<Vec<Ignored>, Error> {
        let import = &self.manifest.kind;
        let mut tallies: HashMap<IgnoredBy<'_>, Tally> = HashMap::new();
        ledger.each_with(&Verdict::ignored(), |row| {
            let (folder, path) = row.parts();
            // Looked up as the plan did: a directory stands for what is in it.
            let inside = [path, b"/".as_slice()].concat();
            let path = match row.kind {
                EntryKind::Directory => inside.as_slice(),
                _ => path,
            };
            if let Some(by) = mapping::ignored(import, &self.manifest.extensions, folder, path) {
                tallies.entry(by).or_default().add(row.size);
            }
        })?;
        let mut order = vec![IgnoredBy::Signature, IgnoredBy::Junk];
        order.extend(import.ignore.sources().map(IgnoredBy::Pattern));
        let mut all = Vec::new();
        for by in order {
            let tally = match by {
                // What matched nothing is worth knowing of a pattern.
                IgnoredBy::Pattern(_) => tallies.remove(&by).unwrap_or_default(),
                IgnoredBy::Signature | IgnoredBy::Junk => match tallies.remove(&by) {
                    Some(tally) => tally,
                    None => continue,
                },
            };
            all.push(Ignored::new(by, tally));
        }
        Ok(all)
    }

    fn sample(&self, ledger: &Ledger) -> Result<Vec<Sample>, Error> {
        let rows = ledger.sample(self.samples)?;
        Ok(rows.into_iter().map(|row| self.shown(row)).collect())
    }

    fn shown(&self, row: OpenRow) -> Sample {
        let first_bytes = contained(|| Ok(self.first_bytes(&row))).unwrap_or_default();
        let meta = row_meta(&self.manifest, &row, &first_bytes);
        let headers = meta.headers().map_err(|error| error.to_string());
        let folder = self.volumes.get(row.volume).map(|source| &source.folder);
        let folder = folder.map(String::as_bytes).unwrap_or_default();
        Sample {
            file: [folder, &row.entry.path].concat(),
            key: row.key,
            bytes: row.entry.size,
            headers,
        }
    }

    /// Nothing of a file that cannot be read: its name still tells its type.
    fn first_bytes(&self, row: &OpenRow) -> Vec<u8> {
        let mut bytes = vec![0; SNIFF_BYTES];
        let read = self.open(row).and_then(|mut file| {
            let read = file.read_at(0, &mut bytes)?;
            Ok(read)
        });
        bytes.truncate(read.unwrap_or_default());
        bytes
    }
}

/// Why a file was not read to its end.
enum Unread {
    Stopped,
    Row(Verdict),
}

impl From<packhorse_media::ReadError> for Unread {
    fn from(error: packhorse_media::ReadError) -> Self {
        Self::Row(error.verdict())
    }
}

/// A parser that panics is an error of the device.
fn contained<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = "see the message above".to_owned();
        Err(Error::Panicked(what))
    })
}
