//! What the sidecar of an exported disk says of its files, while that disk is imported.

use rusqlite::{OptionalExtension as _, params};

use super::Ledger;
use crate::Error;

/// Lines per transaction.
const BATCH_LINES: u64 = 10_000;

impl Ledger {
    /// Takes the lines that `next` gives: path, key and the line itself. Of several lines for a path
    /// the first counts.
    pub(crate) fn restore(
        &self,
        mut next: impl FnMut() -> Result<Option<(Vec<u8>, String, String)>, Error>,
    ) -> Result<(), Error> {
        self.connection.execute_batch("BEGIN")?;
        let mut lines = 0_u64;
        let mut all = || {
            while let Some((path, key, record)) = next()? {
                let sql = "INSERT OR IGNORE INTO restored (path, key, record) VALUES (?, ?, ?)";
                self.connection
                    .prepare_cached(sql)?
                    .execute(params![path, key, record])?;
                lines += 1;
                if lines.is_multiple_of(BATCH_LINES) {
                    self.connection.execute_batch("COMMIT; BEGIN;")?;
                }
            }
            Ok(())
        };
        let taken = all();
        self.connection.execute_batch("COMMIT")?;
        taken
    }

    /// Forgets the lines of an earlier listing.
    pub(crate) fn forget_restored(&self) -> Result<(), Error> {
        self.connection.execute_batch("DELETE FROM restored")?;
        Ok(())
    }

    /// The key of the object that a file was.
    pub(crate) fn restored_key(&self, folder: &str, path: &[u8]) -> Result<Option<String>, Error> {
        let path = [folder.as_bytes(), path].concat();
        let sql = "SELECT key FROM restored WHERE path = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([path], |row| row.get(0)).optional()?)
    }
}
