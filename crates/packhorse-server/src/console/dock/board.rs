//! What is at the dock, and what to do with it.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use packhorse_core::event::Actor;
use packhorse_core::job::Progress;
use packhorse_store::HereJob;

use crate::console::enter::{Visit, trouble};
use crate::console::jobs::standing::{badge, bar};
use crate::console::layout::Frame;
use crate::console::{Console, answer, units};

/// Devices on the board: more than a dock has bays and shelves in reach.
const SHOWN_MAX: u32 = 200;
/// Without a script, the board is loaded anew so often.
const RELOAD_SECONDS: u32 = 10;

/// A column's title, its class, and what stands in it.
type Column = (&'static str, &'static str, fn(&HereJob) -> bool);

/// The columns, in the order in which somebody must do something.
const COLUMNS: [Column; 4] = [
    ("Needs attention", "attention", needs_attention),
    ("To be loaded", "wait", |job| {
        job.state.progress == Progress::Pending && !needs_attention(job)
    }),
    ("Loading", "run", |job| {
        job.state.progress == Progress::InProgress && !needs_attention(job)
    }),
    ("To be sent back", "done", |job| {
        job.state.progress.is_final()
    }),
];

/// A device that is locked, or whose station fell silent.
fn needs_attention(job: &HereJob) -> bool {
    let is_silent = job.state.progress == Progress::InProgress && job.lease.is_none();
    job.lock_reason.is_some() || is_silent
}

/// `GET /console/dock/board`
pub(in crate::console) async fn page(console: &Console, visit: Visit<Actor>) -> Response {
    let jobs = match console.context.store.jobs_here(SHOWN_MAX).await {
        Ok(jobs) => jobs,
        Err(error) => return trouble(error).into_response(),
    };
    let frame = Frame {
        title: "Board",
        session: Some(&visit.session),
        here: "/console/dock/board",
        reload_seconds: Some(RELOAD_SECONDS),
        is_wide: true,
    };
    let contents = html! {
        h1 { "Board" }
        div #board data-live="/console/dock/board/live" { (columns(console, &jobs)) }
    };
    answer::html(StatusCode::OK, frame.page(contents))
}

/// `GET /console/dock/board/live`
pub(in crate::console) async fn live(console: &Console, _: Visit<Actor>) -> Response {
    match console.context.store.jobs_here(SHOWN_MAX).await {
        Ok(jobs) => {
            let pieces = html! {
                div data-into="board" data-more { (columns(console, &jobs)) }
            };
            answer::html(StatusCode::OK, pieces)
        }
        Err(error) => trouble(error).into_response(),
    }
}

fn columns(console: &Console, jobs: &[HereJob]) -> Markup {
    html! {
        div.board {
            @for (title, class, is_in) in COLUMNS {
                @let inside: Vec<_> = jobs.iter().filter(|job| is_in(job)).collect();
                section class={ "column " (class) } aria-label=(title) {
                    h2 { (title) " " span.count { (inside.len()) } }
                    @for job in &inside { (card(console, job)) }
                    @if inside.is_empty() { p.faint { "Nothing" } }
                }
            }
        }
        @if jobs.len() >= SHOWN_MAX as usize {
            p.faint { "The " (SHOWN_MAX) " that changed last; scan the others." }
        }
    }
}

fn card(console: &Console, job: &HereJob) -> Markup {
    let now = console.context.now();
    html! {
        a.device href={ "/console/dock/jobs/" (job.id) } {
            span.id { (job.id) }
            (badge(job.state))
            @if let Some(lease) = &job.lease {
                span.where {
                    (units::foreign(&lease.station)) " · " (units::foreign(&lease.device))
                }
                @if lease.until < now { span.bad { "Silent: the station does not answer" } }
            }
            @if job.state.progress == Progress::InProgress { (bar(&job.counts)) }
            @if job.counts.failed > 0 {
                span.bad { (units::counted(job.counts.failed, "error", "errors")) }
            }
            @if let Some(reason) = &job.lock_reason { span.bad { "Locked: " (units::foreign(reason)) } }
            span.faint { "for " (units::duration(now.duration_since(job.updated_at))) }
        }
    }
}
