//! What the owner of a job does with it, and expiry.

use jiff::{SignedDuration, Timestamp};
use packhorse_core::event::{Actor, Link};
use packhorse_core::id::{AccountId, Epoch, JobId};
use packhorse_core::job::{Change, JobType, Progress, State};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;

use super::row::{self, Row};
use super::{Verbs, chain, locks};
use crate::database::{Record, Session};
use crate::error::{Error, Result};
use crate::time::{cut, from_micros, micros};
use crate::types::{Job, JobPage, Manifest, NewJob, REVISIONS_MAX, Revision, Update};

/// The span over which created jobs are counted.
const QUOTA_SPAN: SignedDuration = SignedDuration::from_hours(24);
/// Draws of a job id before giving up. With 34^8 ids the second draw is already a rarity.
const DRAWS_MAX: usize = 16;

/// Jobs have numbers, which listing follows. Each account counts its own, from its id times this on:
/// numbers of different accounts never meet, so that two accounts that create at once have nothing in
/// common to wait for. (Smaller numbers are of an earlier version, which counted all jobs together.)
const NUMBERS_OF_ACCOUNT: i64 = 1 << 32;

/// Where a manifest is sealed: in its job and revision.
fn place(id: &JobId, revision: u32) -> String {
    format!("manifest {revision} of {id}")
}

impl Verbs {
    pub(super) async fn insert_job(&self, new: &NewJob, now: Timestamp) -> Result<Job> {
        let now = cut(now);
        let mut session = self.database.write().await?;
        if let Some(made) = self.made_before(&mut session, new).await? {
            return Ok(made);
        }
        let seq = self.next_in_quota(&mut session, new, now).await?;
        let actor = Actor::Customer(new.access_key_id.clone());
        let created = chain::event(actor, Change::Create.code(), new.job_type.code(), now);
        let mut row = Row {
            seq,
            id: match &new.id {
                Some(id) => id.clone(),
                None => self.draw_id()?,
            },
            account: new.account,
            access_key_id: new.access_key_id.clone(),
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
        self.insert_under_free_id(&mut session, &mut row, new)
            .await?;
        self.insert_revision(&mut session, &row, &new.manifest)
            .await?;
        chain::insert(&mut session, row.seq, 0, &created, &row.event_link).await?;
        session.commit().await?;
        Ok(row.into_job(new.manifest.clone()))
    }

    pub(super) async fn replace_manifest(
        &self,
        id: &JobId,
        update: &Update,
        now: Timestamp,
    ) -> Result<Job> {
        let mut session = self.database.write().await?;
        let mut row = row::load_of(&mut session, update.account, id).await?;
        let detail = format!("{}, revision {}", update.job_type.code(), row.revision + 1);
        let actor = Actor::Customer(update.access_key_id.clone());
        chain::change(&mut session, &mut row, Change::Update, actor, &detail, now).await?;
        if row.revision > REVISIONS_MAX {
            return Err(Error::TooManyRevisions {
                limit: REVISIONS_MAX,
            });
        }
        locks::forget_reason(&mut session, &row).await?;
        row.revision += 1;
        row.job_type = update.job_type;
        row.access_key_id = update.access_key_id.clone();
        self.insert_revision(&mut session, &row, &update.manifest)
            .await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
        Ok(row.into_job(update.manifest.clone()))
    }

    pub(super) async fn cancel(
        &self,
        account: AccountId,
        id: &JobId,
        access_key_id: &str,
        now: Timestamp,
    ) -> Result<Job> {
        let mut session = self.database.write().await?;
        let mut row = row::load_of(&mut session, account, id).await?;
        let actor = Actor::Customer(access_key_id.to_owned());
        chain::change(&mut session, &mut row, Change::Cancel, actor, "", now).await?;
        row::save(&mut session, &mut row).await?;
        let job = self.with_manifest(&mut session, row).await?;
        session.commit().await?;
        Ok(job)
    }

    pub(super) async fn page(
        &self,
        account: AccountId,
        after: Option<&JobId>,
        limit: u32,
    ) -> Result<JobPage> {
        let mut session = self.database.read().await?;
        let before = match after {
            Some(id) => row::load_of(&mut session, account, id).await?.seq,
            None => i64::MAX,
        };
        // One more than asked tells whether others follow.
        let records = session
            .all(
                "SELECT id, job_type, location, progress, counts, created_at FROM jobs \
                 WHERE account = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
                &[
                    account.0.into(),
                    before.into(),
                    (i64::from(limit) + 1).into(),
                ],
            )
            .await?;
        let shown = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(JobPage {
            more: records.len() > shown,
            jobs: records
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
        let mut session = self.database.write().await?;
        let overdue = session
            .all(
                "SELECT * FROM jobs WHERE location = 'NotReceived' AND progress = 'Pending' \
                 AND created_at < $1 ORDER BY created_at, seq LIMIT $2",
                &[micros(created_before).into(), limit.into()],
            )
            .await?;
        let mut expired = Vec::with_capacity(overdue.len());
        for record in &overdue {
            let mut row = row::read(record)?;
            let (change, actor) = (Change::Expire, Actor::Server);
            chain::change(&mut session, &mut row, change, actor, "", now).await?;
            row::save(&mut session, &mut row).await?;
            expired.push(row.id);
        }
        session.commit().await?;
        Ok(expired)
    }

    pub(super) async fn totals(&self) -> Result<Vec<(JobType, Progress, u64)>> {
        let mut session = self.database.single().await?;
        let records = session
            .all(
                "SELECT job_type, progress, COUNT(*) AS jobs FROM jobs GROUP BY job_type, progress",
                &[],
            )
            .await?;
        let total = |record: &Record| {
            let jobs: i64 = record.get("jobs")?;
            Ok((
                row::job_type(record)?,
                row::progress(record)?,
                jobs.unsigned_abs(),
            ))
        };
        let mut totals: Vec<_> = records.iter().map(total).collect::<Result<_>>()?;
        totals.sort_by_key(|(kind, progress, _)| (kind.code(), progress.code()));
        Ok(totals)
    }

    /// A job with the manifest in force, in one statement: customers ask for nothing as often.
    pub(super) async fn whole_job(&self, id: &JobId) -> Result<Option<Job>> {
        let mut session = self.database.single().await?;
        let found = session
            .optional(
                "SELECT jobs.*, revisions.sealed_manifest, locks.reason AS lock_reason, \
                 locks.sealed_password FROM jobs LEFT JOIN revisions \
                 ON revisions.job = jobs.seq AND revisions.revision = jobs.revision \
                 LEFT JOIN locks ON locks.job = jobs.seq WHERE jobs.id = $1",
                &[id.as_str().into()],
            )
            .await?;
        let Some(found) = found else { return Ok(None) };
        let row = row::read(&found)?;
        let sealed: Option<Vec<u8>> = found.get("sealed_manifest")?;
        let sealed = sealed.ok_or(Error::Corrupt("a job has no manifest"))?;
        let text = self.seal.open(&place(&row.id, row.revision), &sealed)?;
        let lock = self.lock(&row.id, &found)?;
        Ok(Some(Job {
            lock,
            ..row.into_job(Secret::new(text.as_str()))
        }))
    }

    /// The job with the manifest in force.
    pub(super) async fn with_manifest(&self, session: &mut Session, row: Row) -> Result<Job> {
        let revision = self.revision_of(session, &row, row.revision).await?;
        let revision = revision.ok_or(Error::Corrupt("a job has no manifest"))?;
        Ok(row.into_job(revision.manifest))
    }

    pub(super) async fn revision_of(
        &self,
        session: &mut Session,
        row: &Row,
        revision: u32,
    ) -> Result<Option<Revision>> {
        let found = session
            .optional(
                "SELECT * FROM revisions WHERE job = $1 AND revision = $2",
                &[row.seq.into(), revision.into()],
            )
            .await?;
        let Some(found) = found else { return Ok(None) };
        let sealed: Vec<u8> = found.get("sealed_manifest")?;
        let text = self.seal.open(&place(&row.id, revision), &sealed)?;
        Ok(Some(Revision {
            revision,
            job_type: row::job_type(&found)?,
            access_key_id: found.get("access_key_id")?,
            manifest: Secret::new(text.as_str()),
            at: from_micros(found.get("at")?)?,
        }))
    }

    /// The job that the same request made before.
    async fn made_before(&self, session: &mut Session, new: &NewJob) -> Result<Option<Job>> {
        let Some(id) = &new.id else { return Ok(None) };
        match row::load_of(session, new.account, id).await {
            Ok(row) => self.with_manifest(session, row).await.map(Some),
            Err(Error::UnknownJob) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn insert_revision(
        &self,
        session: &mut Session,
        row: &Row,
        manifest: &Manifest,
    ) -> Result<()> {
        let place = place(&row.id, row.revision);
        let sealed = self.seal.seal(&place, manifest.expose())?;
        session
            .execute(
                "INSERT INTO revisions \
                 (job, revision, job_type, access_key_id, sealed_manifest, at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    row.seq.into(),
                    row.revision.into(),
                    row.job_type.code().into(),
                    row.access_key_id.as_str().into(),
                    sealed.as_slice().into(),
                    micros(row.updated_at).into(),
                ],
            )
            .await
            .map(drop)
    }

    /// Inserts the row, under another id for as long as its own is taken.
    async fn insert_under_free_id(
        &self,
        session: &mut Session,
        row: &mut Row,
        new: &NewJob,
    ) -> Result<()> {
        for _ in 0..DRAWS_MAX {
            if row::insert(session, row).await? {
                return Ok(());
            }
            // The same request came twice at once: this one is repeated, and finds the other's job.
            if self.made_before(session, new).await?.is_some() {
                return Err(Error::Conflict);
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

    /// The number of a new job, if the account may have one more.
    async fn next_in_quota(
        &self,
        session: &mut Session,
        new: &NewJob,
        now: Timestamp,
    ) -> Result<i64> {
        let since = now.checked_sub(QUOTA_SPAN).unwrap_or(Timestamp::MIN);
        let found = session
            .one(
                "SELECT (SELECT COUNT(*) FROM jobs WHERE account = $1 AND created_at > $2) \
                 AS created, (SELECT MAX(seq) FROM jobs WHERE account = $1) AS last",
                &[new.account.0.into(), micros(since).into()],
            )
            .await?;
        if found.get::<i64>("created")? >= i64::from(new.jobs_per_day) {
            let limit = new.jobs_per_day;
            return Err(Error::QuotaExceeded { limit });
        }
        next_number(new.account, found.get("last")?)
    }
}

/// The number after `last`, the account's newest.
fn next_number(account: AccountId, last: Option<i64>) -> Result<i64> {
    let first = account.0.checked_mul(NUMBERS_OF_ACCOUNT);
    let first = first.ok_or(Error::Corrupt("an account's number is too large"))?;
    Ok(last.unwrap_or(first).max(first) + 1)
}
