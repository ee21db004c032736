//! All jobs of a customer, newest first.

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_store::{AccessKey, Error, JobSummary};

use super::standing::{badge, bar};
use crate::console::enter::{Visit, trouble};
use crate::console::form::query;
use crate::console::layout::Frame;
use crate::console::{Console, answer, units, words};

/// Jobs on one page: two screens.
const JOBS_ON_PAGE: u32 = 25;

/// `GET /console/jobs`
pub(in crate::console) async fn page(console: &Console, visit: Visit<AccessKey>) -> Response {
    // What is no job of this customer begins the list anew.
    let after = JobId::parse(visit.query.get("after")).ok();
    let list = async |after: Option<&JobId>| {
        let store = &console.context.store;
        store
            .list_jobs(visit.who.account, after, JOBS_ON_PAGE)
            .await
    };
    let listed = match list(after.as_ref()).await {
        Err(Error::UnknownJob) => list(None).await,
        listed => listed,
    };
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return axum::response::IntoResponse::into_response(trouble(error)),
    };
    let frame = Frame {
        title: "Jobs",
        session: Some(&visit.session),
        here: "/console/jobs",
        ..Frame::default()
    };
    let older = listed.jobs.last().filter(|_| listed.more);
    let contents = html! {
        div.headline {
            h1 { "Jobs" }
            a.button.main href="/console/jobs/new" { "New job" }
        }
        @if listed.jobs.is_empty() {
            div.card.empty {
                h2 { "No jobs yet" }
                p {
                    "A job is one device: a disk that you send in, and whose files become objects in \
                     your bucket; or one that comes back filled with objects."
                }
                a.button.main href="/console/jobs/new" { "Create your first job" }
            }
        } @else {
            div.card.flush {
                table.jobs {
                    thead {
                        tr {
                            th scope="col" { "Job" } th scope="col" { "State" }
                            th scope="col" { "Device" } th scope="col" { "Files" }
                            th scope="col" { "Created" }
                        }
                    }
                    tbody { @for job in &listed.jobs { (line(job)) } }
                }
            }
            p.pages {
                @if after.is_some() { a.button href="/console/jobs" { "Newest" } }
                @if let Some(last) = older {
                    a.button href={ "/console/jobs?" (query(&[("after", last.id.as_str())])) } {
                        "Older"
                    }
                }
            }
        }
    };
    answer::html(StatusCode::OK, frame.page(contents))
}

fn line(job: &JobSummary) -> Markup {
    let counts = &job.counts;
    html! {
        tr {
            th scope="row" {
                a.id href={ "/console/jobs/" (job.id) } { (job.id) }
                span.kind { (words::direction(job.job_type)) }
            }
            td data-label="State" {
                (badge(job.state))
                @if job.state.progress == Progress::InProgress { (bar(counts)) }
            }
            td data-label="Device" { (words::whereabouts(job.state.location)) }
            td data-label="Files" {
                @if counts.listed > 0 {
                    (units::grouped(counts.stored)) " · " (units::short_size(counts.stored_bytes))
                    @if counts.failed > 0 {
                        " · " strong.bad {
                            (units::counted(counts.failed, "error", "errors"))
                        }
                    }
                } @else { span.faint { "–" } }
            }
            td data-label="Created" { (units::time(job.created_at)) }
        }
    }
}
