//! The words that the store's verbs take and give.

use std::time::Duration;

use jiff::Timestamp;
use packhorse_core::id::{AccountId, Epoch, JobId};
use packhorse_core::job::{JobType, Progress, State};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;

/// How often a job may be updated. Every former manifest is kept, so their number has an end; nobody
/// mends one manifest this often.
pub const REVISIONS_MAX: u32 = 100;

/// The text of a manifest. It may hold passwords, so it is a secret.
pub type Manifest = Secret;

/// Both halves of an access key.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret: Secret,
}

/// An access key as a request is checked against.
#[derive(Clone, Debug)]
pub struct AccessKey {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Secret,
    /// Whose it is.
    pub account: AccountId,
    /// The account's name.
    pub account_name: String,
    /// Whether it may be used: neither the key nor the account is disabled.
    pub enabled: bool,
}

/// An account, for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its keys, oldest first.
    pub keys: Vec<KeySummary>,
}

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// The public half.
    pub id: String,
    /// Whether the key itself is enabled.
    pub enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A station and what it authenticates with. The key is shown once: only its SHA-256 is kept.
#[derive(Clone, Debug)]
pub struct StationKey {
    /// The station's name.
    pub station: String,
    /// 64 hex digits.
    pub key: Secret,
}

/// What CreateJob stores.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The owner.
    pub account: AccountId,
    /// The key that signed the request.
    pub access_key_id: String,
    /// Import or export.
    pub job_type: JobType,
    /// The manifest, found valid.
    pub manifest: Manifest,
    /// How many jobs the account may create in any 24 hours.
    pub jobs_per_day: u32,
    /// The id it is to have, so that asking twice makes one job: if the account has a job of this id
    /// already, that one is the answer. A random one without it, or if it is another account's.
    pub id: Option<JobId>,
}

/// What UpdateJob stores.
#[derive(Clone, Debug)]
pub struct Update {
    /// The account that asks.
    pub account: AccountId,
    /// The key that signed the request.
    pub access_key_id: String,
    /// Import or export; may differ from before.
    pub job_type: JobType,
    /// The manifest, found valid. It replaces the former wholly.
    pub manifest: Manifest,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub account: AccountId,
    /// The access key that created or last updated it.
    pub access_key_id: String,
    /// Import or export.
    pub job_type: JobType,
    /// Where it stands.
    pub state: State,
    /// The manifest in force.
    pub manifest: Manifest,
    /// Which revision that is: 1 after CreateJob.
    pub revision: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
    /// How far the load is.
    pub counts: Counts,
    /// The report, once written.
    pub log: Option<LogObject>,
    /// Who carries the device back, once it was handed over.
    pub parcel: Option<Parcel>,
    /// The last lease: 0 before the first.
    pub epoch: Epoch,
    /// Who holds the job, while it is being loaded.
    pub lease: Option<LeaseTerm>,
    /// What is known of its device's encryption; empty where a verb changed the job and gave it back.
    pub lock: Lock,
}

/// An encrypted device.
#[derive(Clone, Debug, Default)]
pub struct Lock {
    /// Why the last attempt could not open it, until something is done about it.
    pub reason: Option<String>,
    /// What the customer gave to open it, until the job is over.
    pub password: Option<Secret>,
}

/// Who holds a job, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseTerm {
    /// The station's name.
    pub station: String,
    /// What the station knows the device by.
    pub device: String,
    /// When the lease lapses.
    pub until: Timestamp,
}

/// A report in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// A device on its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Who carries it.
    pub carrier: String,
    /// The carrier's number for it.
    pub tracking_number: String,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSummary {
    /// Its name.
    pub id: JobId,
    /// Import or export.
    pub job_type: JobType,
    /// Where it stands.
    pub state: State,
    /// How far the load is.
    pub counts: Counts,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A job whose device is at the facility, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HereJob {
    /// Its name.
    pub id: JobId,
    /// Import or export.
    pub job_type: JobType,
    /// Where it stands.
    pub state: State,
    /// How far the load is.
    pub counts: Counts,
    /// Who holds the job, while it is being loaded.
    pub lease: Option<LeaseTerm>,
    /// Why its device could not be opened, until something is done about it.
    pub lock_reason: Option<String>,
    /// When anything about it last changed.
    pub updated_at: Timestamp,
}

/// One page of a listing, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<JobSummary>,
    /// Whether older ones follow.
    pub more: bool,
}

/// A manifest that a job has or had.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Counted from 1.
    pub revision: u32,
    /// Import or export.
    pub job_type: JobType,
    /// The key that signed the request.
    pub access_key_id: String,
    /// The text.
    pub manifest: Manifest,
    /// When it came.
    pub at: Timestamp,
}

/// A station's wish to load a job. Its SIGNATURE was checked by the caller.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// What kind the holder will do; a job that was made another kind meanwhile is not lent.
    pub job_type: JobType,
    /// The station's name.
    pub station: String,
    /// What the station knows the device by.
    pub device: String,
    /// How long the lease holds without renewal.
    pub ttl: Duration,
}

/// A job, lent to a station.
#[derive(Clone, Debug)]
pub struct ClaimedJob {
    /// The job as it now stands.
    pub job: Job,
    /// The number of this lease.
    pub epoch: Epoch,
    /// The key to load with: the one the job was created or last updated with if it is still
    /// enabled, else the account's newest enabled one.
    pub owner_key: AccessKey,
}

/// Who speaks about a leased job. A lease is held by station and epoch together.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The job.
    pub job: JobId,
    /// The station's name.
    pub station: String,
    /// The number of its lease.
    pub epoch: Epoch,
}

/// The end of a load.
#[derive(Clone, Debug)]
pub struct Finish {
    /// Final totals; failures make the job SuccessWithErrors.
    pub counts: Counts,
    /// The report.
    pub log: LogObject,
}

/// The end of a job that cannot be loaded.
#[derive(Clone, Debug)]
pub struct Abort {
    /// One of the abort codes.
    pub code: Progress,
    /// For the event log.
    pub reason: String,
    /// Totals so far.
    pub counts: Counts,
    /// The report, if one was written.
    pub log: Option<LogObject>,
}

/// What following all chains of events showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Jobs there are.
    pub jobs: u64,
    /// Events there are.
    pub events: u64,
    /// The jobs whose events are not complete and unchanged, at most a thousand.
    pub broken: Vec<JobId>,
}

/// What is noted of erasing a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// It begins.
    Begun,
    /// Nothing is left.
    Done,
    /// Something is left.
    Failed,
}
