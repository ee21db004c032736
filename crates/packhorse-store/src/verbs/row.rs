//! A job as its row: read whole, changed in memory, written whole on the version it was read at.

use jiff::Timestamp;
use packhorse_core::event::Link;
use packhorse_core::id::{AccountId, Epoch, JobId};
use packhorse_core::job::{JobType, Location, Progress, State};
use packhorse_core::ledger::Counts;

use super::locks;
use crate::database::{Record, Session, Value};
use crate::error::{Error, Result};
use crate::time::{from_micros, micros};
use crate::types::{HereJob, Job, JobSummary, LeaseTerm, Lock, LogObject, Manifest, Parcel};

/// A row of `jobs`.
#[derive(Debug)]
pub(super) struct Row {
    /// The order of creation within the account, and what other tables refer to.
    pub(super) seq: i64,
    pub(super) id: JobId,
    pub(super) account: AccountId,
    pub(super) access_key_id: String,
    pub(super) job_type: JobType,
    pub(super) state: State,
    pub(super) revision: u32,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) counts: Counts,
    pub(super) log: Option<LogObject>,
    pub(super) parcel: Option<Parcel>,
    pub(super) epoch: Epoch,
    /// Stays after the end, so that a repeated end is recognised.
    pub(super) lease: Option<LeaseTerm>,
    pub(super) event_count: i64,
    pub(super) event_link: Link,
    pub(super) version: i64,
}

impl Row {
    /// The job with its manifest.
    pub(super) fn into_job(self, manifest: Manifest) -> Job {
        let loading = self.state.progress == Progress::InProgress;
        Job {
            id: self.id,
            account: self.account,
            access_key_id: self.access_key_id,
            job_type: self.job_type,
            state: self.state,
            manifest,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            counts: self.counts,
            log: self.log,
            parcel: self.parcel,
            epoch: self.epoch,
            lease: self.lease.filter(|_| loading),
            lock: Lock::default(),
        }
    }
}

/// Any account's job.
pub(super) async fn load(session: &mut Session, id: &JobId) -> Result<Row> {
    let found = session
        .optional("SELECT * FROM jobs WHERE id = $1", &[id.as_str().into()])
        .await?;
    read(&found.ok_or(Error::UnknownJob)?)
}

/// The account's job.
pub(super) async fn load_of(session: &mut Session, account: AccountId, id: &JobId) -> Result<Row> {
    let row = load(session, id).await?;
    if row.account == account {
        Ok(row)
    } else {
        Err(Error::UnknownJob)
    }
}

/// Inserts a new job; `false` if its id is taken.
pub(super) async fn insert(session: &mut Session, row: &Row) -> Result<bool> {
    let counts = counts_text(&row.counts);
    let inserted = session
        .execute(
            "INSERT INTO jobs (seq, id, account, access_key_id, job_type, location, progress, \
             revision, created_at, updated_at, counts, epoch, event_count, event_link, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT (id) DO NOTHING",
            &[
                row.seq.into(),
                row.id.as_str().into(),
                row.account.0.into(),
                row.access_key_id.as_str().into(),
                row.job_type.code().into(),
                row.state.location.code().into(),
                row.state.progress.code().into(),
                row.revision.into(),
                micros(row.created_at).into(),
                micros(row.updated_at).into(),
                counts.as_str().into(),
                row.epoch.0.into(),
                row.event_count.into(),
                row.event_link.0.as_slice().into(),
                row.version.into(),
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Writes the changed row, if nobody else did since it was read.
pub(super) async fn save(session: &mut Session, row: &mut Row) -> Result<()> {
    let log = row.log.as_ref();
    let parcel = row.parcel.as_ref();
    let lease = row.lease.as_ref();
    let counts = counts_text(&row.counts);
    let changed = session
        .execute(
            "UPDATE jobs SET access_key_id = $1, job_type = $2, location = $3, progress = $4, \
             revision = $5, updated_at = $6, counts = $7, log_bucket = $8, log_key = $9, \
             carrier = $10, tracking_number = $11, epoch = $12, lease_station = $13, \
             lease_device = $14, lease_until = $15, event_count = $16, event_link = $17, \
             version = version + 1 WHERE seq = $18 AND version = $19",
            &[
                row.access_key_id.as_str().into(),
                row.job_type.code().into(),
                row.state.location.code().into(),
                row.state.progress.code().into(),
                row.revision.into(),
                micros(row.updated_at).into(),
                counts.as_str().into(),
                Value::Text(log.map(|log| log.bucket.as_str())),
                Value::Text(log.map(|log| log.key.as_str())),
                Value::Text(parcel.map(|parcel| parcel.carrier.as_str())),
                Value::Text(parcel.map(|parcel| parcel.tracking_number.as_str())),
                row.epoch.0.into(),
                Value::Text(lease.map(|lease| lease.station.as_str())),
                Value::Text(lease.map(|lease| lease.device.as_str())),
                Value::Int(lease.map(|lease| micros(lease.until))),
                row.event_count.into(),
                row.event_link.0.as_slice().into(),
                row.seq.into(),
                row.version.into(),
            ],
        )
        .await?;
    if changed != 1 {
        return Err(Error::Conflict);
    }
    if row.state.progress.is_final() {
        locks::forget(session, row.seq).await?;
    }
    row.version += 1;
    Ok(())
}

/// A line of a listing out of its columns.
pub(super) fn summary(record: &Record) -> Result<JobSummary> {
    Ok(JobSummary {
        id: job_id(record)?,
        job_type: job_type(record)?,
        state: state(record)?,
        counts: counts(record)?,
        created_at: from_micros(record.get("created_at")?)?,
    })
}

/// A job at the facility out of the columns of `jobs` and `locks`.
pub(super) fn here(record: &Record) -> Result<HereJob> {
    let row = read(record)?;
    let loading = row.state.progress == Progress::InProgress;
    Ok(HereJob {
        id: row.id,
        job_type: row.job_type,
        state: row.state,
        counts: row.counts,
        lease: row.lease.filter(|_| loading),
        lock_reason: record.get("lock_reason")?,
        updated_at: row.updated_at,
    })
}

/// A row out of the columns of `jobs`.
pub(super) fn read(record: &Record) -> Result<Row> {
    let revision: i64 = record.get("revision")?;
    Ok(Row {
        seq: record.get("seq")?,
        id: job_id(record)?,
        account: AccountId(record.get("account")?),
        access_key_id: record.get("access_key_id")?,
        job_type: job_type(record)?,
        state: state(record)?,
        revision: u32::try_from(revision)
            .map_err(|_| Error::Corrupt("a revision is out of range"))?,
        created_at: from_micros(record.get("created_at")?)?,
        updated_at: from_micros(record.get("updated_at")?)?,
        counts: counts(record)?,
        log: log(record)?,
        parcel: parcel(record)?,
        epoch: Epoch(record.get("epoch")?),
        lease: lease(record)?,
        event_count: record.get("event_count")?,
        event_link: link(record.get("event_link")?)?,
        version: record.get("version")?,
    })
}

fn log(record: &Record) -> Result<Option<LogObject>> {
    let (bucket, key) = (record.get("log_bucket")?, record.get("log_key")?);
    Ok(Option::zip(bucket, key).map(|(bucket, key)| LogObject { bucket, key }))
}

fn parcel(record: &Record) -> Result<Option<Parcel>> {
    let (carrier, number) = (record.get("carrier")?, record.get("tracking_number")?);
    Ok(
        Option::zip(carrier, number).map(|(carrier, tracking_number)| Parcel {
            carrier,
            tracking_number,
        }),
    )
}

fn lease(record: &Record) -> Result<Option<LeaseTerm>> {
    let Some(station) = record.get("lease_station")? else {
        return Ok(None);
    };
    Ok(Some(LeaseTerm {
        station,
        device: record.get("lease_device")?,
        until: from_micros(record.get("lease_until")?)?,
    }))
}

pub(super) fn job_id(record: &Record) -> Result<JobId> {
    let id: String = record.get("id")?;
    JobId::parse(&id).map_err(|_| Error::Corrupt("a job id is none"))
}

pub(super) fn job_type(record: &Record) -> Result<JobType> {
    let code: String = record.get("job_type")?;
    JobType::parse(&code).ok_or(Error::Corrupt("a job type is none"))
}

pub(super) fn progress(record: &Record) -> Result<Progress> {
    let code: String = record.get("progress")?;
    Progress::parse(&code).ok_or(Error::Corrupt("a progress code is none"))
}

fn state(record: &Record) -> Result<State> {
    let location: String = record.get("location")?;
    Ok(State {
        location: Location::parse(&location).ok_or(Error::Corrupt("a location code is none"))?,
        progress: progress(record)?,
    })
}

pub(super) fn link(bytes: Vec<u8>) -> Result<Link> {
    let bytes = bytes.try_into();
    bytes
        .map(Link)
        .map_err(|_| Error::Corrupt("a link has a wrong length"))
}

fn counts(record: &Record) -> Result<Counts> {
    let counts: String = record.get("counts")?;
    serde_json::from_str(&counts).map_err(|_| Error::Corrupt("the counts of a job cannot be read"))
}

fn counts_text(counts: &Counts) -> String {
    serde_json::to_string(counts).expect("six numbers are always JSON")
}
