//! Reading the table: open rows in physical order, stored rows in key order, all rows in path
//! order.

use jiff::Timestamp;
use packhorse_core::bucket::BucketName;
use packhorse_core::ledger::{EntryKind, ReportRow, Verdict};
use packhorse_media::Entry;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};

use super::Ledger;
use crate::Error;

/// What [`open_row`] reads, by place: looking each name up would cost as much as the row.
pub(super) const OPEN_COLUMNS: &str = "id, volume, path, inner_bytes, size, modified_ns, mode, uid, \
     gid, node, key, upload_id, attempts, there, \
     (SELECT record FROM restored WHERE restored.path = entries.path) AS record";

/// How many these are: what is selected beside them has this index.
const OPEN_COLUMNS_COUNT: usize = 15;

/// A file still to be loaded.
#[derive(Clone, Debug)]
pub(crate) struct OpenRow {
    pub id: i64,
    pub volume: usize,
    /// The entry, its path as the volume has it.
    pub entry: Entry,
    pub key: String,
    pub upload_id: Option<String>,
    /// How often the store's copy was found wrong.
    pub attempts: u32,
    /// ETag of an object of this size that was under the key before: an earlier run may have made it.
    pub there: Option<String>,
    /// The line of the sidecar that the file has, when an exported disk is restored.
    pub record: Option<String>,
}

/// Which open rows are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Those that have not met a read error.
    First,
    /// Those that have.
    Last,
}

/// A row and its key.
pub(crate) trait KeyRow {
    fn key(&self) -> &str;
}

impl KeyRow for StoredRow {
    fn key(&self) -> &str {
        &self.key
    }
}

impl KeyRow for OpenRow {
    fn key(&self) -> &str {
        &self.key
    }
}

/// A file whose object must be in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRow {
    pub id: i64,
    pub key: String,
    pub size: u64,
    pub etag: String,
    pub attempts: u32,
}

/// Where a page of open rows ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct After {
    extent: i64,
    id: i64,
}

impl Default for After {
    fn default() -> Self {
        Self {
            extent: i64::MIN,
            id: 0,
        }
    }
}

impl Ledger {
    /// The next open rows of that turn, in physical order.
    pub(crate) fn open_rows(
        &self,
        turn: Turn,
        after: After,
        limit: u32,
    ) -> Result<(Vec<OpenRow>, After), Error> {
        let mut last = after;
        let sql = format!(
            "SELECT {OPEN_COLUMNS}, extent FROM entries \
             WHERE state = 0 AND put_off = ? AND (extent, id) > (?, ?) ORDER BY extent, id LIMIT ?"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(
            params![turn == Turn::Last, after.extent, after.id, limit],
            |row| {
                last = After {
                    extent: row.get(OPEN_COLUMNS_COUNT)?,
                    id: row.get(0)?,
                };
                open_row(row)
            },
        )?;
        let rows = rows.collect::<Result<_, _>>()?;
        Ok((rows, last))
    }

    /// The next stored rows after `key`, in byte order of their keys.
    pub(crate) fn stored_after(&self, key: &str, limit: u32) -> Result<Vec<StoredRow>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, key, size, etag, attempts FROM entries \
             WHERE state = 1 AND key IS NOT NULL AND key > ? ORDER BY key LIMIT ?",
        )?;
        let rows = statement.query_map(params![key, limit], |row| {
            Ok(StoredRow {
                id: row.get(0)?,
                key: row.get(1)?,
                size: row.get::<_, i64>(2)?.cast_unsigned(),
                etag: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
                attempts: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The next open rows after `key`, in byte order of their keys.
    pub(crate) fn open_after(&self, key: &str, limit: u32) -> Result<Vec<OpenRow>, Error> {
        let sql = format!(
            "SELECT {OPEN_COLUMNS} FROM entries WHERE state = 0 AND key > ? ORDER BY key LIMIT ?"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![key, limit], open_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many open rows have not met a read error yet.
    pub(crate) fn open_of(&self, turn: Turn) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM entries WHERE state = 0 AND put_off = ?";
        let count: i64 = self
            .connection
            .query_row(sql, [turn == Turn::Last], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// The next stored files after row `id`, in listing order, with their MD5.
    pub(crate) fn stored_files(
        &self,
        id: i64,
        limit: u32,
    ) -> Result<Vec<(OpenRow, [u8; 16])>, Error> {
        let sql = format!(
            "SELECT {OPEN_COLUMNS}, md5 FROM entries WHERE state = 1 AND id > ? ORDER BY id LIMIT ?"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![id, limit], |row| {
            Ok((open_row(row)?, row.get(OPEN_COLUMNS_COUNT)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The file that the plan gives this key, as it was listed.
    pub(crate) fn file_with_key(&self, key: &str) -> Result<Option<Entry>, Error> {
        let sql = format!("SELECT {OPEN_COLUMNS} FROM entries WHERE key = ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let row = statement.query_row([key], open_row).optional()?;
        Ok(row.map(|row| row.entry))
    }

    /// The smallest and the greatest key of the plan.
    pub(crate) fn key_range(&self) -> Result<Option<(String, String)>, Error> {
        let range = self.connection.query_row(
            "SELECT min(key), max(key) FROM entries WHERE key IS NOT NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        match range {
            (Some(first), Some(last)) => Ok(Some((first, last))),
            _ => Ok(None),
        }
    }

    /// Whether a file of this job has `key`.
    pub(crate) fn has_key(&self, key: &str) -> Result<bool, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM entries WHERE key = ?")?;
        Ok(statement.exists([key])?)
    }

    /// Gives every row to `each`, in path order.
    pub(crate) fn report_rows(
        &self,
        bucket: &BucketName,
        mut each: impl FnMut(ReportRow) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare(
            "SELECT path, status, code, at_ms, key, md5, size, content_type, state FROM entries \
             ORDER BY path, volume",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (Some(status), Some(code), Some(at_ms)) =
                (row.get(1)?, row.get::<_, Option<String>>(2)?, row.get(3)?)
            else {
                return Err(Error::LedgerDamaged(
                    "a row without an outcome at report time",
                ));
            };
            let key: Option<String> = row.get(4)?;
            let md5: Option<[u8; 16]> = row.get(5)?;
            let stored = row.get::<_, i64>(8)? == 1;
            let report = ReportRow {
                at: Timestamp::from_millisecond(at_ms)
                    .map_err(|_| Error::LedgerDamaged("a time out of range"))?,
                file: row.get(0)?,
                verdict: Verdict { status, code },
                key: key
                    .filter(|_| stored)
                    .map(|k| format!("{bucket}/{k}"))
                    .unwrap_or_default(),
                md5: md5.map(hex::encode).unwrap_or_default(),
                bytes: row.get::<_, i64>(6)?.cast_unsigned(),
                content_type: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
            };
            each(report).map_err(|e| Error::state(&self.folder.report(), e))?;
        }
        Ok(())
    }
}

pub(super) fn open_row(row: &Row<'_>) -> rusqlite::Result<OpenRow> {
    let path: Vec<u8> = row.get(2)?;
    let outer = path.len().saturating_sub(row.get::<_, u32>(3)? as usize);
    let modified: Option<[u8; 16]> = row.get(5)?;
    let modified = modified
        .map(|bytes| timestamp(i128::from_be_bytes(bytes)))
        .transpose()?;
    let owner: (Option<u32>, Option<u32>) = (row.get(7)?, row.get(8)?);
    Ok(OpenRow {
        id: row.get(0)?,
        volume: row.get::<_, u32>(1)? as usize,
        entry: Entry {
            path: path.get(outer..).unwrap_or_default().to_vec(),
            kind: EntryKind::File,
            size: row.get::<_, i64>(4)?.cast_unsigned(),
            modified,
            mode: row.get(6)?,
            owner: owner.0.zip(owner.1),
            node: row.get::<_, i64>(9)?.cast_unsigned(),
            first_extent: None,
            problem: None,
        },
        key: row.get(10)?,
        upload_id: row.get(11)?,
        attempts: row.get(12)?,
        there: row.get(13)?,
        record: row.get(14)?,
    })
}

fn timestamp(nanoseconds: i128) -> rusqlite::Result<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(5, Type::Blob, Box::new(e)))
}
