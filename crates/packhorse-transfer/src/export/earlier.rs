//! What an earlier export has left on the device, as its sidecar tells.
//!
//! A file of it is replaced when its object has changed, and told when its object is gone. The sidecar
//! comes from the disk and is believed only where the disk agrees: a file is ours while its bytes have
//! the MD5 that was noted when it was written. Whatever somebody has changed since stays.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;

use md5::{Digest as _, Md5};
use packhorse_core::export::{LINE_BYTES_MAX, OBJECTS_FILE, ObjectRecord, SIDECAR, Selection};
use packhorse_core::ledger::Verdict;
use packhorse_core::manifest::S3Export;
use packhorse_core::signature_file::FILE_NAME;
use rusqlite::params;
use tokio_util::sync::CancellationToken;

use super::ledger::{ExportLedger, Planned, to_i64};
use super::target::Target;
use crate::Error;

/// Bytes read at once.
const PIECE_BYTES: usize = 1024 * 1024;
/// Files looked at, and rows written, at once.
const ROWS_PAGE: u32 = 512;

/// A file that an earlier export has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) size: u64,
    /// In hex.
    pub(super) md5: String,
}

/// Reads the sidecar on the device into the ledger. Without one there was no earlier export.
pub(super) fn read(
    ledger: &ExportLedger,
    target: &Target,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let connection = &ledger.connection;
    connection.execute_batch("DELETE FROM earlier;")?;
    let Some(file) = target.read(OBJECTS_FILE)? else {
        return Ok(());
    };
    let failed = |error| Error::target(&target.path().join(OBJECTS_FILE), error);
    let transaction = connection.unchecked_transaction()?;
    let mut lines = BufReader::new(file);
    let (mut line, mut whole) = (Vec::new(), true);
    loop {
        line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = lines.by_ref().take(limit).read_until(b'\n', &mut line);
        if read.map_err(failed)? == 0 {
            break;
        }
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        // What comes behind a piece without an end is the rest of a line that is none of ours.
        let begins = std::mem::replace(&mut whole, line.ends_with(b"\n"));
        let record = serde_json::from_slice::<ObjectRecord>(&line).ok();
        let Some(record) = record.filter(|record| begins && is_below(&record.path)) else {
            continue;
        };
        let text = serde_json::to_string(&record).map_err(|e| Error::Defect(e.to_string()))?;
        let sql = "INSERT OR REPLACE INTO earlier (path, bucket, key, size, md5, record) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        transaction.prepare_cached(sql)?.execute(params![
            record.path,
            record.bucket,
            record.key,
            to_i64(record.size),
            record.md5.to_ascii_lowercase(),
            text,
        ])?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether the path can only be that of a file of an export: a sidecar from a disk may say anything.
fn is_below(path: &str) -> bool {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
    let first = path.split('/').next().unwrap_or_default();
    path.split('/').all(plain) && first != SIDECAR && path != FILE_NAME
}

/// Gives every file of the earlier export whose object is of this selection and has no place in the
/// plan a row of its own. Only a whole plan tells what is gone.
pub(super) fn note_deleted(
    ledger: &ExportLedger,
    export: &S3Export,
    at_ms: i64,
) -> Result<(), Error> {
    let connection = &ledger.connection;
    let any = connection.prepare("SELECT 1 FROM earlier")?.exists([])?;
    if !any {
        return Ok(());
    }
    connection.execute_batch("CREATE INDEX IF NOT EXISTS objects_path ON objects (path);")?;
    let mut after = String::new();
    loop {
        let page = unplanned(ledger, &after)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after.clone_from(&last.path);
        for file in &page {
            let operation = export.operations.iter().position(|operation| {
                operation.export_bucket.as_str() == file.bucket
                    && Selection::of(operation).takes(&file.key)
            });
            let Some(operation) = operation else {
                continue;
            };
            ledger.add(&Planned {
                operation,
                key: &file.key,
                size: file.size,
                path: Some(&file.path),
                present: true,
                misfit: None,
                verdict: Some(Verdict::object_deleted()),
                at_ms,
            })?;
        }
    }
}

struct Unplanned {
    path: String,
    bucket: String,
    key: String,
    size: u64,
}

fn unplanned(ledger: &ExportLedger, after: &str) -> Result<Vec<Unplanned>, Error> {
    let sql = "SELECT path, bucket, key, size FROM earlier AS e WHERE path > ? \
               AND NOT EXISTS (SELECT 1 FROM objects AS o WHERE o.path = e.path) \
               ORDER BY path LIMIT ?";
    let mut statement = ledger.connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![after, ROWS_PAGE], |row| {
        Ok(Unplanned {
            path: row.get(0)?,
            bucket: row.get(1)?,
            key: row.get(2)?,
            size: row.get::<_, i64>(3)?.cast_unsigned(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removes the files whose objects are gone, each only while it is as the earlier export wrote it.
pub(super) fn remove_deleted(
    ledger: &ExportLedger,
    target: &Target,
    stop: &CancellationToken,
    at_ms: i64,
) -> Result<(), Error> {
    let (deleted, removed) = (Verdict::object_deleted(), Verdict::file_removed());
    let mut after = 0;
    loop {
        let sql = "SELECT o.id, o.path, e.size, e.md5 FROM objects AS o JOIN earlier AS e \
                   ON e.path = o.path WHERE o.id > ? AND o.state = 2 AND o.code = ? \
                   ORDER BY o.id LIMIT ?";
        let mut statement = ledger.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![after, deleted.code, ROWS_PAGE], |row| {
            let noted = Noted {
                size: row.get::<_, i64>(2)?.cast_unsigned(),
                md5: row.get(3)?,
            };
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, noted))
        })?;
        let page: Vec<_> = rows.collect::<Result<_, _>>()?;
        if page.is_empty() {
            return Ok(());
        }
        for (id, path, noted) in page {
            if stop.is_cancelled() {
                return Err(Error::Stopped);
            }
            after = id;
            let as_written = match target.read(&path)? {
                Some(file) => is(&file, &noted).map_err(|e| Error::target(target.path(), e))?,
                None => continue,
            };
            if as_written {
                target.remove(&path)?;
                let sql = "UPDATE objects SET status = ?, code = ?, at_ms = ? WHERE id = ?";
                let values = params![removed.status, removed.code, at_ms, id];
                ledger.connection.prepare_cached(sql)?.execute(values)?;
            }
        }
    }
}

/// Whether the file is as it was noted.
fn is(file: &File, noted: &Noted) -> std::io::Result<bool> {
    let size = file.metadata()?.len();
    if size != noted.size {
        return Ok(false);
    }
    let (mut hash, mut buffer, mut offset) = (Md5::new(), vec![0; PIECE_BYTES], 0);
    while offset < size {
        let read = file.read_at(&mut buffer, offset)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            return Ok(false);
        };
        hash.update(piece);
        offset += read as u64;
    }
    Ok(hex::encode(hash.finalize()) == noted.md5)
}

/// Gives the lines of files of the earlier export that are still there and that this one has not
/// written to `each`, with MD5 (in hex) and path: the sidecar goes on knowing them.
pub(super) fn kept(
    ledger: &ExportLedger,
    target: &Target,
    mut each: impl FnMut(&str, &str, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let sql = "SELECT record, md5, path FROM earlier AS e WHERE NOT EXISTS (SELECT 1 FROM objects \
               AS o WHERE o.path = e.path AND (o.state = 1 OR o.code = ?)) \
               ORDER BY path";
    let mut statement = ledger.connection.prepare(sql)?;
    let mut rows = statement.query([Verdict::file_removed().code])?;
    while let Some(row) = rows.next()? {
        let (record, md5, path): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if target.has(&path)? {
            each(&record, &md5, &path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sidecar_names_files_below_the_root_and_not_itself() {
        for path in ["a", "bucket/a b/c", "PACKHORSES/x", "a/PACKHORSE", "a/..b"] {
            assert!(is_below(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/etc/x",
            "../x",
            "a/../../x",
            "a//b",
            "./a",
            "a\0",
            "PACKHORSE/x",
            "SIGNATURE",
        ] {
            assert!(!is_below(path), "{path}");
        }
    }
}
