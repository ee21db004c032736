//! UnlockJob: the customer gives the password of a device that is there and encrypted. It is kept
//! sealed until the job is over.

use packhorse_store::AccessKey;
use packhorse_wire::actions::{UnlockJob, UnlockJobAnswer};
use packhorse_wire::fault::Fault;

use super::faults::change_fault;
use super::job_id;
use crate::context::Context;

pub(crate) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: UnlockJob,
) -> Result<UnlockJobAnswer, Fault> {
    let id = job_id::read(&asked.job_id)?;
    let now = context.now();
    let kept = context
        .store
        .unlock_job(caller.account, &id, &caller.id, &asked.password, now);
    kept.await
        .map_err(|error| change_fault(error, &asked.job_id, Fault::unable_to_update))?;
    tracing::info!(job.id = %id, "the customer gave a password");
    Ok(UnlockJobAnswer { success: true })
}
