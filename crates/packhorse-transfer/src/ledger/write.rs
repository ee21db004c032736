//! Outcomes: what the lanes found out, written in batches.

use packhorse_core::ledger::{Counts, Outcome, Verdict};
use rusqlite::params;

use super::Ledger;
use crate::Error;

/// The number of an outcome in the table; 0 is a row without one.
pub(super) fn state_of(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Stored => 1,
        Outcome::Ignored => 2,
        Outcome::Failed => 3,
    }
}

/// What becomes of a row.
#[derive(Debug)]
pub(crate) enum Change {
    /// A multipart upload was begun (its parts are worth keeping after a crash).
    UploadStarted(String),
    /// The row has its outcome.
    Done(Done),
    /// The store's copy is not what was sent: load it again.
    Reopen,
    /// The object that was there is not this file's: load it.
    NotThere,
    /// The device did not give all of it: once more, when everything else is done.
    PutOff,
}

/// A final outcome.
#[derive(Debug)]
pub(crate) struct Done {
    pub verdict: Verdict,
    pub md5: Option<[u8; 16]>,
    pub etag: Option<String>,
    pub content_type: Option<String>,
    pub at_ms: i64,
}

impl Done {
    /// An outcome without an object.
    pub(crate) fn without_object(verdict: Verdict, at_ms: i64) -> Self {
        Self {
            verdict,
            md5: None,
            etag: None,
            content_type: None,
            at_ms,
        }
    }
}

impl Ledger {
    /// Writes changes as one transaction: when this returns they survive a power cut.
    pub(crate) fn write(&self, changes: &[(i64, Change)]) -> Result<(), Error> {
        let transaction = self.connection.unchecked_transaction()?;
        for (id, change) in changes {
            match change {
                Change::UploadStarted(upload_id) => {
                    let sql = "UPDATE entries SET upload_id = ? WHERE id = ? AND state = 0";
                    transaction
                        .prepare_cached(sql)?
                        .execute(params![upload_id, id])?;
                }
                Change::Done(done) => {
                    let sql = "UPDATE entries SET state = ?, status = ?, code = ?, at_ms = ?, \
                               md5 = ?, etag = ?, content_type = ?, upload_id = NULL \
                               WHERE id = ?";
                    transaction.prepare_cached(sql)?.execute(params![
                        state_of(done.verdict.outcome()),
                        done.verdict.status,
                        done.verdict.code,
                        done.at_ms,
                        done.md5,
                        done.etag,
                        done.content_type,
                        id,
                    ])?;
                }
                Change::Reopen => {
                    let sql = "UPDATE entries SET state = 0, attempts = attempts + 1 WHERE id = ?";
                    transaction.prepare_cached(sql)?.execute([id])?;
                }
                Change::NotThere => {
                    let sql = "UPDATE entries SET there = NULL WHERE id = ? AND state = 0";
                    transaction.prepare_cached(sql)?.execute([id])?;
                }
                Change::PutOff => {
                    let sql = "UPDATE entries SET put_off = 1 WHERE id = ? AND state = 0";
                    transaction.prepare_cached(sql)?.execute([id])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Gives every row without an outcome this one.
    pub(crate) fn fail_open_rows(&self, verdict: &Verdict, at_ms: i64) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE entries SET state = 3, status = ?, code = ?, at_ms = ? WHERE state = 0",
            params![verdict.status, verdict.code, at_ms],
        )?;
        Ok(())
    }

    /// The totals, counted from the rows.
    pub(crate) fn counts(&self) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let mut statement = self.connection.prepare(
            "SELECT state, count(*), CAST(total(CASE WHEN kind = 'file' THEN size END) AS INTEGER) \
             FROM entries GROUP BY state",
        )?;
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
}
