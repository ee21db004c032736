//! Questions about a plan that nobody has begun to load: totals, examples, samples.

use packhorse_core::ledger::{EntryKind, Verdict};
use rusqlite::{OptionalExtension as _, params};

use super::plan::kind_of;
use super::read::{OPEN_COLUMNS, open_row};
use super::{Ledger, OpenRow};
use crate::Error;

/// Rows with one outcome.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    /// `None` for rows that are to be loaded.
    pub verdict: Option<Verdict>,
    pub rows: u64,
    pub bytes: u64,
}

/// A row without an object.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// From the root of the device.
    pub path: Vec<u8>,
    /// How many of the path's first bytes are the volume's folder.
    pub folder_bytes: usize,
    pub kind: EntryKind,
    pub size: u64,
}

impl LeftOut {
    /// The volume's folder and the path in the volume.
    pub(crate) fn parts(&self) -> (&str, &[u8]) {
        let (folder, inner) = self
            .path
            .split_at_checked(self.folder_bytes)
            .unwrap_or_default();
        (std::str::from_utf8(folder).unwrap_or_default(), inner)
    }
}

impl Ledger {
    /// Every outcome with its rows, by status and code.
    pub(crate) fn totals(&self) -> Result<Vec<Total>, Error> {
        let mut statement = self.connection.prepare(
            "SELECT status, code, count(*), \
             CAST(total(CASE WHEN kind = 'file' THEN size END) AS INTEGER) \
             FROM entries GROUP BY status, code ORDER BY status, code",
        )?;
        let rows = statement.query_map([], |row| {
            let (status, code): (Option<u16>, Option<String>) = (row.get(0)?, row.get(1)?);
            Ok(Total {
                verdict: status
                    .zip(code)
                    .map(|(status, code)| Verdict { status, code }),
                rows: row.get::<_, i64>(2)?.cast_unsigned(),
                bytes: row.get::<_, i64>(3)?.cast_unsigned(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The first rows with an outcome, in path order.
    pub(crate) fn examples(&self, verdict: &Verdict, limit: u32) -> Result<Vec<LeftOut>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT path, inner_bytes, kind, size FROM entries \
             WHERE status = ? AND code = ? ORDER BY path, volume LIMIT ?",
        )?;
        let wanted = params![verdict.status, verdict.code, limit];
        let rows = statement.query_map(wanted, left_out)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Gives every row with an outcome to `each`, as they lie.
    pub(crate) fn each_with(
        &self,
        verdict: &Verdict,
        mut each: impl FnMut(LeftOut),
    ) -> Result<(), Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT path, inner_bytes, kind, size FROM entries \
             WHERE status = ? AND code = ?",
        )?;
        let mut rows = statement.query(params![verdict.status, verdict.code])?;
        while let Some(row) = rows.next()? {
            each(left_out(row)?);
        }
        Ok(())
    }

    /// The path of the file that has `key`.
    pub(crate) fn path_of_key(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT path FROM entries WHERE key = ?")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Up to `wanted` open rows, spread evenly over the listing.
    pub(crate) fn sample(&self, wanted: u32) -> Result<Vec<OpenRow>, Error> {
        let last: Option<i64> =
            self.connection
                .query_row("SELECT max(id) FROM entries", [], |row| row.get(0))?;
        let last = last.unwrap_or_default();
        let sql = format!(
            "SELECT {OPEN_COLUMNS} FROM entries WHERE state = 0 AND id > ? ORDER BY id LIMIT 1"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows: Vec<OpenRow> = Vec::new();
        for step in 0..i64::from(wanted) {
            let even = last.saturating_mul(step) / i64::from(wanted);
            let after = rows.last().map_or(even, |row| even.max(row.id));
            match statement.query_row([after], open_row).optional()? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }
}

fn left_out(row: &rusqlite::Row<'_>) -> rusqlite::Result<LeftOut> {
    let path: Vec<u8> = row.get(0)?;
    let inner_bytes = row.get::<_, u32>(1)? as usize;
    Ok(LeftOut {
        folder_bytes: path.len().saturating_sub(inner_bytes),
        path,
        kind: kind_of(row.get_ref(2)?.as_str()?),
        size: row.get::<_, i64>(3)?.cast_unsigned(),
    })
}
