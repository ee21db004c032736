//! CancelJob: gives a job up before its device is loaded.

use packhorse_store::AccessKey;
use packhorse_wire::actions::{CancelJob, CancelJobAnswer};
use packhorse_wire::fault::Fault;

use super::faults::change_fault;
use super::job_id;
use crate::context::Context;

pub(crate) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: CancelJob,
) -> Result<CancelJobAnswer, Fault> {
    let id = job_id::read(&asked.job_id)?;
    let now = context.now();
    let canceled = context
        .store
        .cancel_job(caller.account, &id, &caller.id, now);
    canceled
        .await
        .map_err(|error| change_fault(error, &asked.job_id, Fault::unable_to_cancel))?;
    tracing::info!(job.id = %id, "a job was canceled");
    Ok(CancelJobAnswer { success: true })
}
