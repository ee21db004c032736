//! One job at the dock, large and unambiguous, with what can be done to it now.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use packhorse_core::event::{Actor, Event};
use packhorse_core::id::JobId;
use packhorse_core::job::{ABORTS, Change, Location, Progress, State};
use packhorse_core::manifest;
use packhorse_store::Job;

use super::scan;
use crate::console::enter::{Visit, trouble};
use crate::console::jobs::standing;
use crate::console::layout::{Field, Frame, csrf, notice};
use crate::console::refusal::NoEntry;
use crate::console::session::Session;
use crate::console::{Console, answer, refusal, units, words};

/// Without a script, a job that is being loaded is shown anew so often.
const RELOAD_SECONDS: u32 = 10;

/// `GET /console/dock/jobs/ID`
pub(in crate::console) async fn page(console: &Console, visit: Visit<Actor>) -> Response {
    let said = match visit.query.get("done") {
        "receive" => Said::Good("Received."),
        "return" => Said::Good("Sent back."),
        "abort" => Said::Good("The job was ended."),
        _ => Said::Nothing,
    };
    show(console, &visit, said)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

/// What is to be said above a job.
pub(super) enum Said {
    Nothing,
    Good(&'static str),
    Refusal(StatusCode, String),
}

/// The page, with something to say above it.
pub(super) async fn show(
    console: &Console,
    visit: &Visit<Actor>,
    said: Said,
) -> Result<Response, NoEntry> {
    let Some((job, events)) = find(console, visit.job()).await? else {
        let why = format!(
            "There is no job {}. Compare the id with the packing slip; if it is right, put the \
             parcel aside and ask the sender.",
            visit.job()
        );
        return Ok(refusal::page(
            Some(&visit.session),
            StatusCode::NOT_FOUND,
            &why,
        ));
    };
    let is_loading = job.state.progress == Progress::InProgress;
    let frame = Frame {
        title: &format!("Job {}", job.id),
        session: Some(&visit.session),
        here: "",
        reload_seconds: is_loading.then_some(RELOAD_SECONDS),
        is_wide: true,
    };
    let status = match &said {
        Said::Refusal(status, _) => *status,
        Said::Nothing | Said::Good(_) => StatusCode::OK,
    };
    let may_act = Actions::of(&job);
    let contents = html! {
        @match &said {
            Said::Nothing => {},
            Said::Good(text) => (notice("good", html! { p { (text) } })),
            Said::Refusal(_, why) => (notice("error", html! { p { (units::foreign(why)) } })),
        }
        div.columns {
            div {
                section.card.parcel aria-labelledby="parcel" {
                    h1 #parcel { span.sr { "Job " } span.id.huge { (job.id) } }
                    div #live data-live=[standing::is_moving(job.state).then(|| live_path(&job.id))] { (standing_of(&job, &events)) }
                }
                div #actions data-key=(may_act.key()) {
                    (may_act.render(&job, &visit.session, matches!(said, Said::Good(_))))
                }
            }
            div.side {
                section.card aria-labelledby="device" { h2 #device { "Device" } (device(&job)) }
                section.card aria-labelledby="history" {
                    h2 #history { "What happened" }
                    div #timeline { (standing::timeline(&events)) }
                }
            }
        }
        section.card.again aria-label="Next parcel" { (scan::field(matches!(said, Said::Good(_)))) }
    };
    Ok(answer::html(status, frame.page(contents)))
}

fn live_path(id: &JobId) -> String {
    format!("/console/dock/jobs/{id}/live")
}

/// `GET /console/dock/jobs/ID/live`
pub(in crate::console) async fn live(console: &Console, visit: Visit<Actor>) -> Response {
    match find(console, visit.job()).await {
        Ok(Some((job, events))) => {
            let is_moving = standing::is_moving(job.state);
            let may_act = Actions::of(&job);
            let pieces = html! {
                div data-into="live" data-more[is_moving] { (standing_of(&job, &events)) }
                div data-into="timeline" { (standing::timeline(&events)) }
                div data-into="actions" data-key=(may_act.key()) {
                    (may_act.render(&job, &visit.session, false))
                }
            };
            answer::html(StatusCode::OK, pieces)
        }
        Ok(None) => answer::text(StatusCode::NOT_FOUND, "no such job"),
        Err(no) => no.into_response(),
    }
}

/// Any customer's job, and what happened to it.
pub(super) async fn find(
    console: &Console,
    id: &str,
) -> Result<Option<(Job, Vec<Event>)>, NoEntry> {
    let Ok(id) = JobId::parse(id) else {
        return Ok(None);
    };
    let store = &console.context.store;
    let Some(job) = store.find_job(&id).await.map_err(trouble)? else {
        return Ok(None);
    };
    let events = store.events(&id).await.map_err(trouble)?;
    Ok(Some((
        job,
        events.into_iter().map(|(event, _)| event).collect(),
    )))
}

fn standing_of(job: &Job, events: &[Event]) -> Markup {
    let is_loading = job.state.progress == Progress::InProgress;
    html! {
        p.states {
            (standing::badge(job.state)) " "
            span.kind { (words::direction(job.job_type)) } " "
            span.faint { "Device " (words::whereabouts(job.state.location)) }
        }
        p.order { (words::operator_step(job)) }
        @if let Some(reason) = &job.lock.reason { p.bad { (units::foreign(reason)) } }
        @if let Some(lease) = &job.lease {
            p { "At station " strong { (units::foreign(&lease.station)) } ", device "
                strong { (units::foreign(&lease.device)) } }
        }
        @if is_loading {
            (standing::progress(&job.counts, standing::began(events), job.updated_at))
        }
        @if job.counts.listed > 0 { (standing::totals(&job.counts)) }
        @if let Some(parcel) = &job.parcel {
            p { "Sent back with " strong { (units::foreign(&parcel.carrier)) } ", number "
                strong { (units::foreign(&parcel.tracking_number)) } "." }
        }
    }
}

/// What the customer announced, and where it goes back to. (Nothing of what is on it.)
fn device(job: &Job) -> Markup {
    let Some(shipment) = manifest::shipment(job.manifest.expose(), job.job_type) else {
        return html! { p { "The manifest cannot be read." } };
    };
    let lines = crate::postal::Members::from(&shipment.return_address).lines();
    html! {
        dl.facts {
            dt { "Serial number" } dd.big { (units::foreign(&shipment.device_id)) }
            dt { "Erase before return" }
            dd { @if shipment.erase_device { "yes" } @else { "no" } }
            dt { "Back to" } dd { @for line in &lines { (units::foreign(line)) br; } }
        }
    }
}

/// What an operator may do to a job now.
#[derive(Clone, Copy)]
struct Actions {
    receive: bool,
    send_back: bool,
    give_up: bool,
}

impl Actions {
    fn of(job: &Job) -> Self {
        let may = |state: State, change| state.after(change).is_ok();
        Self {
            receive: may(job.state, Change::Receive),
            send_back: may(job.state, Change::Return) || job.state.location == Location::Returned,
            give_up: may(job.state, Change::Abort(Progress::DeviceError)),
        }
    }

    /// As long as it is the same, the forms stay as they are.
    fn key(self) -> String {
        format!("{} {} {}", self.receive, self.send_back, self.give_up)
    }

    fn render(self, job: &Job, session: &Session, is_done: bool) -> Markup {
        let id = &job.id;
        html! {
            @if self.receive { (receive(id, session, !is_done)) }
            @if self.send_back { (send_back(job, session, !is_done && !self.receive)) }
            @if self.give_up { (give_up(id, session)) }
        }
    }
}

fn receive(id: &JobId, session: &Session, is_first: bool) -> Markup {
    html! {
        section.card aria-labelledby="receive" {
            h2 #receive { "Receive" }
            form method="post" action={ "/console/dock/jobs/" (id) "/receive" } {
                (csrf(Some(session)))
                (Field {
                    label: "Condition", name: "note", is_first,
                    hint: "For the log, if anything is to be said: scratches, a missing cable, the bay.",
                    ..Field::default()
                })
                button.main.huge { "Receive" }
            }
        }
    }
}

fn send_back(job: &Job, session: &Session, is_first: bool) -> Markup {
    let parcel = job.parcel.as_ref();
    let is_gone = job.state.location == Location::Returned;
    let form = html! {
        form method="post" action={ "/console/dock/jobs/" (job.id) "/return" } {
            (csrf(Some(session)))
            (Field {
                label: "Carrier", name: "carrier", is_required: true, is_first: is_first && !is_gone,
                value: parcel.map_or("", |parcel| parcel.carrier.as_str()),
                ..Field::default()
            })
            (Field {
                label: "Tracking number", name: "tracking_number", is_required: true,
                value: parcel.map_or("", |parcel| parcel.tracking_number.as_str()),
                ..Field::default()
            })
            button.main.huge { @if is_gone { "Correct" } @else { "Send back" } }
        }
    };
    html! {
        section.card aria-labelledby="return" {
            @if is_gone {
                details { summary { h2 #return { "Correct the parcel" } } (form) }
            } @else {
                h2 #return { "Send back" }
                (form)
            }
        }
    }
}

/// The problems that end a job, each with what it looks like.
fn give_up(id: &JobId, session: &Session) -> Markup {
    let seen = |code: &Progress| match code {
        Progress::MissingSignature => "The device has no SIGNATURE file",
        Progress::InvalidSignature => "The SIGNATURE file is another job's, or cannot be read",
        Progress::DeviceError => "The device is damaged, or does not start",
        Progress::UnsupportedFileFormat => "No file system on it can be read",
        Progress::UnsupportedDeviceType => "There is no way to connect it here",
        _ => "The parcel holds no device",
    };
    html! {
        section.card aria-labelledby="problem" {
            details.danger {
                summary { h2 #problem { "A problem…" } }
                form method="post" action={ "/console/dock/jobs/" (id) "/abort" } {
                    (csrf(Some(session)))
                    p { "This ends the job for good; the customer is told the reason." }
                    fieldset.choices {
                        legend { "What is wrong?" }
                        @for code in ABORTS {
                            label {
                                input type="radio" name="code" value=(code.code()) required;
                                span { (seen(code)) }
                            }
                        }
                    }
                    (Field {
                        label: "What you saw", name: "reason", is_required: true,
                        hint: "One sentence for the customer and for the log.",
                        ..Field::default()
                    })
                    button.danger.huge { "End the job" }
                }
            }
        }
    }
}
