//! One job: where it stands, what happened, what to do next.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use packhorse_core::event::Event;
use packhorse_core::job::{Change, Location, Progress};
use packhorse_store::{AccessKey, Job};
use packhorse_wire::fault::Fault;

use super::{papers, standing};
use crate::api::{get_status, manifest, messages};
use crate::console::enter::{Visit, trouble};
use crate::console::layout::{Field, Frame, csrf, notice};
use crate::console::refusal::NoEntry;
use crate::console::session::Session;
use crate::console::{Console, answer, refusal, units, words};

/// Without a script, a page of a job that moves is loaded anew so often.
const RELOAD_SECONDS: u32 = 15;

/// `GET /console/jobs/ID`
pub(in crate::console) async fn page(console: &Console, visit: Visit<AccessKey>) -> Response {
    match show(console, &visit, visit.job(), Said::Nothing).await {
        Ok(page) => page,
        Err(no) => no.into_response(),
    }
}

/// What is to be said above a job.
#[derive(Clone, Copy)]
pub(super) enum Said<'a> {
    Nothing,
    /// Why what was asked did not happen.
    Refusal(&'a Fault),
}

/// The page, with something to say above it.
pub(super) async fn show(
    console: &Console,
    visit: &Visit<AccessKey>,
    id: &str,
    said: Said<'_>,
) -> Result<Response, NoEntry> {
    let (job, events) = match find(console, visit, id).await? {
        Ok(found) => found,
        Err(refused) => return Ok(refused),
    };
    let redacted = match console.context.redactions.of(job.manifest.expose()).await {
        Ok(text) => text,
        Err(fault) => return Ok(refusal::fault(&visit.session, &fault)),
    };
    let is_moving = standing::is_moving(job.state);
    let frame = Frame {
        title: &format!("Job {}", job.id),
        session: Some(&visit.session),
        here: "",
        reload_seconds: is_loading(&job).then_some(RELOAD_SECONDS),
        is_wide: true,
    };
    let status = match said {
        Said::Nothing => StatusCode::OK,
        Said::Refusal(fault) => refusal::said(fault).0,
    };
    let contents = html! {
        p.crumbs { a href="/console/jobs" { "Jobs" } }
        @if let Said::Refusal(fault) = said {
            (notice("error", html! { p { (refusal::said(fault).1) } }))
        }
        h1 { "Job " span.id { (job.id) } " " small.kind { (words::direction(job.job_type)) } }
        div.columns {
            div {
                div #live data-live=[is_moving.then(|| format!("/console/jobs/{}/live", job.id))] {
                    (standing_of(&job, &events))
                }
                div #doing data-key=(key(&job)) { (doing(console, visit, &job).await) }
                section.card aria-labelledby="manifest" {
                    h2 #manifest { "Manifest" @if job.revision > 1 {
                        " " small { "revision " (job.revision) }
                    } }
                    pre.source tabindex="0" aria-label="Manifest, without passwords" {
                        @for line in redacted.lines() { (units::foreign(line)) "\n" }
                    }
                    div #changes data-key=(key(&job)) { (changes(&job, &visit.session)) }
                }
            }
            section.card.side aria-labelledby="history" {
                h2 #history { "What happened" }
                div #timeline { (standing::timeline(&events)) }
            }
        }
    };
    Ok(answer::html(status, frame.page(contents)))
}

/// `GET /console/jobs/ID/live`: what changes while one looks.
pub(in crate::console) async fn live(console: &Console, visit: Visit<AccessKey>) -> Response {
    let found = match find(console, &visit, visit.job()).await {
        Ok(found) => found,
        Err(no) => return no.into_response(),
    };
    let (job, events) = match found {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let is_moving = standing::is_moving(job.state);
    let pieces = html! {
        div data-into="live" data-more[is_moving] { (standing_of(&job, &events)) }
        div data-into="timeline" { (standing::timeline(&events)) }
        div data-into="doing" data-key=(key(&job)) { (doing(console, &visit, &job).await) }
        div data-into="changes" data-key=(key(&job)) { (changes(&job, &visit.session)) }
    };
    answer::html(StatusCode::OK, pieces)
}

type Found = Result<(Job, Vec<Event>), Response>;

/// The job and what happened to it, if the customer may see it.
async fn find(console: &Console, visit: &Visit<AccessKey>, id: &str) -> Result<Found, NoEntry> {
    let job = match get_status::find(&console.context, &visit.who, id).await {
        Ok(job) => job,
        Err(fault) => return Ok(Err(refusal::fault(&visit.session, &fault))),
    };
    let events = console
        .context
        .store
        .events(&job.id)
        .await
        .map_err(trouble)?;
    let events = events.into_iter().map(|(event, _)| event).collect();
    Ok(Ok((job, events)))
}

fn is_loading(job: &Job) -> bool {
    job.state.progress == Progress::InProgress
}

/// What the forms of a job depend on: as long as it is the same, they stay as they are.
fn key(job: &Job) -> String {
    let (location, progress) = (job.state.location.code(), job.state.progress.code());
    let is_locked = job.lock.reason.is_some();
    format!("{location} {progress} {is_locked} {}", job.revision)
}

/// What there is to do in this state.
async fn doing(console: &Console, visit: &Visit<AccessKey>, job: &Job) -> Markup {
    let warnings = warnings(console, job).await;
    html! {
        (unlock_form(job, &visit.session))
        (papers::links(console, &visit.who, job))
        (warnings)
    }
}

/// State, progress, what to do.
fn standing_of(job: &Job, events: &[Event]) -> Markup {
    let began = standing::began(events);
    html! {
        section.card.standing aria-labelledby="standing" {
            h2 #standing.sr { "Where it stands" }
            p { (standing::badge(job.state)) " " span.faint {
                "Device " (words::whereabouts(job.state.location))
            } }
            @if is_loading(job) { (standing::progress(&job.counts, began, job.updated_at)) }
            @if job.counts.listed > 0 { (standing::totals(&job.counts)) }
            div.next {
                h3 { "What to do next" }
                p { (words::next_step(job)) }
            }
            @if let Some(parcel) = &job.parcel {
                p { "Sent back with " strong { (units::foreign(&parcel.carrier)) } ", number "
                    strong { (units::foreign(&parcel.tracking_number)) } "." }
            }
            @if job.log.is_some() {
                p { a.button.main href={ "/console/jobs/" (job.id) "/report" } { "Read the report" } }
            }
            @if job.state.progress.is_final() { p.faint { (units::foreign(&messages::progress(job))) } }
        }
    }
}

/// What the customer should know of the manifest while it can still be changed.
async fn warnings(console: &Console, job: &Job) -> Markup {
    if job.state.after(Change::Update).is_err() {
        return html! {};
    }
    let text = job.manifest.expose();
    let read = manifest::read(&console.context, text, job.job_type).await;
    let Ok(Ok(reading)) = read else {
        return html! {};
    };
    html! {
        @if !reading.warnings.is_empty() {
            (notice("warning", html! {
                p { strong { "Worth knowing" } }
                ul { @for warning in &reading.warnings { li { (units::foreign(&warning.to_string())) } } }
            }))
        }
    }
}

/// Update and cancel, while the job allows them.
fn changes(job: &Job, session: &Session) -> Markup {
    let may = |change| job.state.after(change).is_ok();
    html! {
        div.actions {
            @if may(Change::Update) {
                a.button href={ "/console/jobs/" (job.id) "/edit" } { "Change the manifest" }
            }
            @if may(Change::Cancel) {
                details.danger {
                    summary.button { "Cancel the job…" }
                    form method="post" action={ "/console/jobs/" (job.id) "/cancel" } {
                        (csrf(Some(session)))
                        p {
                            "The job is given up for good; "
                            @if job.state.location == Location::AtAWS { "your device is sent back." }
                            @else { "do not send the device any more." }
                        }
                        button.danger { "Cancel job " (job.id) }
                    }
                }
            }
        }
    }
}

/// A device that waits for its password.
fn unlock_form(job: &Job, session: &Session) -> Markup {
    let Some(reason) = &job.lock.reason else {
        return html! {};
    };
    html! {
        section.card aria-labelledby="unlock" {
            h2 #unlock { "Unlock the device" }
            p { "The station says: " (units::foreign(reason)) }
            form method="post" action={ "/console/jobs/" (job.id) "/unlock" } {
                (csrf(Some(session)))
                (Field {
                    label: "Password of the device", name: "password", kind: "password",
                    is_required: true, autocomplete: "off",
                    hint: "Kept sealed until the job is over, and never shown again.",
                    ..Field::default()
                })
                button.main { "Give the password" }
            }
        }
    }
}
