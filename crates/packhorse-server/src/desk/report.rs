//! A station reports: it goes on, it is done, it cannot.

use packhorse_core::event::Actor;
use packhorse_core::id::{Epoch, JobId};
use packhorse_core::job::ABORTS;
use packhorse_core::ledger::Counts;
use packhorse_store::{self as store, Holder};
use packhorse_wire::desk::{Abort, Finish, Finished, LogObject, RefusalCode, Renew, Renewed};
use packhorse_wire::xml;

use super::LEASE_TTL;
use super::refusals::{Failure, refuse, store_failure};
use crate::context::Context;

/// Longest bucket name anywhere.
const BUCKET_BYTES_MAX: usize = 255;
/// Longest key of S3.
const KEY_BYTES_MAX: usize = 1024;

pub(super) async fn renew(
    context: &Context,
    station: &str,
    job: &JobId,
    message: Renew,
) -> Result<Renewed, Failure> {
    settled(&message.counts)?;
    let holder = holder(job, station, message.epoch);
    let now = context.now();
    let renewed = context.store.renew(&holder, message.counts, LEASE_TTL, now);
    renewed.await.map_err(store_failure)?;
    Ok(Renewed {
        ttl_seconds: LEASE_TTL.as_secs(),
    })
}

pub(super) async fn finish(
    context: &Context,
    station: &str,
    job: &JobId,
    message: Finish,
) -> Result<Finished, Failure> {
    if settled(&message.counts)? != message.counts.listed {
        let text = "a load is finished only when every entry listed has an outcome";
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    let log = log(LogObject {
        bucket: message.log_bucket,
        key: message.log_key,
    })?;
    let finish = store::Finish {
        counts: message.counts,
        log,
    };
    let holder = holder(job, station, message.epoch);
    let finished = context.store.finish(&holder, finish, context.now()).await;
    let progress = finished.map_err(store_failure)?;
    tracing::info!(job.id = %job, station, code = progress.code(), "a job was loaded");
    Ok(Finished { progress })
}

pub(super) async fn abort(
    context: &Context,
    station: &str,
    job: &JobId,
    message: Abort,
) -> Result<Finished, Failure> {
    settled(&message.counts)?;
    if !ABORTS.contains(&message.code) {
        let text = format!("{} is no abort code", message.code.code());
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    let now = context.now();
    let aborted = match message.epoch {
        Some(epoch) => {
            let abort = store::Abort {
                code: message.code,
                reason: message.reason,
                counts: message.counts,
                log: message.log.map(log).transpose()?,
            };
            let holder = holder(job, station, epoch);
            context.store.abort(&holder, abort, now).await
        }
        None => {
            let actor = Actor::Station(station.to_owned());
            let (code, reason) = (message.code, message.reason.as_str());
            context
                .store
                .abort_unclaimed(job, code, reason, actor, now)
                .await
        }
    };
    let progress = aborted.map_err(store_failure)?;
    tracing::info!(job.id = %job, station, code = progress.code(), "a job was aborted");
    Ok(Finished { progress })
}

fn holder(job: &JobId, station: &str, epoch: Epoch) -> Holder {
    Holder {
        job: job.clone(),
        station: station.to_owned(),
        epoch,
    }
}

/// How many entries have an outcome; an impossible total is refused.
fn settled(counts: &Counts) -> Result<u64, Failure> {
    let settled = counts
        .stored
        .checked_add(counts.ignored)
        .and_then(|sum| sum.checked_add(counts.failed));
    settled
        .filter(|settled| *settled <= counts.listed)
        .ok_or_else(|| {
            let text = "the counts say more outcomes than entries";
            refuse(RefusalCode::BadRequest, text)
        })
}

/// A report that GetStatus can name.
fn log(log: LogObject) -> Result<store::LogObject, Failure> {
    let LogObject { bucket, key } = log;
    let sized =
        (1..=BUCKET_BYTES_MAX).contains(&bucket.len()) && (1..=KEY_BYTES_MAX).contains(&key.len());
    if !sized || xml::unwritable(&bucket).is_some() || xml::unwritable(&key).is_some() {
        let text = "the place of the report is no bucket and key";
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    Ok(store::LogObject { bucket, key })
}
