//! PostgreSQL, and distributed databases that speak its language.
//!
//! Transactions that write are serializable: what they read stays true until they commit, or the
//! commit fails and the verb begins anew. No row is locked by hand, so a server that dies or loses
//! its connection leaves nothing behind.

use std::str::FromStr as _;
use std::sync::LazyLock;
use std::time::Duration;

use sqlx::Executor as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

use super::session::{Handle, Session};
use crate::error::{Error, Result};

/// Connections of one server process. A verb holds one for a few milliseconds, so this carries
/// thousands of requests in a second; three servers stay far below the 100 that PostgreSQL allows.
const CONNECTIONS_MAX: u32 = 16;
/// A caller that waits longer for a connection than this, or for a new one to be made, gets a
/// retryable error.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was idle for longer than this is asked whether it still lives. One that dies in
/// less time costs a repetition instead.
const TRUSTED: Duration = Duration::from_secs(1);
/// What every connection is told. No statement here takes a tenth of the first; the second ends the
/// transaction of a server that vanished without closing its connection; notices are for people at
/// a terminal.
const SETTINGS: &str = "SET statement_timeout = '8s'; \
                        SET idle_in_transaction_session_timeout = '15s'; \
                        SET client_min_messages = 'warning'";

static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("migrations/postgres");
    // What a newer program added is no hindrance: the floor says what is.
    migrations.set_ignore_missing(true);
    // A row is locked instead of a number: not every database has advisory locks.
    migrations.set_locking(false);
    migrations
});

/// The server, behind a bounded pool of connections.
pub(crate) struct Server {
    pool: PgPool,
}

impl Server {
    /// Connects when the first statement comes. Fails when the URL cannot be understood.
    pub(super) fn connect(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("packhorse");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    use sqlx::Connection as _;
                    Ok(meta.idle_for < TRUSTED || connection.ping().await.is_ok())
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// Brings the tables up to date. Servers that start at once do so one after the other.
    pub(super) async fn prepare(&self) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        queue_up(&mut connection).await?;
        drop(connection);
        let mut transaction = self.pool.begin().await?;
        // Building an index may take its time, and so may waiting for it.
        transaction
            .execute("SET LOCAL statement_timeout = 0")
            .await?;
        transaction
            .execute("SELECT id FROM schema_lock WHERE id = 1 FOR UPDATE")
            .await?;
        MIGRATIONS
            .run_direct(None, &mut *transaction, false)
            .await
            .map_err(Error::Migration)?;
        let mut session = Session::Postgres(Handle::Transaction(transaction));
        super::check_floor(&mut session, &MIGRATIONS).await?;
        session.commit().await
    }

    pub(super) async fn write(&self) -> Result<Session> {
        let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE";
        let transaction = self.pool.begin_with(begin).await?;
        Ok(Session::Postgres(Handle::Transaction(transaction)))
    }

    pub(super) async fn read(&self) -> Result<Session> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let transaction = self.pool.begin_with(begin).await?;
        Ok(Session::Postgres(Handle::Transaction(transaction)))
    }

    pub(super) async fn single(&self) -> Result<Session> {
        let connection = self.pool.acquire().await?;
        Ok(Session::Postgres(Handle::Plain(connection)))
    }
}

/// Makes the row that whoever changes tables locks first.
async fn queue_up(connection: &mut PgConnection) -> Result<()> {
    let made = "CREATE TABLE IF NOT EXISTS schema_lock (id BIGINT PRIMARY KEY)";
    if let Err(error) = connection.execute(made).await {
        // Two who create the same table at once: the other one has made it.
        let exists = "SELECT id FROM schema_lock WHERE id = 1";
        connection.execute(exists).await.map_err(|_| error)?;
    }
    connection
        .execute("INSERT INTO schema_lock (id) VALUES (1) ON CONFLICT (id) DO NOTHING")
        .await?;
    Ok(())
}
