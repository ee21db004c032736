//! What an operator does: the desk's own verbs, said by a person.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_wire::desk::{GiveUp, Receive, RefusalCode, Return};

use super::job::{self, Said};
use crate::console::enter::Visit;
use crate::console::refusal::NoEntry;
use crate::console::{Console, answer, words};
use crate::desk::parcel;
use crate::desk::refusals::Failure;

/// Events after which a device is at the facility.
const ARRIVALS: [&str; 3] = ["Receive", "Claim", "Locked"];

/// `POST /console/dock/jobs/ID/receive`
pub(in crate::console) async fn receive(console: &Console, visit: Visit<Actor>) -> Response {
    let Ok(id) = JobId::parse(visit.job()) else {
        return refuse(console, &visit, StatusCode::NOT_FOUND, words::NOT_FOUND).await;
    };
    let note = visit.form.get("note").trim();
    let message = Receive {
        note: (!note.is_empty()).then(|| note.to_owned()),
    };
    let received = parcel::receive(&console.context, visit.who.clone(), &id, message).await;
    if let Err(failure) = received {
        return failed(console, &visit, failure).await;
    }
    // Receiving twice changes nothing, so that who came second is told by the log.
    let events = match job::find(console, visit.job()).await {
        Ok(found) => found.map_or_else(Vec::new, |(_, events)| events),
        Err(no) => return no.into_response(),
    };
    match events
        .iter()
        .find(|event| ARRIVALS.contains(&event.what.as_str()))
    {
        Some(first) if first.actor != visit.who => {
            let why = format!(
                "Nothing was changed: {} received this device before you, on {} UTC.",
                words::actor(&first.actor),
                first.at.strftime("%-d %b %Y at %H:%M")
            );
            refuse(console, &visit, StatusCode::CONFLICT, &why).await
        }
        _ => done(&id, "receive"),
    }
}

/// `POST /console/dock/jobs/ID/return`
pub(in crate::console) async fn send_back(console: &Console, visit: Visit<Actor>) -> Response {
    let Ok(id) = JobId::parse(visit.job()) else {
        return refuse(console, &visit, StatusCode::NOT_FOUND, words::NOT_FOUND).await;
    };
    let message = Return {
        carrier: visit.form.get("carrier").to_owned(),
        tracking_number: visit.form.get("tracking_number").to_owned(),
    };
    let returned = parcel::send_back(&console.context, visit.who.clone(), &id, message).await;
    match returned {
        Ok(_) => done(&id, "return"),
        Err(failure) => failed(console, &visit, failure).await,
    }
}

/// `POST /console/dock/jobs/ID/abort`
pub(in crate::console) async fn give_up(console: &Console, visit: Visit<Actor>) -> Response {
    let Ok(id) = JobId::parse(visit.job()) else {
        return refuse(console, &visit, StatusCode::NOT_FOUND, words::NOT_FOUND).await;
    };
    let reason = visit.form.get("reason").trim();
    let Some(code) = Progress::parse(visit.form.get("code")).filter(|_| !reason.is_empty()) else {
        let why = "Choose what is wrong, and write what you saw.";
        return refuse(console, &visit, StatusCode::BAD_REQUEST, why).await;
    };
    let message = GiveUp {
        code,
        reason: reason.to_owned(),
    };
    match parcel::give_up(&console.context, visit.who.clone(), &id, message).await {
        Ok(_) => done(&id, "abort"),
        Err(failure) => failed(console, &visit, failure).await,
    }
}

fn done(id: &JobId, what: &str) -> Response {
    answer::go(&format!("/console/dock/jobs/{id}?done={what}"))
}

/// The job's page, with what the desk answered.
async fn failed(console: &Console, visit: &Visit<Actor>, failure: Failure) -> Response {
    match failure {
        Failure::Refused(refusal) if refusal.code == RefusalCode::UnknownJob => {
            refuse(console, visit, StatusCode::NOT_FOUND, &refusal.message).await
        }
        Failure::Refused(refusal) => {
            refuse(
                console,
                visit,
                StatusCode::CONFLICT,
                &sentence(&refusal.message),
            )
            .await
        }
        Failure::Busy => NoEntry::Busy.into_response(),
        Failure::UnknownStation | Failure::Broken => NoEntry::Broken.into_response(),
    }
}

/// The desk's texts begin small, since stations print them behind `error: `.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(letters)
        .collect::<String>()
        + "."
}

async fn refuse(
    console: &Console,
    visit: &Visit<Actor>,
    status: StatusCode,
    why: &str,
) -> Response {
    let said = Said::Refusal(status, why.to_owned());
    job::show(console, visit, said)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}
