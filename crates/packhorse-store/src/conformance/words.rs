//! What the cases say over and over.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use packhorse_core::id::{Epoch, JobId};
use packhorse_core::job::JobType;
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;

use crate::{AccessKey, Claim, ClaimedJob, Finish, Holder, Job, LogObject, NewJob, Store, Update};

pub(super) const TTL: Duration = Duration::from_secs(60);

/// Seconds after a fixed moment.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000)
        .unwrap()
        .checked_add(SignedDuration::from_secs(second))
        .unwrap()
}

pub(super) async fn account(store: &Arc<dyn Store>, name: &str) -> AccessKey {
    store.create_account(name, None, at(0)).await.unwrap()
}

pub(super) fn new_job(owner: &AccessKey, manifest: &str) -> NewJob {
    NewJob {
        id: None,
        account: owner.account,
        access_key_id: owner.id.clone(),
        job_type: JobType::Import,
        manifest: Secret::new(manifest),
        jobs_per_day: 1_000_000,
    }
}

pub(super) fn update(owner: &AccessKey, manifest: &str) -> Update {
    Update {
        account: owner.account,
        access_key_id: owner.id.clone(),
        job_type: JobType::Export,
        manifest: Secret::new(manifest),
    }
}

pub(super) async fn job(store: &Arc<dyn Store>, owner: &AccessKey) -> Job {
    let new = new_job(owner, "manifest");
    store.create_job(new, at(1)).await.unwrap()
}

pub(super) fn claim(id: &JobId, station: &str) -> Claim {
    Claim {
        job: id.clone(),
        job_type: packhorse_core::job::JobType::Import,
        station: station.to_owned(),
        device: "disk-1".to_owned(),
        ttl: TTL,
    }
}

pub(super) fn holder(claimed: &ClaimedJob, station: &str) -> Holder {
    held(&claimed.job.id, station, claimed.epoch)
}

pub(super) fn held(id: &JobId, station: &str, epoch: Epoch) -> Holder {
    Holder {
        job: id.clone(),
        station: station.to_owned(),
        epoch,
    }
}

pub(super) fn counts(stored: u64, failed: u64) -> Counts {
    Counts {
        listed: stored + failed,
        stored,
        failed,
        ..Counts::default()
    }
}

pub(super) fn finish(stored: u64, failed: u64) -> Finish {
    Finish {
        counts: counts(stored, failed),
        log: LogObject {
            bucket: "logs".to_owned(),
            key: "import-log-X".to_owned(),
        },
    }
}

/// Everything that can be seen of a job, to tell that nothing changed.
pub(super) async fn snapshot(store: &Arc<dyn Store>, id: &JobId) -> String {
    let job = store.find_job(id).await.unwrap().unwrap();
    let events = store.events(id).await.unwrap();
    format!("{job:?} {} {events:?}", job.manifest.expose())
}
