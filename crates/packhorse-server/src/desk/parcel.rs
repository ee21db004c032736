//! A parcel came, a parcel goes back, a job is given up: what the operator of a station says.

use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::{ABORTS, State};
use packhorse_store::{Error, Parcel};
use packhorse_wire::desk::{Finished, GiveUp, Receive, RefusalCode, Return, Whereabouts};
use packhorse_wire::xml;

use super::refusals::{Failure, refuse, store_failure};
use crate::context::Context;

/// Longest name of a carrier and longest number; carriers' own have some 40 characters.
const WORD_CHARS_MAX: usize = 100;
/// Longest note or reason.
const NOTE_CHARS_MAX: usize = 500;

pub(crate) async fn receive(
    context: &Context,
    actor: Actor,
    job: &JobId,
    message: Receive,
) -> Result<Whereabouts, Failure> {
    let note = message.note.unwrap_or_default();
    check_text("the note", &note, NOTE_CHARS_MAX)?;
    let received = context
        .store
        .receive(job, &note, actor.clone(), context.now())
        .await;
    let state = received.map_err(|error| match error {
        Error::State(_) => wrong_state("the device of this job was received and sent back before"),
        error => store_failure(error),
    })?;
    tracing::info!(job.id = %job, ?actor, "a parcel was received");
    Ok(whereabouts(state))
}

pub(crate) async fn send_back(
    context: &Context,
    actor: Actor,
    job: &JobId,
    message: Return,
) -> Result<Whereabouts, Failure> {
    let parcel = Parcel {
        carrier: word("the carrier", &message.carrier)?,
        tracking_number: word("the tracking number", &message.tracking_number)?,
    };
    let returned = context
        .store
        .send_back(job, parcel, actor.clone(), context.now())
        .await;
    let state = returned.map_err(|error| match error {
        Error::State(forbidden) if forbidden.from.progress.is_final() => {
            wrong_state("the device of this job was never received: `station receive` it first")
        }
        Error::State(forbidden) => wrong_state(format!(
            "the job is {}: a device goes back when its job is loaded, canceled, or given up",
            forbidden.from.progress.code()
        )),
        error => store_failure(error),
    })?;
    tracing::info!(job.id = %job, ?actor, "a parcel was sent back");
    Ok(whereabouts(state))
}

pub(crate) async fn give_up(
    context: &Context,
    actor: Actor,
    job: &JobId,
    message: GiveUp,
) -> Result<Finished, Failure> {
    check_text("the reason", &message.reason, NOTE_CHARS_MAX)?;
    if !ABORTS.contains(&message.code) {
        let text = format!("{} is no abort code", message.code.code());
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    let now = context.now();
    let ended = context
        .store
        .give_up(job, message.code, &message.reason, actor.clone(), now)
        .await;
    let progress = ended.map_err(|error| match error {
        Error::Leased { until } => refuse(
            RefusalCode::Leased,
            format!(
                "a station is loading the job: stop it there, or wait until its lease has lapsed \
                 (now at {until:.0})"
            ),
        ),
        Error::State(forbidden) => wrong_state(format!(
            "the job is {} already",
            forbidden.from.progress.code()
        )),
        error => store_failure(error),
    })?;
    tracing::info!(job.id = %job, ?actor, code = progress.code(), "a job was given up");
    Ok(Finished { progress })
}

fn wrong_state(why: impl Into<String>) -> Failure {
    refuse(RefusalCode::WrongState, why)
}

fn whereabouts(state: State) -> Whereabouts {
    Whereabouts {
        location: state.location,
        progress: state.progress,
    }
}

/// A word that GetStatus will show.
fn word(what: &str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(refuse(RefusalCode::BadRequest, format!("{what} is empty")));
    }
    check_text(what, text, WORD_CHARS_MAX)?;
    Ok(text.to_owned())
}

/// A text that a log line, an XML document and a terminal can hold.
fn check_text(what: &str, text: &str, chars_max: usize) -> Result<(), Failure> {
    let bad = |why: &str| refuse(RefusalCode::BadRequest, format!("{what} {why}"));
    if text.chars().count() > chars_max {
        return Err(bad(&format!("has more than {chars_max} characters")));
    }
    match text.contains(char::is_control) || xml::unwritable(text).is_some() {
        true => Err(bad("has a control character")),
        false => Ok(()),
    }
}
