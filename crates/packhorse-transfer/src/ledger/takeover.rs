//! What a store has already of open rows: objects and uploads that an earlier run may have made.

use rusqlite::params;

use super::Ledger;
use crate::Error;

/// Something under the key of an open row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An object of the row's size, with this ETag.
    Object { row: i64, etag: String },
    /// An upload in progress.
    Upload { key: String, id: String },
}

impl Ledger {
    /// Notes what was found, as one transaction. An upload that a row knows of stays its own.
    pub(crate) fn found(&self, found: &[Found]) -> Result<(), Error> {
        let transaction = self.connection.unchecked_transaction()?;
        for found in found {
            match found {
                Found::Object { row, etag } => {
                    let sql = "UPDATE entries SET there = ? WHERE id = ? AND state = 0";
                    transaction
                        .prepare_cached(sql)?
                        .execute(params![etag, row])?;
                }
                Found::Upload { key, id } => {
                    let sql = "UPDATE entries SET upload_id = ? \
                               WHERE key = ? AND state = 0 AND upload_id IS NULL";
                    transaction.prepare_cached(sql)?.execute(params![id, key])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Whether files with keys were listed, and the device gave nothing of any of them.
    pub(crate) fn nothing_was_read(&self) -> Result<bool, Error> {
        let sql = "SELECT count(*) > 0 AND count(*) = count(CASE WHEN state = 3 AND \
                   code LIKE 'ReadError%' THEN 1 END) FROM entries \
                   WHERE key IS NOT NULL AND size > 0";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }
}
