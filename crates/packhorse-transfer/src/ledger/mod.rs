//! job.db: the plan, the ledger and the report of one job, as one SQLite table.
//!
//! A row is an entry seen on the device. It is listed once, gets one final outcome, and is printed
//! once. Whatever a crash interrupts, the rows still open are the work that is left. The table may
//! hold 10^8 rows: everything here works row by row or in pages.

mod plan;
mod read;
mod restored;
mod survey;
mod takeover;
mod write;

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use packhorse_core::id::JobId;
use rusqlite::{Connection, OptionalExtension, params};

pub(crate) use plan::{PlanWriter, Planned};
pub(crate) use read::{After, KeyRow, OpenRow, StoredRow, Turn};
pub(crate) use survey::{LeftOut, Total};
pub(crate) use takeover::Found;
pub(crate) use write::{Change, Done};

use crate::Error;

/// Shape of the tables; a ledger of another shape is made anew.
const SHAPE: i64 = 2;
/// Locked by the process that works on the job.
const LOCK_FILE: &str = "lock";
/// A second connection of the same process waits this long for the first one's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How far a job has come; the order is that of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The rows are not complete: a crash now means listing again.
    Listing,
    /// Every entry has a row; some are open.
    Loading,
    /// Every row is final and the report is in the log bucket.
    Reported,
}

impl Phase {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Listing, "listing"),
        (Self::Loading, "loading"),
        (Self::Reported, "reported"),
    ];

    fn code(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(phase, _)| *phase == self)
            .map_or("listing", |(_, code)| code)
    }
}

/// The folder of one job below a station's state directory.
#[derive(Clone, Debug)]
pub struct JobFolder(PathBuf);

impl JobFolder {
    /// The folder of `job_id` below `state_dir`.
    pub fn new(state_dir: &Path, job_id: &JobId) -> Self {
        Self(state_dir.join("jobs").join(job_id.as_str()))
    }

    /// `folder` itself, for a plan that belongs to no job.
    pub(crate) fn scratch(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a process is working on the job here right now. Makes the folder, so that a state
    /// directory that cannot be used is learnt before a job is claimed.
    pub fn is_busy(&self) -> Result<bool, Error> {
        self.create()?;
        match lock(self) {
            Ok(_released) => Ok(false),
            Err(Error::Busy(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// File names of a customer are nobody else's business on this machine.
    pub(crate) fn create(&self) -> Result<(), Error> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&self.0)
            .map_err(|error| Error::state(&self.0, error))
    }

    fn database(&self) -> PathBuf {
        self.0.join("job.db")
    }

    pub(crate) fn report(&self) -> PathBuf {
        self.0.join("report.csv")
    }
}

/// A job's ledger, held by this process alone.
#[derive(Debug)]
pub(crate) struct Ledger {
    connection: Connection,
    folder: JobFolder,
    /// Held until the last connection is closed: whoever may still write, works on the job.
    _lock: Arc<File>,
}

impl Ledger {
    /// Opens or creates the ledger of a job and locks it against other processes.
    pub(crate) fn open(folder: &JobFolder, job_id: &JobId, basis: &str) -> Result<Self, Error> {
        Self::in_folder(folder, job_id.as_str(), basis)
    }

    fn in_folder(folder: &JobFolder, job_id: &str, basis: &str) -> Result<Self, Error> {
        folder.create()?;
        let lock = lock(folder)?;
        let connection = connect(folder)?;
        if !has_shape(&connection)? {
            let create = format!(
                "BEGIN; DROP TABLE IF EXISTS entries; DROP TABLE IF EXISTS job; {} \
                 PRAGMA user_version = {SHAPE}; COMMIT;",
                include_str!("schema.sql")
            );
            connection.execute_batch(&create)?;
        }
        // A table of its own: ledgers of earlier versions get it too.
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS restored (path BLOB PRIMARY KEY, key TEXT NOT NULL, \
             record TEXT NOT NULL) STRICT, WITHOUT ROWID;",
        )?;
        let ledger = Self {
            connection,
            folder: folder.clone(),
            _lock: Arc::new(lock),
        };
        ledger.begin_or_continue(job_id, basis)?;
        Ok(ledger)
    }

    /// The ledger of a rehearsal, which nobody wants to find again after a crash.
    pub(crate) fn scratch(folder: &JobFolder) -> Result<Self, Error> {
        let ledger = Self::in_folder(folder, "", "")?;
        ledger
            .connection
            .execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -4096;")?;
        Ok(ledger)
    }

    /// A further connection for another thread, under the same lock.
    pub(crate) fn reopen(&self) -> Result<Self, Error> {
        let connection = connect(&self.folder)?;
        Ok(Self {
            connection,
            folder: self.folder.clone(),
            _lock: Arc::clone(&self._lock),
        })
    }

    /// Rows of another manifest lead to other keys, rows of another device to other files: they are
    /// of no use, and the device is listed anew.
    fn begin_or_continue(&self, job_id: &str, basis: &str) -> Result<(), Error> {
        let known: Option<(String, String)> = self
            .connection
            .query_row("SELECT job_id, basis FROM job", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        match known {
            Some((id, manifest)) if id == job_id && manifest == basis => Ok(()),
            _ => {
                self.connection
                    .execute_batch("BEGIN; DELETE FROM entries; DELETE FROM job;")?;
                self.connection.execute(
                    "INSERT INTO job (one, job_id, basis, phase) VALUES (1, ?, ?, ?)",
                    params![job_id, basis, Phase::Listing.code()],
                )?;
                self.connection.execute_batch("COMMIT")?;
                Ok(())
            }
        }
    }

    pub(crate) fn phase(&self) -> Result<Phase, Error> {
        let code: String = self
            .connection
            .query_row("SELECT phase FROM job", [], |row| row.get(0))?;
        let phase = Phase::ALL.iter().find(|(_, known)| *known == code);
        phase
            .map(|(phase, _)| *phase)
            .ok_or(Error::LedgerDamaged("unknown phase"))
    }

    pub(crate) fn set_phase(&self, phase: Phase) -> Result<(), Error> {
        self.connection
            .execute("UPDATE job SET phase = ?", [phase.code()])?;
        Ok(())
    }
}

/// One process at a time works on a job: the lock ends with the process, however that ends.
pub(crate) fn lock(folder: &JobFolder) -> Result<File, Error> {
    let path = folder.path().join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| Error::state(&path, e))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Busy(folder.path().to_owned())),
        Err(errno) => Err(Error::state(&path, errno.into())),
    }
}

fn connect(folder: &JobFolder) -> Result<Connection, Error> {
    connect_to(&folder.database())
}

/// A connection to a database whose commits survive a power cut.
pub(crate) fn connect_to(database: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(database)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // FULL: a stored row is on the platter before the lease reports it.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;",
    )?;
    Ok(connection)
}

fn has_shape(connection: &Connection) -> Result<bool, Error> {
    let shape: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(shape == SHAPE)
}

#[cfg(test)]
mod tests;
