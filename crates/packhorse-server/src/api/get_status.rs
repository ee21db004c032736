//! GetStatus: where a job stands.

use packhorse_store::AccessKey;
use packhorse_wire::actions::{GetStatus, GetStatusAnswer};
use packhorse_wire::fault::Fault;

use super::faults::lookup_fault;
use super::{job_id, manifest, messages};
use crate::context::Context;

pub(super) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: GetStatus,
) -> Result<GetStatusAnswer, Fault> {
    let id = job_id::read(&asked.job_id)?;
    let job = context.store.job(caller.account, &id).await;
    let job = job.map_err(|error| lookup_fault(error, &asked.job_id))?;
    let (signature, signature_file_contents) = job_id::signed(context, caller.account, id.as_str());
    let facility = context.settings.facility.as_ref();
    Ok(GetStatusAnswer {
        job_id: id.as_str().to_owned(),
        job_type: job.job_type,
        location_code: job.state.location,
        location_message: messages::location(job.state.location).to_owned(),
        progress_code: job.state.progress,
        progress_message: messages::progress(&job),
        carrier: None,
        tracking_number: None,
        error_count: job.counts.failed,
        signature,
        signature_file_contents,
        current_manifest: manifest::redacted(job.manifest.expose()).await?,
        creation_date: job.created_at,
        aws_shipping_address: facility.map(|facility| facility.address_for(id.as_str())),
        artifacts: Vec::new(),
        log_bucket: job.log.as_ref().map(|log| log.bucket.clone()),
        log_key: job.log.map(|log| log.key),
    })
}
