//! The store on SQLite: one file, write-ahead log, every commit synced to disk.
//!
//! Writers of one process queue for a single connection; writers of other processes are waited for
//! by the busy timeout. A writing transaction takes SQLite's write lock at its beginning
//! (`BEGIN IMMEDIATE`), so what it read stays true until it commits. `WHERE version = ?` says the
//! same once more, for databases without such a lock.

mod accounts;
mod chain;
mod desk;
mod jobs;
mod locks;
mod parcels;
mod row;
mod time;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use packhorse_core::event::{Actor, Event, Link};
use packhorse_core::id::{AccountId, JobId};
use packhorse_core::job::{JobType, Progress, State};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite as Db, SqliteConnection, Transaction};

use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::seal::Seal;
use crate::store::Store;
use crate::types::{
    Abort, AccessKey, Account, Claim, ClaimedJob, Finish, Holder, Job, JobPage, KeyPair, NewJob,
    Parcel, Revision, StationKey, Update,
};

/// How long a writer waits for another process. No transaction here takes a tenth of it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers do not block each other; more than this only costs memory.
const READERS_MAX: u32 = 8;
/// A caller that waits longer for a connection than this gets a retryable error.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// Fills a buffer with random bytes. A member, so that a test can make ids clash.
type Random = fn(&mut [u8]) -> Result<()>;

/// The store on one SQLite file.
pub(crate) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    seal: Seal,
    random: Random,
}

impl Sqlite {
    /// Opens the file, creating it or its tables when needed.
    pub(crate) async fn open(path: &Path, master_key: &MasterKey) -> Result<Self> {
        create_file(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |max| {
            SqlitePoolOptions::new()
                .max_connections(max)
                .acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let store = Self {
            writer: pool(1).connect_with(options.clone()).await?,
            readers: pool(READERS_MAX).connect_lazy_with(options),
            seal: master_key.seal(),
            random: |buffer| getrandom::fill(buffer).map_err(|_| Error::Random),
        };
        store.prepare().await?;
        Ok(store)
    }

    /// Brings the tables up to date and checks the master key, in one transaction: of several
    /// processes that open a new file at once, one does the work and the others find it done.
    async fn prepare(&self) -> Result<()> {
        let mut tx = self.write().await?;
        MIGRATIONS
            .run_direct(None, &mut *tx, false)
            .await
            .map_err(Error::Migration)?;
        self.check_master_key(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn check_master_key(&self, tx: &mut SqliteConnection) -> Result<()> {
        const PLACE: &str = "master check";
        let sealed: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT sealed FROM master_check WHERE id = 1")
                .fetch_optional(&mut *tx)
                .await?;
        if let Some(sealed) = sealed {
            let opened = self.seal.open(PLACE, &sealed);
            return opened.map(drop).map_err(|_| Error::WrongMasterKey);
        }
        sqlx::query("INSERT INTO master_check (id, sealed) VALUES (1, ?)")
            .bind(self.seal.seal(PLACE, "packhorse")?)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Begins a transaction that may write.
    async fn write(&self) -> Result<Transaction<'static, Db>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Begins a transaction that sees one unchanging state.
    async fn read(&self) -> Result<Transaction<'static, Db>> {
        Ok(self.readers.begin().await?)
    }

    fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes)?;
        Ok(bytes)
    }
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

#[async_trait]
impl Store for Sqlite {
    async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(self.write().await?.rollback().await?)
    }

    async fn create_account(
        &self,
        name: &str,
        key: Option<KeyPair>,
        now: Timestamp,
    ) -> Result<AccessKey> {
        self.create_account_with(name, key, now).await
    }

    async fn list_accounts(&self) -> Result<Vec<Account>> {
        self.all_accounts().await
    }

    async fn disable_account(&self, name: &str) -> Result<()> {
        self.set_enabled(name, false).await
    }

    async fn enable_account(&self, name: &str) -> Result<()> {
        self.set_enabled(name, true).await
    }

    async fn rotate_account(&self, name: &str, now: Timestamp) -> Result<AccessKey> {
        self.rotate(name, now).await
    }

    async fn find_access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        let mut conn = self.readers.acquire().await?;
        self.access_key(&mut conn, id).await
    }

    async fn create_station(&self, name: &str, now: Timestamp) -> Result<StationKey> {
        self.add_station(name, now).await
    }

    async fn find_station(&self, key: &str) -> Result<Option<String>> {
        self.station_with(key).await
    }

    async fn create_job(&self, job: NewJob, now: Timestamp) -> Result<Job> {
        self.insert_job(job, now).await
    }

    async fn job(&self, account: AccountId, id: &JobId) -> Result<Job> {
        match self.whole_job(id).await? {
            Some(job) if job.account == account => Ok(job),
            _ => Err(Error::UnknownJob),
        }
    }

    async fn update_job(&self, id: &JobId, update: Update, now: Timestamp) -> Result<Job> {
        self.replace_manifest(id, update, now).await
    }

    async fn cancel_job(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<Job> {
        self.cancel(account, id, access_key_id, now).await
    }

    async fn list_jobs(
        &self,
        account: AccountId,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<JobPage> {
        self.page(account, after, limit).await
    }

    async fn revision(
        &self,
        account: AccountId,
        id: &JobId,
        revision: u32,
    ) -> Result<Option<Revision>> {
        let mut tx = self.read().await?;
        let row = row::load_of(&mut tx, account, id).await?;
        self.revision_of(&mut tx, &row, revision).await
    }

    async fn find_job(&self, id: &JobId) -> Result<Option<Job>> {
        self.whole_job(id).await
    }

    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<ClaimedJob> {
        self.lend(claim, now).await
    }

    async fn renew(
        &self,
        holder: &Holder,
        counts: Counts,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<()> {
        self.keep(holder, counts, ttl, now).await
    }

    async fn finish(&self, holder: &Holder, finish: Finish, now: Timestamp) -> Result<Progress> {
        self.end(holder, desk::Ending::from(finish), now).await
    }

    async fn abort(&self, holder: &Holder, abort: Abort, now: Timestamp) -> Result<Progress> {
        self.end(holder, desk::Ending::from(abort), now).await
    }

    async fn abort_unclaimed(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        self.reject_device(id, code, reason, actor, now).await
    }

    async fn give_up(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        self.end_without_lease(id, code, reason, actor, now).await
    }

    async fn receive(&self, id: &JobId, note: &str, actor: Actor, now: Timestamp) -> Result<State> {
        self.note_arrival(id, note, actor, now).await
    }

    async fn send_back(
        &self,
        id: &JobId,
        parcel: Parcel,
        actor: Actor,
        now: Timestamp,
    ) -> Result<State> {
        self.note_departure(id, parcel, actor, now).await
    }

    async fn record_refusal(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.note_refusal(id, actor, detail, now).await
    }

    async fn lock_job(
        &self,
        id: &JobId,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        self.keep_locked(id, reason, actor, now).await
    }

    async fn unlock_job(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        password: &Secret,
        now: Timestamp,
    ) -> Result<()> {
        self.keep_password(account, id, access_key_id, password, now)
            .await
    }

    async fn record_password_given(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.note_password_given(id, actor, detail, now).await
    }

    async fn expire_jobs(
        &self,
        created_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<JobId>> {
        self.expire(created_before, limit, now).await
    }

    async fn events(&self, id: &JobId) -> Result<Vec<(Event, Link)>> {
        let mut tx = self.read().await?;
        let row = row::load(&mut tx, id).await?;
        chain::read(&mut tx, &row).await
    }

    async fn verify_events(&self, id: &JobId) -> Result<()> {
        let mut tx = self.read().await?;
        let row = row::load(&mut tx, id).await?;
        chain::verify(&mut tx, &row).await
    }

    async fn job_totals(&self) -> Result<Vec<(JobType, Progress, u64)>> {
        self.totals().await
    }
}

#[cfg(test)]
mod tests;
