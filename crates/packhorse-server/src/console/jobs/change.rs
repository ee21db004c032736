//! What a customer does to a job from its page: cancel it, unlock its device.

use axum::response::{IntoResponse, Response};
use packhorse_store::AccessKey;
use packhorse_wire::actions::{CancelJob, UnlockJob};
use packhorse_wire::fault::Fault;

use super::job::{self, Said};
use crate::api::{cancel_job, unlock_job};
use crate::console::enter::Visit;
use crate::console::{Console, answer};

/// `POST /console/jobs/ID/cancel`
pub(in crate::console) async fn cancel(console: &Console, visit: Visit<AccessKey>) -> Response {
    let asked = CancelJob {
        job_id: visit.job().to_owned(),
        api_version: None,
    };
    let done = cancel_job::run(&console.context, &visit.who, asked).await;
    back(console, &visit, done.map(drop)).await
}

/// `POST /console/jobs/ID/unlock`
pub(in crate::console) async fn unlock(console: &Console, visit: Visit<AccessKey>) -> Response {
    let asked = UnlockJob::new(visit.job().to_owned(), visit.form.get("password"));
    let done = match asked {
        Ok(asked) => unlock_job::run(&console.context, &visit.who, asked).await,
        Err(fault) => Err(fault),
    };
    back(console, &visit, done.map(drop)).await
}

/// To the job's page, or that page with the reason why nothing happened.
async fn back(console: &Console, visit: &Visit<AccessKey>, done: Result<(), Fault>) -> Response {
    let id = visit.job();
    match done {
        Ok(()) => answer::go(&format!("/console/jobs/{id}")),
        Err(fault) => match job::show(console, visit, id, Said::Refusal(&fault)).await {
            Ok(page) => page,
            Err(no) => no.into_response(),
        },
    }
}
