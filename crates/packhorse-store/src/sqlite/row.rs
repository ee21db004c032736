//! A job as its row: read whole, changed in memory, written whole on the version it was read at.

use jiff::Timestamp;
use packhorse_core::event::Link;
use packhorse_core::id::{AccountId, Epoch, JobId};
use packhorse_core::job::{JobType, Location, Progress, State};
use packhorse_core::ledger::Counts;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::locks;
use super::time::{from_micros, micros};
use crate::error::{Error, Result};
use crate::types::{Job, JobSummary, LeaseTerm, Lock, LogObject, Manifest, Parcel};

/// A row of `jobs`.
#[derive(Debug)]
pub(super) struct Row {
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
pub(super) async fn load(conn: &mut SqliteConnection, id: &JobId) -> Result<Row> {
    let row = sqlx::query("SELECT * FROM jobs WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(conn)
        .await?;
    read(&row.ok_or(Error::UnknownJob)?)
}

/// The account's job.
pub(super) async fn load_of(
    conn: &mut SqliteConnection,
    account: AccountId,
    id: &JobId,
) -> Result<Row> {
    let row = load(conn, id).await?;
    if row.account == account {
        Ok(row)
    } else {
        Err(Error::UnknownJob)
    }
}

/// Inserts a new job; `false` if its id is taken.
pub(super) async fn insert(conn: &mut SqliteConnection, row: &mut Row) -> Result<bool> {
    let seq = sqlx::query_scalar(
        "INSERT INTO jobs (id, account, access_key_id, job_type, location, progress, revision, \
         created_at, updated_at, counts, epoch, event_count, event_link, version) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO NOTHING RETURNING seq",
    )
    .bind(row.id.as_str())
    .bind(row.account.0)
    .bind(&row.access_key_id)
    .bind(row.job_type.code())
    .bind(row.state.location.code())
    .bind(row.state.progress.code())
    .bind(row.revision)
    .bind(micros(row.created_at))
    .bind(micros(row.updated_at))
    .bind(counts_text(&row.counts))
    .bind(row.epoch.0)
    .bind(row.event_count)
    .bind(row.event_link.0.to_vec())
    .bind(row.version)
    .fetch_optional(conn)
    .await?;
    row.seq = seq.unwrap_or_default();
    Ok(seq.is_some())
}

/// Writes the changed row, if nobody else did since it was read.
pub(super) async fn save(conn: &mut SqliteConnection, row: &mut Row) -> Result<()> {
    let log = row.log.as_ref();
    let parcel = row.parcel.as_ref();
    let lease = row.lease.as_ref();
    let done = sqlx::query(
        "UPDATE jobs SET access_key_id = ?, job_type = ?, location = ?, progress = ?, \
         revision = ?, updated_at = ?, counts = ?, log_bucket = ?, log_key = ?, \
         carrier = ?, tracking_number = ?, epoch = ?, \
         lease_station = ?, lease_device = ?, lease_until = ?, event_count = ?, event_link = ?, \
         version = version + 1 WHERE seq = ? AND version = ?",
    )
    .bind(&row.access_key_id)
    .bind(row.job_type.code())
    .bind(row.state.location.code())
    .bind(row.state.progress.code())
    .bind(row.revision)
    .bind(micros(row.updated_at))
    .bind(counts_text(&row.counts))
    .bind(log.map(|log| &log.bucket))
    .bind(log.map(|log| &log.key))
    .bind(parcel.map(|parcel| &parcel.carrier))
    .bind(parcel.map(|parcel| &parcel.tracking_number))
    .bind(row.epoch.0)
    .bind(lease.map(|lease| &lease.station))
    .bind(lease.map(|lease| &lease.device))
    .bind(lease.map(|lease| micros(lease.until)))
    .bind(row.event_count)
    .bind(row.event_link.0.to_vec())
    .bind(row.seq)
    .bind(row.version)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Err(Error::Conflict);
    }
    if row.state.progress.is_final() {
        locks::forget(conn, row.seq).await?;
    }
    row.version += 1;
    Ok(())
}

/// A line of a listing out of its columns.
pub(super) fn summary(row: &SqliteRow) -> Result<JobSummary> {
    Ok(JobSummary {
        id: job_id(row)?,
        job_type: job_type(row)?,
        state: state(row)?,
        created_at: from_micros(row.try_get("created_at")?)?,
    })
}

/// A row out of the columns of `jobs`.
pub(super) fn read(row: &SqliteRow) -> Result<Row> {
    let counts: String = row.try_get("counts")?;
    Ok(Row {
        seq: row.try_get("seq")?,
        id: job_id(row)?,
        account: AccountId(row.try_get("account")?),
        access_key_id: row.try_get("access_key_id")?,
        job_type: job_type(row)?,
        state: state(row)?,
        revision: row.try_get("revision")?,
        created_at: from_micros(row.try_get("created_at")?)?,
        updated_at: from_micros(row.try_get("updated_at")?)?,
        counts: serde_json::from_str(&counts)
            .map_err(|_| Error::Corrupt("the counts of a job cannot be read"))?,
        log: log(row)?,
        parcel: parcel(row)?,
        epoch: Epoch(row.try_get("epoch")?),
        lease: lease(row)?,
        event_count: row.try_get("event_count")?,
        event_link: link(row.try_get("event_link")?)?,
        version: row.try_get("version")?,
    })
}

fn log(row: &SqliteRow) -> Result<Option<LogObject>> {
    let (bucket, key) = (row.try_get("log_bucket")?, row.try_get("log_key")?);
    Ok(Option::zip(bucket, key).map(|(bucket, key)| LogObject { bucket, key }))
}

fn parcel(row: &SqliteRow) -> Result<Option<Parcel>> {
    let carrier: Option<String> = row.try_get("carrier")?;
    let tracking_number: Option<String> = row.try_get("tracking_number")?;
    let both = Option::zip(carrier, tracking_number);
    Ok(both.map(|(carrier, tracking_number)| Parcel {
        carrier,
        tracking_number,
    }))
}

fn lease(row: &SqliteRow) -> Result<Option<LeaseTerm>> {
    let Some(station) = row.try_get("lease_station")? else {
        return Ok(None);
    };
    Ok(Some(LeaseTerm {
        station,
        device: row.try_get("lease_device")?,
        until: from_micros(row.try_get("lease_until")?)?,
    }))
}

fn job_id(row: &SqliteRow) -> Result<JobId> {
    JobId::parse(row.try_get("id")?).map_err(|_| Error::Corrupt("a job id is none"))
}

pub(super) fn job_type(row: &SqliteRow) -> Result<JobType> {
    JobType::parse(row.try_get("job_type")?).ok_or(Error::Corrupt("a job type is none"))
}

pub(super) fn progress(row: &SqliteRow) -> Result<Progress> {
    Progress::parse(row.try_get("progress")?).ok_or(Error::Corrupt("a progress code is none"))
}

fn state(row: &SqliteRow) -> Result<State> {
    let location = Location::parse(row.try_get("location")?);
    Ok(State {
        location: location.ok_or(Error::Corrupt("a location code is none"))?,
        progress: progress(row)?,
    })
}

pub(super) fn link(bytes: Vec<u8>) -> Result<Link> {
    let bytes = bytes.try_into();
    bytes
        .map(Link)
        .map_err(|_| Error::Corrupt("a link has a wrong length"))
}

fn counts_text(counts: &Counts) -> String {
    serde_json::to_string(counts).expect("six numbers are always JSON")
}
