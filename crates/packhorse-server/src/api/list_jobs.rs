//! ListJobs: the account's jobs, newest first, in pages.

use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_store::{AccessKey, Error, JobSummary};
use packhorse_wire::actions::{ListJobs, ListJobsAnswer, ListedJob};
use packhorse_wire::fault::Fault;

use super::store_fault;
use crate::context::Context;

pub(crate) async fn run(
    context: &Context,
    caller: &AccessKey,
    asked: ListJobs,
) -> Result<ListJobsAnswer, Fault> {
    let marker = asked.marker.as_deref().map(JobId::parse).transpose();
    let marker = marker.map_err(|_| unknown_marker())?;
    let listed = context
        .store
        .list_jobs(caller.account, marker.as_ref(), asked.max_jobs);
    let page = listed.await.map_err(|error| match error {
        Error::UnknownJob => unknown_marker(),
        other => store_fault(other),
    })?;
    Ok(ListJobsAnswer {
        jobs: page.jobs.into_iter().map(line).collect(),
        is_truncated: page.more,
    })
}

/// The model lists no fault about job ids for this action.
fn unknown_marker() -> Fault {
    Fault::invalid_parameter("Marker", "must be the id of one of your jobs")
}

fn line(job: JobSummary) -> ListedJob {
    ListedJob {
        job_id: job.id.as_str().to_owned(),
        creation_date: job.created_at,
        is_canceled: job.state.progress == Progress::Canceled,
        job_type: job.job_type,
    }
}
