//! Keeps a lease alive while its load runs, and stops the load when the lease is lost.

use std::time::Duration;

use packhorse_core::id::{Epoch, JobId};
use packhorse_transfer::Meter;
use packhorse_wire::desk::{Lease, RefusalCode, Renew};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, DeskError};

/// A lease is renewed this often: a quarter of its life.
const RENEW_EVERY: Duration = Duration::from_secs(15);
/// The first report of progress comes sooner, so that a short load shows it too.
const RENEW_FIRST: Duration = Duration::from_secs(2);

/// Begins to keep `lease`, until `running` is cancelled or, by the keeper itself, lost.
pub(crate) fn start(
    desk: &Desk,
    lease: &Lease,
    meter: &Meter,
    running: &CancellationToken,
) -> JoinHandle<bool> {
    let (desk, id) = (desk.clone(), lease.job_id.clone());
    let (meter, running) = (meter.clone(), running.clone());
    tokio::spawn(keep(desk, id, lease.epoch, meter, running))
}

/// Renews until `stop`. Gives whether the lease was lost; then it has cancelled `stop` itself.
///
/// A desk out of reach is no loss: what the load stores meanwhile is what the owner asked for, and
/// if somebody else claimed the job the next answer says so.
async fn keep(
    desk: Desk,
    job_id: JobId,
    epoch: Epoch,
    meter: Meter,
    stop: CancellationToken,
) -> bool {
    let mut pause = RENEW_FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(pause) => {}
        }
        pause = RENEW_EVERY;
        match desk
            .renew(
                &job_id,
                &Renew {
                    epoch,
                    counts: meter.counts(),
                },
            )
            .await
        {
            Ok(_) => {}
            Err(DeskError::Refused(refusal)) => {
                let lost = matches!(
                    refusal.code,
                    RefusalCode::StaleEpoch | RefusalCode::WrongState | RefusalCode::UnknownJob
                );
                tracing::warn!(job.id = %job_id, reason = %refusal, lost, "the desk refuses");
                if lost {
                    stop.cancel();
                    return true;
                }
            }
            Err(DeskError::Unauthorized) => {
                tracing::warn!(job.id = %job_id, "the desk no longer knows this station");
            }
            Err(DeskError::Unreachable(what) | DeskError::Strange(what)) => {
                tracing::warn!(job.id = %job_id, error = what, "cannot renew the lease");
                pause = RENEW_FIRST;
            }
        }
    }
}
