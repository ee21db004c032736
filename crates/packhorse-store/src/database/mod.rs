//! The databases behind the store, as one thing that runs statements.
//!
//! The verbs are written once, in SQL that SQLite, PostgreSQL and what speaks PostgreSQL's language
//! understand alike: `$1` for values, no sequence, no advisory lock, nothing that listens. No
//! statement orders or compares text beyond equality, so collations do not matter. What differs
//! between databases stands here.

mod postgres;
mod session;
mod sqlite;
mod trouble;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{Error, Result};

pub(crate) use session::{Record, Session, Value};
pub(crate) use trouble::is_passing;

/// How long a verb goes on after conflicts with others and lost connections. Who waits longer would
/// rather have an error; it is as long as a writer of SQLite waits for the others.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before a verb is tried again: a random time up to this, doubled at each failure.
const PAUSE_FIRST: Duration = Duration::from_millis(5);
/// The most that doubling leads to.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// A database that is open.
pub(crate) enum Database {
    /// One file.
    Sqlite(sqlite::File),
    /// A server, or a cluster of them.
    Postgres(postgres::Server),
}

impl Database {
    /// Opens what `url` names and brings its tables up to date; makes the tables when needed.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => {
                let file = sqlite::File::open(Path::new(path)).await?;
                Ok(Self::Sqlite(file))
            }
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => {
                let server = postgres::Server::connect(url)?;
                let database = Self::Postgres(server);
                database.again(|| database.prepare()).await?;
                Ok(database)
            }
            _ => Err(Error::UnsupportedDatabase),
        }
    }

    /// Opens a file that nobody else has open, and keeps everybody else out.
    pub(crate) async fn open_alone(url: &str) -> Result<Self> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => {
                let file = sqlite::File::open_alone(Path::new(path)).await?;
                Ok(Self::Sqlite(file))
            }
            _ => Err(Error::NotMovable),
        }
    }

    async fn prepare(&self) -> Result<()> {
        match self {
            Self::Sqlite(file) => file.prepare().await,
            Self::Postgres(server) => server.prepare().await,
        }
    }

    /// Begins a transaction that may write. What it reads stays true until it is committed, or the
    /// commit fails.
    pub(crate) async fn write(&self) -> Result<Session> {
        match self {
            Self::Sqlite(file) => file.write().await,
            Self::Postgres(server) => server.write().await,
        }
    }

    /// Begins a transaction that sees one unchanging state.
    pub(crate) async fn read(&self) -> Result<Session> {
        match self {
            Self::Sqlite(file) => file.read().await,
            Self::Postgres(server) => server.read().await,
        }
    }

    /// As [`Database::write`], for statements that take as long as they must.
    pub(crate) async fn long_write(&self) -> Result<Session> {
        unlimited(self.write().await?).await
    }

    /// As [`Database::read`], for statements that take as long as they must.
    pub(crate) async fn long_read(&self) -> Result<Session> {
        unlimited(self.read().await?).await
    }

    /// A connection for a single statement, which needs no transaction around it.
    pub(crate) async fn single(&self) -> Result<Session> {
        match self {
            Self::Sqlite(file) => file.single().await,
            Self::Postgres(server) => server.single().await,
        }
    }

    /// Runs `attempt`, which is one whole transaction, until it succeeds or fails for a reason of
    /// its own. Conflicts with other transactions and connections lost before the commit are no
    /// such reason: nothing happened. (SQLite's writers wait for each other instead.)
    pub(crate) async fn again<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        if matches!(self, Self::Sqlite(_)) {
            return attempt().await;
        }
        let deadline = Instant::now() + PATIENCE;
        let mut pause = PAUSE_FIRST;
        loop {
            let error = match timeout_at(deadline, attempt()).await {
                Ok(Err(error)) if trouble::changed_nothing(&error) => error,
                Ok(result) => return result,
                Err(_) => return Err(Error::TimedOut),
            };
            let random = random_up_to(pause)?;
            if Instant::now() + random >= deadline {
                return Err(error);
            }
            sleep(random).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// Lifts the limit of time that PostgreSQL has for a statement, until the end of the transaction.
async fn unlimited(mut session: Session) -> Result<Session> {
    if matches!(session, Session::Postgres(_)) {
        for setting in [
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL idle_in_transaction_session_timeout = 0",
        ] {
            session.execute(setting, &[]).await?;
        }
    }
    Ok(session)
}

/// A random time, so that two who met do not meet again.
fn random_up_to(most: Duration) -> Result<Duration> {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_err(|_| Error::Random)?;
    Ok(most.mul_f32(f32::from(u8::from_ne_bytes(byte)) / 255.0))
}

/// Whether this program may use the tables. A newer one may have added to them (its migrations are
/// not known here); it raises the floor when it takes away what older ones need.
async fn check_floor(session: &mut Session, migrations: &Migrator) -> Result<()> {
    let floor = session
        .one("SELECT version FROM schema_floor WHERE id = 1", &[])
        .await?;
    let floor: i64 = floor.get("version")?;
    let newest = migrations.iter().map(|migration| migration.version).max();
    if floor == MOVED {
        Err(Error::Moved)
    } else if newest >= Some(floor) {
        Ok(())
    } else {
        Err(Error::NewerDatabase)
    }
}

/// The floor of a database whose rows were moved into another one.
pub(crate) const MOVED: i64 = i64::MAX;
