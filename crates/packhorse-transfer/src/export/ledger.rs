//! export.db: the plan, the ledger and the report of one export, as one SQLite table.

use std::fs::File;

use jiff::Timestamp;
use packhorse_core::export::{Misfit, Rest};
use packhorse_core::id::JobId;
use packhorse_core::ledger::{Counts, Outcome, ReportRow, Verdict};
use packhorse_core::manifest::S3Export;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::earlier::Noted;
use crate::Error;
use crate::ledger::{JobFolder, Phase, connect_to, lock};

const DATABASE: &str = "export.db";

/// The ledger of an export, held by this process alone.
#[derive(Debug)]
pub(super) struct ExportLedger {
    pub(super) connection: Connection,
    folder: JobFolder,
    _lock: Option<File>,
}

/// An object still to be exported.
#[derive(Clone, Debug)]
pub(super) struct OpenObject {
    pub(super) id: i64,
    pub(super) operation: usize,
    pub(super) key: String,
    pub(super) path: String,
    pub(super) size: u64,
    /// Whether the device had a file there when it was planned.
    pub(super) present: bool,
    /// What an earlier export has noted of the file there.
    pub(super) earlier: Option<Noted>,
    /// Whether the file there is known to be an earlier export's, and gives way.
    pub(super) replaces: bool,
    pub(super) misfit: Option<String>,
    /// Bytes of the object with `done_etag` that are safely on the device.
    pub(super) done_bytes: u64,
    pub(super) done_etag: Option<String>,
}

/// A row of the plan.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    pub(super) operation: usize,
    pub(super) key: &'a str,
    pub(super) size: u64,
    pub(super) path: Option<&'a str>,
    pub(super) present: bool,
    pub(super) misfit: Option<Misfit>,
    /// Its outcome, if nothing is to be done.
    pub(super) verdict: Option<Verdict>,
    pub(super) at_ms: i64,
}

/// What becomes of a row.
#[derive(Debug)]
pub(super) enum Change {
    /// So many bytes of the object with this ETag are on the device.
    Progress { bytes: u64, etag: String },
    /// The row has its outcome.
    Done(Box<Done>),
}

/// A final outcome.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) verdict: Verdict,
    pub(super) size: Option<u64>,
    pub(super) md5: Option<[u8; 16]>,
    pub(super) content_type: Option<String>,
    pub(super) record: Option<String>,
    pub(super) at_ms: i64,
}

impl ExportLedger {
    /// Opens or creates the ledger of a job and locks it against other processes.
    pub(super) fn open(folder: &JobFolder, job_id: &JobId, basis: &str) -> Result<Self, Error> {
        folder.create()?;
        let lock = lock(folder)?;
        let connection = connect_to(&folder.path().join(DATABASE))?;
        let known = connection
            .query_row(
                "SELECT 1 FROM sqlite_schema WHERE name = 'names'",
                [],
                |_| Ok(()),
            )
            .optional()?;
        if known.is_none() {
            let create = format!("BEGIN; {} COMMIT;", include_str!("schema.sql"));
            connection.execute_batch(&create)?;
        }
        // A table of its own: ledgers of earlier versions get it too.
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS earlier (path TEXT PRIMARY KEY, bucket TEXT NOT NULL, \
             key TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL, record TEXT NOT NULL) \
             STRICT, WITHOUT ROWID;",
        )?;
        let ledger = Self {
            connection,
            folder: folder.clone(),
            _lock: Some(lock),
        };
        ledger.begin_or_continue(job_id, basis)?;
        Ok(ledger)
    }

    /// A further connection for another thread, without the lock.
    pub(super) fn reopen(&self) -> Result<Self, Error> {
        Ok(Self {
            connection: connect_to(&self.folder.path().join(DATABASE))?,
            folder: self.folder.clone(),
            _lock: None,
        })
    }

    /// Rows of another manifest or device are of no use.
    fn begin_or_continue(&self, job_id: &JobId, basis: &str) -> Result<(), Error> {
        let sql = "SELECT 1 FROM export WHERE job_id = ? AND basis = ?";
        let known = self
            .connection
            .prepare(sql)?
            .exists([job_id.as_str(), basis])?;
        if !known {
            self.connection.execute_batch(
                "BEGIN; DELETE FROM objects; DELETE FROM names; DELETE FROM earlier; \
                 DELETE FROM export;",
            )?;
            let sql = "INSERT INTO export (one, job_id, basis, phase) VALUES (1, ?, ?, 0)";
            self.connection.execute(sql, [job_id.as_str(), basis])?;
            self.connection.execute_batch("COMMIT")?;
        }
        Ok(())
    }

    pub(super) fn phase(&self) -> Result<Phase, Error> {
        let sql = "SELECT phase FROM export";
        match self
            .connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))?
        {
            0 => Ok(Phase::Listing),
            1 => Ok(Phase::Loading),
            2 => Ok(Phase::Reported),
            _ => Err(Error::LedgerDamaged("unknown phase")),
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) -> Result<(), Error> {
        let number: i64 = match phase {
            Phase::Listing => 0,
            Phase::Loading => 1,
            Phase::Reported => 2,
        };
        self.connection
            .execute("UPDATE export SET phase = ?", [number])?;
        Ok(())
    }

    /// Writes a row of the plan; gives its number.
    pub(super) fn add(&self, planned: &Planned<'_>) -> Result<i64, Error> {
        let verdict = planned.verdict.as_ref();
        let sql = "INSERT INTO objects (operation, key, path, size, present, misfit, state, status, \
                   code, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.connection.prepare_cached(sql)?.execute(params![
            planned.operation as u64 as i64,
            planned.key,
            planned.path,
            to_i64(planned.size),
            planned.present,
            planned.misfit.map(Misfit::code),
            verdict.map_or(0, |verdict| state_of(verdict.outcome())),
            verdict.map(|verdict| verdict.status),
            verdict.map(|verdict| &verdict.code),
            verdict.map(|_| planned.at_ms),
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The next open rows after `id`, in the order of the export.
    pub(super) fn open_rows(&self, id: i64, limit: u32) -> Result<Vec<OpenObject>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, operation, key, o.path, o.size, present, misfit, done_bytes, done_etag, \
             e.size, e.md5 FROM objects AS o LEFT JOIN (SELECT path, size, md5 FROM earlier) AS e \
             ON present AND e.path = o.path WHERE state = 0 AND id > ? ORDER BY id LIMIT ?",
        )?;
        let rows = statement.query_map(params![id, limit], |row| {
            Ok(OpenObject {
                id: row.get(0)?,
                operation: row.get::<_, u32>(1)? as usize,
                key: row.get(2)?,
                path: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                size: row.get::<_, i64>(4)?.cast_unsigned(),
                present: row.get(5)?,
                earlier: match (row.get::<_, Option<i64>>(9)?, row.get(10)?) {
                    (Some(size), Some(md5)) => Some(Noted {
                        size: size.cast_unsigned(),
                        md5,
                    }),
                    _ => None,
                },
                replaces: false,
                misfit: row.get(6)?,
                done_bytes: row.get::<_, i64>(7)?.cast_unsigned(),
                done_etag: row.get(8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes changes as one transaction: when this returns they survive a power cut.
    pub(super) fn write(&self, changes: &[(i64, Change)]) -> Result<(), Error> {
        let transaction = self.connection.unchecked_transaction()?;
        for (id, change) in changes {
            match change {
                Change::Progress { bytes, etag } => {
                    let sql = "UPDATE objects SET done_bytes = ?, done_etag = ? \
                               WHERE id = ? AND state = 0";
                    let values = params![to_i64(*bytes), etag, id];
                    transaction.prepare_cached(sql)?.execute(values)?;
                }
                Change::Done(done) => {
                    let sql = "UPDATE objects SET state = ?, status = ?, code = ?, at_ms = ?, \
                               md5 = ?, content_type = ?, record = ?, size = ifnull(?, size) \
                               WHERE id = ?";
                    transaction.prepare_cached(sql)?.execute(params![
                        state_of(done.verdict.outcome()),
                        done.verdict.status,
                        done.verdict.code,
                        done.at_ms,
                        done.md5,
                        done.content_type,
                        done.record,
                        done.size.map(to_i64),
                        id,
                    ])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The totals, counted from the rows.
    pub(super) fn counts(&self) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let sql =
            "SELECT state, count(*), CAST(total(size) AS INTEGER) FROM objects GROUP BY state";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (state, number, bytes): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (number, bytes) = (number.cast_unsigned(), bytes.cast_unsigned());
            counts.listed += number;
            counts.listed_bytes = counts.listed_bytes.saturating_add(bytes);
            match state {
                1 => (counts.stored, counts.stored_bytes) = (number, bytes),
                2 => counts.ignored = number,
                3 => counts.failed = number,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// How many files the device has, and how many folders they need at the most.
    pub(super) fn names(&self) -> Result<u64, Error> {
        let count = |row: &Row<'_>| row.get::<_, i64>(0);
        let sql = "SELECT count(*) FROM names";
        Ok(self.connection.query_row(sql, [], count)?.cast_unsigned())
    }

    /// Gives every row without an outcome this one.
    pub(super) fn fail_open_rows(&self, verdict: &Verdict, at_ms: i64) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE objects SET state = 3, status = ?, code = ?, at_ms = ? WHERE state = 0",
            params![verdict.status, verdict.code, at_ms],
        )?;
        Ok(())
    }

    /// Remembers where the device turned out to be full; an earlier place stays.
    pub(super) fn set_full(&self, id: i64) -> Result<(), Error> {
        let sql = "UPDATE export SET full_from = min(ifnull(full_from, ?1), ?1)";
        self.connection.execute(sql, [id])?;
        Ok(())
    }

    /// The first object that the device turned out to have no room for.
    pub(super) fn full_from(&self) -> Result<Option<i64>, Error> {
        let sql = "SELECT full_from FROM export";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Whether a row before this one is stored.
    pub(super) fn has_stored_before(&self, id: i64) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM objects WHERE id < ? AND state = 1";
        Ok(self.connection.prepare(sql)?.exists([id])?)
    }

    /// Paths of rows from `id` on that have been written, and where nothing was before.
    pub(super) fn written_from(&self, id: i64, limit: u32) -> Result<Vec<(i64, String)>, Error> {
        let sql = "SELECT id, path FROM objects WHERE id >= ? AND state = 1 AND NOT present \
                   ORDER BY id LIMIT ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![id, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The device ends before this row: it is the last of the report, and says so.
    pub(super) fn cut_off(&self, id: i64, at_ms: i64) -> Result<(), Error> {
        let full = Verdict::device_full();
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute("DELETE FROM objects WHERE id > ?", [id])?;
        transaction.execute(
            "UPDATE objects SET state = 2, status = ?, code = ?, at_ms = ?, md5 = NULL, \
             content_type = NULL, record = NULL WHERE id = ?",
            params![full.status, full.code, at_ms, id],
        )?;
        transaction.execute("UPDATE export SET full_from = NULL", [])?;
        transaction.commit()?;
        Ok(())
    }

    /// This row was too large for the empty device; the others go on.
    pub(super) fn skip_too_large(&self, id: i64, at_ms: i64) -> Result<(), Error> {
        let verdict = Verdict::file_too_large();
        self.connection.execute(
            "UPDATE objects SET state = 3, status = ?, code = ?, at_ms = ? WHERE id = ?",
            params![verdict.status, verdict.code, at_ms, id],
        )?;
        self.connection
            .execute("UPDATE export SET full_from = NULL", [])?;
        Ok(())
    }

    /// The ledger of a preview, which nobody wants to find again after a crash.
    pub(super) fn scratch(folder: &JobFolder, job_id: &JobId) -> Result<Self, Error> {
        let ledger = Self::open(folder, job_id, "")?;
        ledger
            .connection
            .execute_batch("PRAGMA synchronous = OFF;")?;
        Ok(ledger)
    }

    /// The first object that the device takes: the number of its operation, and its key.
    pub(super) fn first(&self) -> Result<Option<(usize, String)>, Error> {
        let sql = "SELECT operation, key FROM objects WHERE state = 0 ORDER BY id LIMIT 1";
        let first = self.connection.query_row(sql, [], |row| {
            Ok((row.get::<_, u32>(0)? as usize, row.get(1)?))
        });
        Ok(first.optional()?)
    }

    /// How many objects the device takes, their bytes, how many of them go to the recovery
    /// directory, and how many no such device can hold.
    pub(super) fn sums(&self) -> Result<[u64; 4], Error> {
        let sql = "SELECT count(*) FILTER (WHERE state = 0), \
                   CAST(total(CASE WHEN state = 0 THEN size END) AS INTEGER), \
                   count(*) FILTER (WHERE state = 0 AND misfit IS NOT NULL), \
                   count(*) FILTER (WHERE state = 3) FROM objects";
        let number = |row: &Row<'_>, at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let sums = self.connection.query_row(sql, [], |row| {
            Ok([
                number(row, 0)?,
                number(row, 1)?,
                number(row, 2)?,
                number(row, 3)?,
            ])
        });
        Ok(sums?)
    }

    /// What is left for the next device, if anything is.
    pub(super) fn rest(&self) -> Result<Option<Rest>, Error> {
        let sql = "SELECT id, operation FROM objects WHERE code = ? AND state = 2";
        let full: Option<(i64, u32)> = self
            .connection
            .query_row(sql, [Verdict::device_full().code], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((id, operation)) = full else {
            return Ok(None);
        };
        let sql = "SELECT key FROM objects WHERE id < ? AND operation = ? ORDER BY id DESC LIMIT 1";
        let after = self
            .connection
            .query_row(sql, params![id, operation], |row| row.get(0))
            .optional()?;
        Ok(Some(Rest {
            operation: operation as usize,
            after,
        }))
    }

    /// Gives every line of the sidecar to `each`, with the MD5 in hex and the path.
    pub(super) fn records(
        &self,
        mut each: impl FnMut(&str, &str, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = "SELECT record, md5, path FROM objects WHERE state = 1 ORDER BY id";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (record, md5, path): (String, [u8; 16], String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            each(&record, &hex::encode(md5), &path)?;
        }
        Ok(())
    }

    /// Gives every row of the report to `each`, in the order of the export.
    pub(super) fn report_rows(
        &self,
        export: &S3Export,
        mut each: impl FnMut(ReportRow) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let sql = "SELECT path, status, code, at_ms, key, md5, size, content_type, operation \
                   FROM objects ORDER BY id";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (Some(status), Some(code), Some(at_ms)) =
                (row.get(1)?, row.get::<_, Option<String>>(2)?, row.get(3)?)
            else {
                return Err(Error::LedgerDamaged(
                    "a row without an outcome at report time",
                ));
            };
            let (key, md5): (String, Option<[u8; 16]>) = (row.get(4)?, row.get(5)?);
            let operation = export.operations.get(row.get::<_, u32>(8)? as usize);
            let bucket = operation.map_or("", |operation| operation.export_bucket.as_str());
            let report = ReportRow {
                at: Timestamp::from_millisecond(at_ms)
                    .map_err(|_| Error::LedgerDamaged("a time out of range"))?,
                file: row
                    .get::<_, Option<String>>(0)?
                    .unwrap_or_default()
                    .into_bytes(),
                verdict: Verdict { status, code },
                key: format!("{bucket}/{key}"),
                md5: md5.map(hex::encode).unwrap_or_default(),
                bytes: row.get::<_, i64>(6)?.cast_unsigned(),
                content_type: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
            };
            each(report).map_err(|error| Error::state(&self.folder.report(), error))?;
        }
        Ok(())
    }
}

fn state_of(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Stored => 1,
        Outcome::Ignored => 2,
        Outcome::Failed => 3,
    }
}

/// SQLite counts in i64; no object is so large.
pub(super) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
