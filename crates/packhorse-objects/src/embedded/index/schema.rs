//! The tables of the index.
//!
//! Keys are BLOBs: compared byte by byte, which is the order S3 lists in, and free to hold any
//! character. A body is `small_bodies.bytes` or the file of that number, named in `files`. An
//! object made of parts has `parts` above zero, and `body` is the number of the upload that the
//! parts came with.

use rusqlite::Connection;

/// `user_version` of the layout below.
const VERSION: i64 = 1;
/// Waiting for a lock: only a checkpoint can hold one.
const BUSY_MILLISECONDS: u64 = 10_000;
/// The log is cut back to this after a burst.
const LOG_BYTES_MAX: u64 = 64 * 1024 * 1024;

const TABLES: &str = "
CREATE TABLE buckets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    created INTEGER NOT NULL,
    acl TEXT NOT NULL
) STRICT;
CREATE TABLE objects (
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    key BLOB NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    modified INTEGER NOT NULL,
    body INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE small_bodies (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE files (
    id INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    key BLOB NOT NULL,
    initiated INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    checksum TEXT
) STRICT;
CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
CREATE TABLE parts (
    upload INTEGER NOT NULL,
    number INTEGER NOT NULL,
    size INTEGER NOT NULL,
    md5 BLOB NOT NULL,
    checksum BLOB,
    modified INTEGER NOT NULL,
    body INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) STRICT, WITHOUT ROWID;
";

/// Prepares a connection that writes, and the tables if they are not there.
pub(super) fn prepare_writer(db: &Connection) -> Result<(), super::OpenError> {
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // An answer is given only for what a power loss cannot undo.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    db.set_prepared_statement_cache_capacity(64);
    match db.pragma_query_value(None, "user_version", |row| row.get(0))? {
        0 => {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
            Ok(())
        }
        VERSION => Ok(()),
        other => Err(super::OpenError::Version(other)),
    }
}

/// Prepares a connection that only reads.
pub(super) fn prepare_reader(db: &Connection) -> Result<(), rusqlite::Error> {
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS))?;
    db.pragma_update(None, "query_only", true)
}

/// The first number that nothing has.
pub(super) fn next_id(db: &Connection) -> Result<u64, rusqlite::Error> {
    db.query_row(
        "SELECT 1 + max(
            (SELECT coalesce(max(id), 0) FROM small_bodies),
            (SELECT coalesce(max(id), 0) FROM files),
            (SELECT coalesce(max(id), 0) FROM uploads),
            (SELECT coalesce(max(upload), 0) FROM parts))",
        [],
        |row| row.get(0),
    )
}
