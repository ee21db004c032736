//! Leases: what stations do with jobs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use packhorse_core::event::{Actor, Event};
use packhorse_core::id::{Epoch, JobId};
use packhorse_core::job::{Change, Progress};
use packhorse_core::ledger::Counts;

use super::row::{self, Row};
use super::{Verbs, chain, locks};
use crate::database::Session;
use crate::error::{Error, Result};
use crate::names::printable;
use crate::time::cut;
use crate::types::{Abort, Claim, ClaimedJob, Finish, Holder, LeaseTerm, LogObject};

/// The event of a refusal; no change of state.
const REFUSED: &str = "Refused";
/// Refusals, and other notes of one kind, for one job. Enough to see that somebody tries; no way to
/// fill a disk.
const REFUSALS_MAX: i64 = 100;

/// How a job ends, one way or the other.
pub(super) struct Ending {
    change: Change,
    detail: String,
    counts: Counts,
    log: Option<LogObject>,
}

impl From<Finish> for Ending {
    fn from(finish: Finish) -> Self {
        let Finish { counts, log } = finish;
        Self {
            change: match counts.failed {
                0 => Change::Complete,
                _ => Change::CompleteWithErrors,
            },
            detail: totals(&counts),
            counts,
            log: Some(kept(log)),
        }
    }
}

impl From<Abort> for Ending {
    fn from(abort: Abort) -> Self {
        Self {
            change: Change::Abort(abort.code),
            detail: format!("{}; {}", totals(&abort.counts), abort.reason),
            counts: abort.counts,
            log: abort.log.map(kept),
        }
    }
}

/// A place as every database keeps it.
fn kept(log: LogObject) -> LogObject {
    LogObject {
        bucket: printable(&log.bucket).into_owned(),
        key: printable(&log.key).into_owned(),
    }
}

fn totals(counts: &Counts) -> String {
    let Counts {
        listed,
        stored,
        stored_bytes,
        ignored,
        failed,
        ..
    } = counts;
    format!(
        "{listed} listed, {stored} stored ({stored_bytes} bytes), {ignored} ignored, {failed} failed"
    )
}

impl Verbs {
    pub(super) async fn lend(&self, claim: &Claim, now: Timestamp) -> Result<ClaimedJob> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, &claim.job).await?;
        if row.job_type != claim.job_type {
            return Err(Error::Conflict);
        }
        if let Some(lease) = live_lease(&row, now)
            && lease.station != claim.station
        {
            return Err(Error::Leased { until: lease.until });
        }
        let epoch = Epoch(row.epoch.0 + 1);
        let actor = Actor::Station(claim.station.clone());
        let detail = format!("lease {}, device {}", epoch.0, claim.device);
        chain::change(&mut session, &mut row, Change::Claim, actor, &detail, now).await?;
        let owner_key = self
            .owner_key(&mut session, row.account, &row.access_key_id)
            .await?;
        locks::forget_reason(&mut session, &row).await?;
        row.epoch = epoch;
        row.lease = Some(LeaseTerm {
            station: claim.station.clone(),
            device: printable(&claim.device).into_owned(),
            until: lapse(now, claim.ttl),
        });
        row::save(&mut session, &mut row).await?;
        let job = self.with_manifest(&mut session, row).await?;
        session.commit().await?;
        Ok(ClaimedJob {
            job,
            epoch,
            owner_key,
        })
    }

    pub(super) async fn keep(
        &self,
        holder: &Holder,
        counts: Counts,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<()> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, &holder.job).await?;
        check_holder(&row, holder)?;
        if row.state.progress.is_final() {
            return Err(Error::StaleEpoch);
        }
        if let Some(lease) = &mut row.lease {
            lease.until = lapse(now, ttl);
        }
        row.counts = counts;
        row.updated_at = cut(now);
        row::save(&mut session, &mut row).await?;
        session.commit().await
    }

    /// Ends a leased job. The lease's names stay in the row, so that a repeated call is known for
    /// what it is; it answers alike and changes nothing.
    pub(super) async fn end(
        &self,
        holder: &Holder,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Progress> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, &holder.job).await?;
        check_holder(&row, holder)?;
        if row.state.progress.is_final() && ended_so(&row, ending) {
            return Ok(row.state.progress);
        }
        let actor = Actor::Station(holder.station.clone());
        chain::change(
            &mut session,
            &mut row,
            ending.change,
            actor,
            &ending.detail,
            now,
        )
        .await?;
        row.counts = ending.counts;
        row.log = ending.log.clone();
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
        Ok(row.state.progress)
    }

    pub(super) async fn reject_device(
        &self,
        id: &JobId,
        code: Progress,
        reason: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Progress> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        match &row.lease {
            None if row.state.progress == code => return Ok(code),
            Some(lease) if row.state.progress == Progress::InProgress => {
                return Err(Error::Leased { until: lease.until });
            }
            _ => {}
        }
        chain::change(
            &mut session,
            &mut row,
            Change::Abort(code),
            actor.clone(),
            reason,
            now,
        )
        .await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await?;
        Ok(row.state.progress)
    }

    pub(super) async fn note_refusal(
        &self,
        id: &JobId,
        actor: &Actor,
        detail: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut session = self.database.write().await?;
        let mut row = row::load(&mut session, id).await?;
        let event = chain::event(actor.clone(), REFUSED, detail, now);
        if !worth_noting(&mut session, &row, &event).await? {
            return Ok(());
        }
        chain::append(&mut session, &mut row, event).await?;
        row::save(&mut session, &mut row).await?;
        session.commit().await
    }
}

/// Whether a note is neither the repetition of the last event nor one too many of its kind.
pub(super) async fn worth_noting(session: &mut Session, row: &Row, event: &Event) -> Result<bool> {
    let found = session
        .one(
            "SELECT (SELECT COUNT(*) FROM events WHERE job = $1 AND what = $2) AS refusals, \
             EXISTS (SELECT 1 FROM events WHERE job = $1 AND seq = $3 AND what = $2 \
             AND detail = $4) AS repeated",
            &[
                row.seq.into(),
                event.what.as_str().into(),
                (row.event_count - 1).into(),
                event.detail.as_str().into(),
            ],
        )
        .await?;
    let refusals: i64 = found.get("refusals")?;
    Ok(refusals < REFUSALS_MAX && !found.get::<bool>("repeated")?)
}

/// The lease that keeps others away, if the job is being loaded and the lease has not lapsed.
pub(super) fn live_lease(row: &Row, now: Timestamp) -> Option<&LeaseTerm> {
    let lease = row.lease.as_ref()?;
    let live = row.state.progress == Progress::InProgress && lease.until > now;
    live.then_some(lease)
}

/// Only the last lease counts, and only in the hands that it was given to.
fn check_holder(row: &Row, holder: &Holder) -> Result<()> {
    match &row.lease {
        Some(lease) if row.epoch == holder.epoch && lease.station == holder.station => Ok(()),
        _ => Err(Error::StaleEpoch),
    }
}

/// Whether the job ended just as it is asked to end now.
fn ended_so(row: &Row, ending: &Ending) -> bool {
    let progress = match ending.change {
        Change::Complete => Progress::Complete,
        Change::CompleteWithErrors => Progress::SuccessWithErrors,
        Change::Abort(code) => code,
        _ => return false,
    };
    row.state.progress == progress && row.counts == ending.counts && row.log == ending.log
}

fn lapse(now: Timestamp, ttl: Duration) -> Timestamp {
    let ttl = SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX);
    cut(now.checked_add(ttl).unwrap_or(Timestamp::MAX))
}
