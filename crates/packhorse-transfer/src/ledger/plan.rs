//! Listing: entries in, rows out.

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_media::Entry;
use rusqlite::params;

use super::{Ledger, Phase};
use crate::Error;

/// Rows per transaction while listing.
const BATCH_ROWS: u64 = 10_000;

/// An entry with what will become of it.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    /// Index of the volume.
    pub volume: usize,
    /// The entry, its path as the volume has it.
    pub entry: &'a Entry,
    /// What stands in front of the path in keys and report.
    pub folder: &'a str,
    /// Its key, or its final row.
    pub target: Result<String, Verdict>,
    /// Now.
    pub at_ms: i64,
}

/// Writes the rows of a listing. Dropped without [`PlanWriter::finish`], the listing never was.
pub(crate) struct PlanWriter<'a> {
    ledger: &'a Ledger,
    rows: u64,
}

impl Ledger {
    /// Begins a listing, from nothing: rows of an interrupted one are removed.
    pub(crate) fn plan(&self) -> Result<PlanWriter<'_>, Error> {
        self.connection.execute_batch(
            "BEGIN; DELETE FROM entries; UPDATE job SET phase = 'listing'; COMMIT; BEGIN;",
        )?;
        Ok(PlanWriter {
            ledger: self,
            rows: 0,
        })
    }
}

impl PlanWriter<'_> {
    pub(crate) fn add(&mut self, planned: &Planned<'_>) -> Result<(), Error> {
        let entry = planned.entry;
        let mut path = planned.folder.as_bytes().to_vec();
        path.extend_from_slice(&entry.path);
        let (key, verdict) = match &planned.target {
            Ok(key) => (Some(key), None),
            Err(verdict) => (None, Some(verdict)),
        };
        // Physical order where it is known, else the order of the listing.
        let extent = entry.first_extent.unwrap_or(self.rows);
        self.ledger
            .connection
            .prepare_cached(
                "INSERT INTO entries (volume, path, inner_bytes, kind, size, modified_ns, mode, \
                 uid, gid, node, extent, key, state, status, code, at_ms) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                to_i64(planned.volume as u64),
                path,
                to_i64(entry.path.len() as u64),
                kind_code(entry.kind),
                to_i64(entry.size),
                entry.modified.map(|at| at.as_nanosecond().to_be_bytes()),
                entry.mode,
                entry.owner.map(|(uid, _)| uid),
                entry.owner.map(|(_, gid)| gid),
                entry.node.cast_signed(),
                to_i64(extent),
                key,
                verdict.map_or(0, |verdict| super::write::state_of(verdict.outcome())),
                verdict.map(|verdict| verdict.status),
                verdict.map(|verdict| &verdict.code),
                verdict.map(|_| planned.at_ms),
            ])?;
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH_ROWS) {
            self.ledger.connection.execute_batch("COMMIT; BEGIN;")?;
        }
        Ok(())
    }

    /// Ends the listing: of several files with one key the first in path order keeps it, every
    /// other is a failed row; then loading may begin.
    pub(crate) fn finish(self, at_ms: i64) -> Result<(), Error> {
        let connection = &self.ledger.connection;
        let collision = Verdict::key_collision();
        connection.execute_batch(
            "COMMIT; CREATE INDEX IF NOT EXISTS entries_key ON entries (key, volume, path) \
             WHERE key IS NOT NULL; BEGIN;",
        )?;
        connection.execute(
            "UPDATE entries SET state = 3, status = ?, code = ?, at_ms = ?, key = NULL \
             WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER \
             (PARTITION BY key ORDER BY volume, path) AS n FROM entries WHERE key IS NOT NULL) \
             WHERE n > 1)",
            params![collision.status, collision.code, at_ms],
        )?;
        self.ledger.set_phase(Phase::Loading)?;
        connection.execute_batch("COMMIT")?;
        Ok(())
    }
}

impl Drop for PlanWriter<'_> {
    fn drop(&mut self) {
        if !self.ledger.connection.is_autocommit() {
            // A failed rollback leaves what a crash leaves: rows of a listing that does not count.
            self.ledger.connection.execute_batch("ROLLBACK").ok();
        }
    }
}

/// SQLite counts in i64: a size that a hostile disk claims beyond it is as absurd at the limit.
fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const KINDS: [(EntryKind, &str); 8] = [
    (EntryKind::File, "file"),
    (EntryKind::Directory, "directory"),
    (EntryKind::Symlink, "symlink"),
    (EntryKind::Fifo, "fifo"),
    (EntryKind::Socket, "socket"),
    (EntryKind::CharacterDevice, "character device"),
    (EntryKind::BlockDevice, "block device"),
    (EntryKind::Other, "other"),
];

/// The kind of a code; what is not one was not written here.
pub(super) fn kind_of(code: &str) -> EntryKind {
    KINDS
        .iter()
        .find(|(_, known)| *known == code)
        .map_or(EntryKind::Other, |(kind, _)| *kind)
}

fn kind_code(kind: EntryKind) -> &'static str {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or("other", |(_, code)| code)
}
