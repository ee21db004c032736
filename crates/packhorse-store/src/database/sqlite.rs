//! SQLite: one file, write-ahead log, every commit synced to disk.
//!
//! Writers of one process queue for a single connection; writers of other processes are waited for
//! by the busy timeout. A writing transaction takes SQLite's write lock at its beginning
//! (`BEGIN IMMEDIATE`), so what it read stays true until it commits.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use super::session::{Handle, Session};
use crate::error::{Error, Result};

/// How long a writer waits for another process. No transaction here takes a tenth of it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long somebody who wants the file alone waits for the others to leave.
const ALONE_TIMEOUT: Duration = Duration::from_secs(1);
/// Readers do not block each other; more than this only costs memory.
const READERS_MAX: u32 = 8;
/// A caller that waits longer for a connection than this gets a retryable error.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);

static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("migrations/sqlite");
    // What a newer program added is no hindrance: the floor says what is.
    migrations.set_ignore_missing(true);
    migrations
});

/// The file.
pub(crate) struct File {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

impl File {
    /// Opens the file, creating it or its tables when needed.
    pub(super) async fn open(path: &Path) -> Result<Self> {
        create_file(path)?;
        let options = options(path).busy_timeout(BUSY_TIMEOUT);
        let file = Self {
            writer: pool(1).connect_with(options.clone()).await?,
            readers: pool(READERS_MAX).connect_lazy_with(options),
        };
        file.prepare().await?;
        Ok(file)
    }

    /// Opens an existing file with one connection, which keeps all others out. Fails when somebody has
    /// it open.
    pub(super) async fn open_alone(path: &Path) -> Result<Self> {
        std::fs::metadata(path).map_err(Error::File)?;
        let options = options(path)
            .busy_timeout(ALONE_TIMEOUT)
            .locking_mode(SqliteLockingMode::Exclusive);
        let writer = pool(1).connect_with(options).await?;
        let readers = writer.clone();
        let file = Self { writer, readers };
        file.prepare().await?;
        Ok(file)
    }

    /// Brings the tables up to date in one transaction: of several processes that open a new file at
    /// once, one does the work and the others find it done.
    pub(super) async fn prepare(&self) -> Result<()> {
        let mut session = self.write().await?;
        if let Session::Sqlite(handle) = &mut session {
            MIGRATIONS
                .run_direct(None, handle.connection(), false)
                .await
                .map_err(Error::Migration)?;
        }
        super::check_floor(&mut session, &MIGRATIONS).await?;
        session.commit().await
    }

    pub(super) async fn write(&self) -> Result<Session> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Session::Sqlite(Handle::Transaction(transaction)))
    }

    pub(super) async fn read(&self) -> Result<Session> {
        let transaction = self.readers.begin().await?;
        Ok(Session::Sqlite(Handle::Transaction(transaction)))
    }

    pub(super) async fn single(&self) -> Result<Session> {
        let connection = self.readers.acquire().await?;
        Ok(Session::Sqlite(Handle::Plain(connection)))
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
}

/// Creates the file for its owner alone; SQLite gives its side files the same mode.
fn create_file(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(Error::File)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_syncs_each_commit_and_checks_references() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::open(&folder.path().join("x.db")).await.unwrap();
        for pool in [&file.writer, &file.readers] {
            let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(mode, "wal");
            let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(synchronous, 2, "FULL");
            let keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
                .fetch_one(pool)
                .await
                .unwrap();
            assert_eq!(keys, 1);
        }
    }
}
