//! UpdateJob: a new manifest replaces the old one wholly; even the job type may change.

use packhorse_core::job::Change;
use packhorse_core::secret::Secret;
use packhorse_store::{AccessKey, Error, REVISIONS_MAX, Update};
use packhorse_wire::actions::{UpdateJob, UpdateJobAnswer};
use packhorse_wire::fault::Fault;

use super::faults::{change_fault, state_fault};
use super::{job_id, manifest};
use crate::artifacts;
use crate::context::Context;

pub(crate) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: UpdateJob,
) -> Result<UpdateJobAnswer, Fault> {
    let refuse = |error| change_fault(error, &asked.job_id, Fault::unable_to_update);
    let id = job_id::read(&asked.job_id)?;
    let job = context
        .store
        .job(caller.account, &id)
        .await
        .map_err(refuse)?;
    // Said before the manifest is looked at: who cannot update need not mend it.
    job.state
        .after(Change::Update)
        .map_err(|at| state_fault(&asked.job_id, at.from.progress, Fault::unable_to_update))?;
    if job.revision > REVISIONS_MAX {
        let limit = REVISIONS_MAX;
        return Err(refuse(Error::TooManyRevisions { limit }));
    }
    let warning_message = manifest::check(context, caller, &asked.manifest, asked.job_type).await?;
    let mut artifacts = Vec::new();
    if !asked.validate_only {
        let update = Update {
            account: caller.account,
            access_key_id: caller.id.clone(),
            job_type: asked.job_type,
            manifest: Secret::new(asked.manifest),
        };
        let updated = context.store.update_job(&id, update, context.now()).await;
        artifacts = artifacts::list(context, caller, &updated.map_err(refuse)?);
        tracing::info!(job.id = %id, "a job was updated");
    }
    Ok(UpdateJobAnswer {
        success: true,
        warning_message,
        artifacts,
    })
}
