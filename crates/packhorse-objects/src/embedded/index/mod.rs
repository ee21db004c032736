//! The index: which objects there are and what is known of them, in SQLite.
//!
//! All changes go through one thread that puts everything waiting into one transaction (group
//! commit), so that many small objects share one sync of the disk; a change is answered after its
//! commit. Reads run beside it on a few connections of their own.

pub(crate) mod buckets;
pub(crate) mod listing;
pub(crate) mod objects;
mod schema;
pub(crate) mod uploads;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use self::buckets::Buckets;
use self::writer::Writer;
use super::OpenError;
use super::fault::Fault;
use super::files::Files;

pub(crate) use self::writer::Changes;

/// Connections that read at the same time: reads are short, and the disk is one.
const READERS_MAX: usize = 8;
const FILE: &str = "index.db";

/// The open index.
pub(crate) struct Index {
    path: PathBuf,
    writer: Writer,
    idle: Arc<Mutex<Vec<Connection>>>,
    readers: Arc<Semaphore>,
    buckets: Arc<Buckets>,
}

impl Index {
    /// Opens the index in `dir` and the files it names, and sweeps what it does not name.
    pub(crate) fn open(dir: &Path, lock: File) -> Result<(Self, Arc<Files>), OpenError> {
        let path = dir.join(FILE);
        let db = Connection::open(&path)?;
        schema::prepare_writer(&db)?;
        let files = Files::open(dir.join("bodies"), lock, schema::next_id(&db)?)?;
        super::files::sync_folder(dir)?;
        let swept = files.sweep::<OpenError>(|id| {
            let mut named = db.prepare_cached("SELECT 1 FROM files WHERE id = ?")?;
            Ok(named.exists([id])?)
        })?;
        if swept > 0 {
            tracing::info!(swept, "removed bodies that no object has");
        }
        let buckets = Arc::new(Buckets::default());
        buckets.reload(&db)?;
        let index = Self {
            path,
            writer: Writer::start(db, Arc::clone(&files), Arc::clone(&buckets))?,
            idle: Arc::default(),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            buckets,
        };
        Ok((index, files))
    }

    /// The buckets as last committed.
    pub(crate) fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// Runs a change in the next transaction and answers after its commit. A change that fails
    /// leaves nothing behind. It is made even when the caller does not wait for it.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Changes<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.writer.change(change).await
    }

    /// Runs a read on a thread of its own.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let permit = Arc::clone(&self.readers)
            .acquire_owned()
            .await
            .map_err(Fault::internal)?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || {
            let kept = lock(&idle).pop();
            let db = match kept {
                Some(db) => db,
                None => open_reader(&path)?,
            };
            let result = read(&db);
            lock(&idle).push(db);
            drop(permit);
            result
        });
        task.await.map_err(Fault::internal)?
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    schema::prepare_reader(&db)?;
    Ok(db)
}
