//! CreateJob: a manifest becomes a job, or is only checked.

use packhorse_core::id::JobId;
use packhorse_core::secret::Secret;
use packhorse_store::{AccessKey, Job, NewJob};
use packhorse_wire::actions::{CreateJob, CreateJobAnswer};
use packhorse_wire::fault::Fault;

use super::{job_id, manifest, store_fault};
use crate::artifacts;
use crate::context::Context;

/// With an `id`, asking again gives the job that was made the first time.
pub(crate) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: CreateJob,
    id: Option<JobId>,
) -> Result<CreateJobAnswer, Fault> {
    let job_type = asked.job_type;
    let warning_message = manifest::check(context, caller, &asked.manifest, job_type).await?;
    let (id, artifacts) = match asked.validate_only {
        true => (job_id::invented()?, Vec::new()),
        false => {
            let job = create(context, caller, asked, id).await?;
            let artifacts = artifacts::list(context, caller, &job);
            (job.id.as_str().to_owned(), artifacts)
        }
    };
    let (signature, signature_file_contents) = job_id::signed(context, caller.account, &id);
    let facility = context.settings.facility.as_ref();
    Ok(CreateJobAnswer {
        job_type,
        signature,
        signature_file_contents,
        warning_message,
        aws_shipping_address: facility.map(|facility| facility.address_for(&id)),
        artifacts,
        job_id: id,
    })
}

async fn create(
    context: &Context,
    caller: &AccessKey,
    asked: CreateJob,
    id: Option<JobId>,
) -> Result<Job, Fault> {
    let new = NewJob {
        account: caller.account,
        access_key_id: caller.id.clone(),
        job_type: asked.job_type,
        manifest: Secret::new(asked.manifest),
        jobs_per_day: context.settings.jobs_per_day,
        id,
    };
    let job = context.store.create_job(new, context.now()).await;
    let job = job.map_err(store_fault)?;
    tracing::info!(job.id = %job.id, "a job was created");
    Ok(job)
}
