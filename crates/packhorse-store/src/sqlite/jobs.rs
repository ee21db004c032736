//! What the owner of a job does with it, and expiry.

use jiff::{SignedDuration, Timestamp};
use packhorse_core::event::{Actor, Link};
use packhorse_core::id::{AccountId, Epoch, JobId};
use packhorse_core::job::{Change, JobType, Progress, State};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;
use sqlx::{Row as _, SqliteConnection};

use super::row::{self, Row};
use super::time::{cut, from_micros, micros};
use super::{Sqlite, chain, locks};
use crate::error::{Error, Result};
use crate::types::{Job, JobPage, Manifest, NewJob, REVISIONS_MAX, Revision, Update};

/// The span over which created jobs are counted.
const QUOTA_SPAN: SignedDuration = SignedDuration::from_hours(24);
/// Draws of a job id before giving up. With 34^8 ids the second draw is already a rarity.
const DRAWS_MAX: usize = 16;

/// Where a manifest is sealed: in its job and revision.
fn place(id: &JobId, revision: u32) -> String {
    format!("manifest {revision} of {id}")
}

impl Sqlite {
    pub(super) async fn insert_job(&self, new: NewJob, now: Timestamp) -> Result<Job> {
        let now = cut(now);
        let mut tx = self.write().await?;
        check_quota(&mut tx, new.account, new.jobs_per_day, now).await?;
        let actor = Actor::Customer(new.access_key_id.clone());
        let created = chain::event(actor, Change::Create.code(), new.job_type.code(), now);
        let mut row = Row {
            seq: 0,
            id: self.draw_id()?,
            account: new.account,
            access_key_id: new.access_key_id,
            job_type: new.job_type,
            state: State::NEW,
            revision: 1,
            created_at: now,
            updated_at: now,
            counts: Counts::default(),
            log: None,
            parcel: None,
            epoch: Epoch(0),
            lease: None,
            event_count: 1,
            event_link: Link::START.after(&created),
            version: 0,
        };
        self.insert_under_free_id(&mut tx, &mut row).await?;
        self.insert_revision(&mut tx, &row, &new.manifest).await?;
        chain::insert(&mut tx, row.seq, 0, &created, &row.event_link).await?;
        tx.commit().await?;
        Ok(row.into_job(new.manifest))
    }

    pub(super) async fn replace_manifest(
        &self,
        id: &JobId,
        update: Update,
        now: Timestamp,
    ) -> Result<Job> {
        let mut tx = self.write().await?;
        let mut row = row::load_of(&mut tx, update.account, id).await?;
        let detail = format!("{}, revision {}", update.job_type.code(), row.revision + 1);
        let actor = Actor::Customer(update.access_key_id.clone());
        chain::change(&mut tx, &mut row, Change::Update, actor, &detail, now).await?;
        if row.revision > REVISIONS_MAX {
            return Err(Error::TooManyRevisions {
                limit: REVISIONS_MAX,
            });
        }
        locks::forget_reason(&mut tx, &row).await?;
        row.revision += 1;
        row.job_type = update.job_type;
        row.access_key_id = update.access_key_id;
        self.insert_revision(&mut tx, &row, &update.manifest)
            .await?;
        row::save(&mut tx, &mut row).await?;
        tx.commit().await?;
        Ok(row.into_job(update.manifest))
    }

    pub(super) async fn cancel(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<Job> {
        let mut tx = self.write().await?;
        let mut row = row::load_of(&mut tx, account, id).await?;
        let actor = Actor::Customer(access_key_id.to_owned());
        chain::change(&mut tx, &mut row, Change::Cancel, actor, "", now).await?;
        row::save(&mut tx, &mut row).await?;
        let job = self.with_manifest(&mut tx, row).await?;
        tx.commit().await?;
        Ok(job)
    }

    pub(super) async fn page(
        &self,
        account: AccountId,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<JobPage> {
        let mut tx = self.read().await?;
        let before = match after {
            Some(id) => row::load_of(&mut tx, account, id).await?.seq,
            None => i64::MAX,
        };
        // One more than asked tells whether others follow.
        let rows = sqlx::query(
            "SELECT id, job_type, location, progress, created_at FROM jobs \
             WHERE account = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
        )
        .bind(account.0)
        .bind(before)
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *tx)
        .await?;
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(JobPage {
            more: rows.len() > shown,
            jobs: rows
                .iter()
                .take(shown)
                .map(row::summary)
                .collect::<Result<_>>()?,
        })
    }

    pub(super) async fn expire(
        &self,
        created_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<JobId>> {
        let mut tx = self.write().await?;
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM jobs WHERE location = 'NotReceived' AND progress = 'Pending' \
             AND created_at < ? ORDER BY created_at LIMIT ?",
        )
        .bind(micros(created_before))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
        let mut expired = Vec::with_capacity(ids.len());
        for id in ids {
            let id = JobId::parse(&id).map_err(|_| Error::Corrupt("a job id is none"))?;
            let mut row = row::load(&mut tx, &id).await?;
            chain::change(&mut tx, &mut row, Change::Expire, Actor::Server, "", now).await?;
            row::save(&mut tx, &mut row).await?;
            expired.push(id);
        }
        tx.commit().await?;
        Ok(expired)
    }

    pub(super) async fn totals(&self) -> Result<Vec<(JobType, Progress, u64)>> {
        let rows = sqlx::query(
            "SELECT job_type, progress, COUNT(*) AS jobs FROM jobs \
             GROUP BY job_type, progress ORDER BY job_type, progress",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let jobs: i64 = row.try_get("jobs")?;
                Ok((
                    row::job_type(row)?,
                    row::progress(row)?,
                    jobs.unsigned_abs(),
                ))
            })
            .collect()
    }

    /// A job with the manifest in force, in one statement: customers ask for nothing as often.
    pub(super) async fn whole_job(&self, id: &JobId) -> Result<Option<Job>> {
        let found = sqlx::query(
            "SELECT jobs.*, revisions.sealed_manifest, locks.reason AS lock_reason, \
             locks.sealed_password FROM jobs LEFT JOIN revisions \
             ON revisions.job = jobs.seq AND revisions.revision = jobs.revision \
             LEFT JOIN locks ON locks.job = jobs.seq WHERE jobs.id = ?",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let row = row::read(&found)?;
        let sealed: Option<Vec<u8>> = found.try_get("sealed_manifest")?;
        let sealed = sealed.ok_or(Error::Corrupt("a job has no manifest"))?;
        let text = self.seal.open(&place(&row.id, row.revision), &sealed)?;
        let lock = self.lock(&row.id, &found)?;
        Ok(Some(Job {
            lock,
            ..row.into_job(Secret::new(text.as_str()))
        }))
    }

    /// The job with the manifest in force.
    pub(super) async fn with_manifest(&self, conn: &mut SqliteConnection, row: Row) -> Result<Job> {
        let revision = self.revision_of(conn, &row, row.revision).await?;
        let revision = revision.ok_or(Error::Corrupt("a job has no manifest"))?;
        Ok(row.into_job(revision.manifest))
    }

    pub(super) async fn revision_of(
        &self,
        conn: &mut SqliteConnection,
        row: &Row,
        revision: u32,
    ) -> Result<Option<Revision>> {
        let found = sqlx::query("SELECT * FROM revisions WHERE job = ? AND revision = ?")
            .bind(row.seq)
            .bind(revision)
            .fetch_optional(conn)
            .await?;
        let Some(found) = found else { return Ok(None) };
        let sealed: Vec<u8> = found.try_get("sealed_manifest")?;
        let text = self.seal.open(&place(&row.id, revision), &sealed)?;
        Ok(Some(Revision {
            revision,
            job_type: row::job_type(&found)?,
            access_key_id: found.try_get("access_key_id")?,
            manifest: Secret::new(text.as_str()),
            at: from_micros(found.try_get("at")?)?,
        }))
    }

    async fn insert_revision(
        &self,
        conn: &mut SqliteConnection,
        row: &Row,
        manifest: &Manifest,
    ) -> Result<()> {
        sqlx::query(
            "INSERT INTO revisions (job, revision, job_type, access_key_id, sealed_manifest, at) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(row.seq)
        .bind(row.revision)
        .bind(row.job_type.code())
        .bind(&row.access_key_id)
        .bind(
            self.seal
                .seal(&place(&row.id, row.revision), manifest.expose())?,
        )
        .bind(micros(row.updated_at))
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Inserts the row, under another id for as long as its own is taken.
    async fn insert_under_free_id(&self, conn: &mut SqliteConnection, row: &mut Row) -> Result<()> {
        for _ in 0..DRAWS_MAX {
            if row::insert(conn, row).await? {
                return Ok(());
            }
            row.id = self.draw_id()?;
        }
        Err(Error::Random)
    }

    fn draw_id(&self) -> Result<JobId> {
        for _ in 0..DRAWS_MAX {
            if let Some(id) = JobId::from_random(&self.random()?) {
                return Ok(id);
            }
        }
        Err(Error::Random)
    }
}

async fn check_quota(
    conn: &mut SqliteConnection,
    account: AccountId,
    limit: u32,
    now: Timestamp,
) -> Result<()> {
    let since = now.checked_sub(QUOTA_SPAN).unwrap_or(Timestamp::MIN);
    let created: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM jobs WHERE account = ? AND created_at > ?")
            .bind(account.0)
            .bind(micros(since))
            .fetch_one(conn)
            .await?;
    if created < i64::from(limit) {
        Ok(())
    } else {
        Err(Error::QuotaExceeded { limit })
    }
}
