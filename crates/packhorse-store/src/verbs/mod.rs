//! What the service does with its database: one verb, one transaction.
//!
//! Every verb is a whole attempt that [`Database::again`] may repeat: it draws, reads and judges
//! anew each time. `WHERE version = …` on every change of a job says once more what the isolation
//! of the transaction says.

mod accounts;
mod audit;
mod chain;
mod desk;
mod jobs;
mod locks;
mod parcels;
mod row;
mod sessions;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use packhorse_core::event::{Actor, Event, Link};
use packhorse_core::id::{AccountId, JobId};
use packhorse_core::job::{JobType, Progress, State};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;

pub(crate) use audit::audit;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::seal::Seal;
use crate::store::Store;
use crate::types::{
    Abort, AccessKey, Account, Audit, Claim, ClaimedJob, Erasure, Finish, HereJob, Holder, Job,
    JobPage, KeyPair, NewJob, Parcel, Revision, StationKey, Update,
};

/// Fills a buffer with random bytes. A member, so that a test can make ids clash.
type Random = fn(&mut [u8]) -> Result<()>;

/// The verbs on an open database.
pub(crate) struct Verbs {
    database: Database,
    seal: Seal,
    random: Random,
}

impl Verbs {
    /// Fails when the database was made with another master key; a new one is this key's from now
    /// on.
    pub(crate) async fn new(database: Database, master_key: &MasterKey) -> Result<Self> {
        let verbs = Self {
            database,
            seal: master_key.seal(),
            random: |buffer| getrandom::fill(buffer).map_err(|_| Error::Random),
        };
        let database = &verbs.database;
        database.again(|| verbs.check_master_key()).await?;
        Ok(verbs)
    }

    /// What they work on.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    async fn check_master_key(&self) -> Result<()> {
        const PLACE: &str = "master check";
        let mut session = self.database.write().await?;
        let found = session
            .optional("SELECT sealed FROM master_check WHERE id = 1", &[])
            .await?;
        if let Some(found) = found {
            let opened = self.seal.open(PLACE, &found.get::<Vec<u8>>("sealed")?);
            return opened.map(drop).map_err(|_| Error::WrongMasterKey);
        }
        let sealed = self.seal.seal(PLACE, "packhorse")?;
        session
            .execute(
                "INSERT INTO master_check (id, sealed) VALUES (1, $1)",
                &[sealed.as_slice().into()],
            )
            .await?;
        session.commit().await
    }

    fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        (self.random)(&mut bytes)?;
        Ok(bytes)
    }

    async fn answer(&self) -> Result<()> {
        // A transaction that may write, so that a full or read-only database shows.
        let mut session = self.database.write().await?;
        session.one("SELECT 1 AS one", &[]).await.map(drop)
    }

    async fn revision_for(
        &self,
        account: AccountId,
        id: &JobId,
        revision: u32,
    ) -> Result<Option<Revision>> {
        let mut session = self.database.read().await?;
        let row = row::load_of(&mut session, account, id).await?;
        self.revision_of(&mut session, &row, revision).await
    }

    async fn events_of(&self, id: &JobId) -> Result<Vec<(Event, Link)>> {
        let mut session = self.database.read().await?;
        let row = row::load(&mut session, id).await?;
        chain::read(&mut session, &row).await
    }

    async fn verify_events_of(&self, id: &JobId) -> Result<()> {
        let mut session = self.database.read().await?;
        let row = row::load(&mut session, id).await?;
        chain::verify(&mut session, &row).await
    }
}

#[async_trait]
impl Store for Verbs {
    async fn ping(&self) -> Result<()> {
        self.database.again(|| self.answer()).await
    }

    async fn create_account(
        &self,
        name: &str,
        key: Option<KeyPair>,
        now: Timestamp,
    ) -> Result<AccessKey> {
        self.database
            .again(|| self.create_account_with(name, key.as_ref(), now))
            .await
    }

    async fn list_accounts(&self) -> Result<Vec<Account>> {
        self.database.again(|| self.all_accounts()).await
    }

    async fn disable_account(&self, name: &str) -> Result<()> {
        self.database.again(|| self.set_enabled(name, false)).await
    }

    async fn enable_account(&self, name: &str) -> Result<()> {
        self.database.again(|| self.set_enabled(name, true)).await
    }

    async fn rotate_account(&self, name: &str, now: Timestamp) -> Result<AccessKey> {
        self.database.again(|| self.rotate(name, now)).await
    }

    async fn find_access_key(&self, id: &str) -> Result<Option<AccessKey>> {
        self.database.again(|| self.access_key(id)).await
    }

    async fn end_session(&self, id: &[u8; 16], until: Timestamp, now: Timestamp) -> Result<()> {
        self.database
            .again(|| self.close_session(id, until, now))
            .await
    }

    async fn is_session_ended(&self, id: &[u8; 16]) -> Result<bool> {
        self.database.again(|| self.is_closed(id)).await
    }

    async fn create_station(&self, name: &str, now: Timestamp) -> Result<StationKey> {
        self.database.again(|| self.add_station(name, now)).await
    }

    async fn find_station(&self, key: &str) -> Result<Option<String>> {
        self.database.again(|| self.station_with(key)).await
    }

    async fn create_job(&self, job: NewJob, now: Timestamp) -> Result<Job> {
        self.database.again(|| self.insert_job(&job, now)).await
    }

    async fn job(&self, account: AccountId, id: &JobId) -> Result<Job> {
        match self.database.again(|| self.whole_job(id)).await? {
            Some(job) if job.account == account => Ok(job),
            _ => Err(Error::UnknownJob),
        }
    }

    async fn update_job(&self, id: &JobId, update: Update, now: Timestamp) -> Result<Job> {
        self.database
            .again(|| self.replace_manifest(id, &update, now))
            .await
    }

    async fn cancel_job(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<Job> {
        self.database
            .again(|| self.cancel(account, id, access_key_id, now))
            .await
    }

    async fn list_jobs(
        &self,
        account: AccountId,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<JobPage> {
        self.database
            .again(|| self.page(account, after, limit))
            .await
    }

    async fn revision(
        &self,
        account: AccountId,
        id: &JobId,
        revision: u32,
    ) -> Result<Option<Revision>> {
        self.database
            .again(|| self.revision_for(account, id, revision))
            .await
    }

    async fn jobs_here(&self, limit: u32) -> Result<Vec<HereJob>> {
        self.database.again(|| self.here(limit)).await
    }

    async fn find_job(&self, id: &JobId) -> Result<Option<Job>> {
        self.database.again(|| self.whole_job(id)).await
    }

    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<ClaimedJob> {
        self.database.again(|| self.lend(&claim, now)).await
    }

    async fn renew(
        &self,
        holder: &Holder,
        counts: Counts,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<()> {
        self.database
            .again(|| self.keep(holder, counts, ttl, now))
            .await
    }

    async fn finish(&self, holder: &Holder, finish: Finish, now: Timestamp) -> Result<Progress> {
        let ending = desk::Ending::from(finish);
        self.database.again(|| self.end(holder, &ending, now)).await
    }

    async fn abort(&self, holder: &Holder, abort: Abort, now: Timestamp) -> Result<Progress> {
        let ending = desk::Ending::from(abort);
        self.database.again(|| self.end(holder, &ending, now)).await
    }

    async fn abort_unclaimed(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let attempt = || self.reject_device(id, code, reason, &actor, now);
        self.database.again(attempt).await
    }

    async fn give_up(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let attempt = || self.end_without_lease(id, code, reason, &actor, now);
        self.database.again(attempt).await
    }

    async fn receive(&self, id: &JobId, note: &str, actor: Actor, now: Timestamp) -> Result<State> {
        let attempt = || self.note_arrival(id, note, &actor, now);
        self.database.again(attempt).await
    }

    async fn send_back(
        &self,
        id: &JobId,
        parcel: Parcel,
        actor: Actor,
        now: Timestamp,
    ) -> Result<State> {
        let parcel = parcels::kept(parcel);
        let attempt = || self.note_departure(id, &parcel, &actor, now);
        self.database.again(attempt).await
    }

    async fn record_refusal(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.database
            .again(|| self.note_refusal(id, &actor, detail, now))
            .await
    }

    async fn record_erasure(
        &self,
        id: &JobId,
        erasure: Erasure,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<State> {
        let attempt = || self.note_erasure(id, erasure, &actor, detail, now);
        self.database.again(attempt).await
    }

    async fn lock_job(
        &self,
        id: &JobId,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let attempt = || self.keep_locked(id, reason, &actor, now);
        self.database.again(attempt).await
    }

    async fn unlock_job(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        password: &Secret,
        now: Timestamp,
    ) -> Result<()> {
        let attempt = || self.keep_password(account, id, access_key_id, password, now);
        self.database.again(attempt).await
    }

    async fn record_password_given(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        let attempt = || self.note_password_given(id, &actor, detail, now);
        self.database.again(attempt).await
    }

    async fn expire_jobs(
        &self,
        created_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<JobId>> {
        self.database
            .again(|| self.expire(created_before, limit, now))
            .await
    }

    async fn events(&self, id: &JobId) -> Result<Vec<(Event, Link)>> {
        self.database.again(|| self.events_of(id)).await
    }

    async fn verify_events(&self, id: &JobId) -> Result<()> {
        self.database.again(|| self.verify_events_of(id)).await
    }

    async fn audit(&self) -> Result<Audit> {
        let mut session = self.database.long_read().await?;
        audit(&mut session).await
    }

    async fn job_totals(&self) -> Result<Vec<(JobType, Progress, u64)>> {
        self.database.again(|| self.totals()).await
    }
}

#[cfg(test)]
mod tests;
