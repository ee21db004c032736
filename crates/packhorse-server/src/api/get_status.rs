//! GetStatus: where a job stands.

use packhorse_core::job::Progress;
use packhorse_store::{AccessKey, Job};
use packhorse_wire::actions::{GetStatus, GetStatusAnswer};
use packhorse_wire::fault::Fault;

use super::faults::lookup_fault;
use super::{job_id, messages};
use crate::artifacts;
use crate::context::Context;

pub(super) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: GetStatus,
) -> Result<GetStatusAnswer, Fault> {
    let job = find(context, caller, &asked.job_id).await?;
    let id = job.id.clone();
    let (signature, signature_file_contents) = job_id::signed(context, caller.account, id.as_str());
    let facility = context.settings.facility.as_ref();
    Ok(GetStatusAnswer {
        job_id: id.as_str().to_owned(),
        job_type: job.job_type,
        location_code: job.state.location,
        location_message: messages::location(job.state.location).to_owned(),
        progress_code: job.state.progress,
        progress_message: messages::progress(&job),
        carrier: job.parcel.as_ref().map(|parcel| parcel.carrier.clone()),
        tracking_number: job
            .parcel
            .as_ref()
            .map(|parcel| parcel.tracking_number.clone()),
        error_count: job.counts.failed,
        signature,
        signature_file_contents,
        current_manifest: match asked.manifest_secrets {
            true => job.manifest.expose().to_owned(),
            false => context.redactions.of(job.manifest.expose()).await?,
        },
        creation_date: job.created_at,
        aws_shipping_address: facility.map(|facility| facility.address_for(id.as_str())),
        artifacts: artifacts::list(context, caller, &job),
        log_bucket: job.log.as_ref().map(|log| log.bucket.clone()),
        log_key: job.log.map(|log| log.key),
    })
}

/// The caller's job of this id, if it still has a status.
pub(crate) async fn find(context: &Context, caller: &AccessKey, text: &str) -> Result<Job, Fault> {
    let id = job_id::read(text)?;
    let job = context.store.job(caller.account, &id).await;
    let job = job.map_err(|error| lookup_fault(error, text))?;
    check_shown(context, &job, text)?;
    Ok(job)
}

/// A job that was given up still has a status for a while, as the original's had; then it is "out
/// of the system". ListJobs still lists it.
fn check_shown(context: &Context, job: &Job, id: &str) -> Result<(), Fault> {
    let closed_for = context.now().duration_since(job.updated_at);
    if closed_for <= context.settings.closed_jobs_shown {
        return Ok(());
    }
    match job.state.progress {
        Progress::Canceled => Err(Fault::canceled_job(id)),
        Progress::Expired => Err(Fault::expired_job(id)),
        Progress::Pending
        | Progress::InProgress
        | Progress::Complete
        | Progress::SuccessWithErrors
        | Progress::MissingSignature
        | Progress::InvalidSignature
        | Progress::DeviceError
        | Progress::UnsupportedFileFormat
        | Progress::UnsupportedDeviceType
        | Progress::MissingDevice => Ok(()),
    }
}
