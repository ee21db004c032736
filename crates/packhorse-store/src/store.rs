//! The port to the database.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use packhorse_core::event::{Actor, Event, Link};
use packhorse_core::id::{AccountId, JobId};
use packhorse_core::job::{JobType, Progress, State};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;

use crate::error::Result;
use crate::types::{
    Abort, AccessKey, Account, Audit, Claim, ClaimedJob, Erasure, Finish, HereJob, Holder, Job,
    JobPage, KeyPair, NewJob, Parcel, Revision, StationKey, Update,
};

/// Everything the service remembers. Each method is one transaction: it happens wholly and is
/// durable when it returns, or not at all. A job's state changes only by the table in
/// [`packhorse_core::job`], and every change appends an event to the job's chain.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whether the database answers and can be written.
    async fn ping(&self) -> Result<()>;

    // Accounts

    /// Creates an account with one access key: the one given, or a new random one.
    async fn create_account(
        &self,
        name: &str,
        key: Option<KeyPair>,
        now: Timestamp,
    ) -> Result<AccessKey>;

    /// All accounts by name.
    async fn list_accounts(&self) -> Result<Vec<Account>>;

    /// Disables an account and thereby its keys; doing it again changes nothing.
    async fn disable_account(&self, name: &str) -> Result<()>;

    /// Lets a disabled account use its keys again; doing it again changes nothing.
    async fn enable_account(&self, name: &str) -> Result<()>;

    /// Gives the account a new access key and disables the others.
    async fn rotate_account(&self, name: &str, now: Timestamp) -> Result<AccessKey>;

    /// The access key of this id, enabled or not.
    async fn find_access_key(&self, id: &str) -> Result<Option<AccessKey>>;

    /// Notes that a session of the console is over, until `until`, when it ends by itself; forgets
    /// those that have.
    async fn end_session(&self, id: &[u8; 16], until: Timestamp, now: Timestamp) -> Result<()>;

    /// Whether [`Store::end_session`] was called for it.
    async fn is_session_ended(&self, id: &[u8; 16]) -> Result<bool>;

    // Stations

    /// Makes a station known.
    async fn create_station(&self, name: &str, now: Timestamp) -> Result<StationKey>;

    /// The name of the station that has this key.
    async fn find_station(&self, key: &str) -> Result<Option<String>>;

    // Jobs, for their owner

    /// Creates a job under a new random id.
    async fn create_job(&self, job: NewJob, now: Timestamp) -> Result<Job>;

    /// The account's job. Another account's job is unknown.
    async fn job(&self, account: AccountId, id: &JobId) -> Result<Job>;

    /// Replaces type and manifest of a job that may still be changed.
    async fn update_job(&self, id: &JobId, update: Update, now: Timestamp) -> Result<Job>;

    /// Cancels a job that may still be changed.
    async fn cancel_job(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<Job>;

    /// The account's jobs, newest first, beginning after `after`, which must be one of them.
    async fn list_jobs(
        &self,
        account: AccountId,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<JobPage>;

    /// A manifest that the account's job has or had; `None` for a revision it never had.
    async fn revision(
        &self,
        account: AccountId,
        id: &JobId,
        revision: u32,
    ) -> Result<Option<Revision>>;

    // Jobs, for the desk

    /// The jobs whose devices are at the facility, those that changed last first; at most `limit`.
    async fn jobs_here(&self, limit: u32) -> Result<Vec<HereJob>>;

    /// Any account's job.
    async fn find_job(&self, id: &JobId) -> Result<Option<Job>>;

    /// Lends a job to a station: one that waits, one whose lease lapsed, or one that this same
    /// station held (which begins anew under a higher epoch). `Conflict` when it was made another kind
    /// of job than the claim is for.
    async fn claim(&self, claim: Claim, now: Timestamp) -> Result<ClaimedJob>;

    /// Keeps a lease, even a lapsed one that nobody claimed since, and records progress.
    async fn renew(
        &self,
        holder: &Holder,
        counts: Counts,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<()>;

    /// Ends a load. The same call again answers alike and changes nothing.
    async fn finish(&self, holder: &Holder, finish: Finish, now: Timestamp) -> Result<Progress>;

    /// Ends a job whose load is impossible. The same call again answers alike.
    async fn abort(&self, holder: &Holder, abort: Abort, now: Timestamp) -> Result<Progress>;

    /// Ends a job that no station has claimed yet, because its device cannot be accepted. A job
    /// whose device was accepted once is [`crate::Error::Leased`], even when the lease has lapsed:
    /// the wrong disk in a bay must not end it. The same call again answers alike.
    async fn abort_unclaimed(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress>;

    /// Ends a job that waits, or whose load nobody goes on with: the lease of the last holder must
    /// have lapsed, else the job is [`crate::Error::Leased`]. The same call again answers alike.
    async fn give_up(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress>;

    /// Notes that the device of a job is at the facility. A job whose device is there already stays
    /// as it is.
    async fn receive(&self, id: &JobId, note: &str, actor: Actor, now: Timestamp) -> Result<State>;

    /// Notes that the device of a job that is over was handed to a carrier. The same call again
    /// changes nothing; one with another parcel corrects what was noted.
    async fn send_back(
        &self,
        id: &JobId,
        parcel: Parcel,
        actor: Actor,
        now: Timestamp,
    ) -> Result<State>;

    /// Notes that something was refused. At most one note for a repeated refusal and a bounded
    /// number for a job, so that whoever is refused cannot fill the database.
    async fn record_refusal(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()>;

    /// Notes of the device of a job that is loaded or aborted that it is to be erased, was erased, or
    /// could not be; bounded like [`Store::record_refusal`]. Any other job is refused.
    async fn record_erasure(
        &self,
        id: &JobId,
        erasure: Erasure,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<State>;

    // Encrypted devices

    /// Notes why the device of a job that may be loaded cannot be opened, and that it is at the
    /// facility. The job goes on waiting; the reason stays until a claim, UpdateJob or a password.
    async fn lock_job(
        &self,
        id: &JobId,
        reason: &str,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Progress>;

    /// Keeps what opens the device of the account's job, sealed, until the job is over.
    async fn unlock_job(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        password: &Secret,
        now: Timestamp,
    ) -> Result<()>;

    /// Notes that a password was handed to a station; bounded like [`Store::record_refusal`].
    async fn record_password_given(
        &self,
        id: &JobId,
        actor: Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()>;

    // Housekeeping

    /// Expires up to `limit` jobs that were created before `created_before` and whose device did
    /// not come; says which.
    async fn expire_jobs(
        &self,
        created_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<JobId>>;

    /// What happened to a job, oldest first, each event with the link after it.
    async fn events(&self, id: &JobId) -> Result<Vec<(Event, Link)>>;

    /// Whether the job's events are complete and unchanged; [`crate::Error::Corrupt`] if not.
    async fn verify_events(&self, id: &JobId) -> Result<()>;

    /// Follows every job's chain of events, as the database is at one moment. Takes as long as
    /// reading all events takes; others are not held up.
    async fn audit(&self) -> Result<Audit>;

    /// How many jobs of each type and progress there are; for operators.
    async fn job_totals(&self) -> Result<Vec<(JobType, Progress, u64)>>;
}
