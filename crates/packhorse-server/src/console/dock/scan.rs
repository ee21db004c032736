//! Where work at the dock begins: scan a barcode or type an id.

use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use packhorse_core::event::Actor;
use packhorse_core::id::{JobId, LENGTH};

use crate::console::enter::Visit;
use crate::console::layout::{Frame, notice};
use crate::console::session::Session;
use crate::console::{Console, answer, units};

/// Longest thing a scanner sends that is worth looking at: a QR code with an address.
const SCANNED_CHARS_MAX: usize = 300;

/// `GET /console/dock/`
pub(in crate::console) async fn page(_: &Console, visit: Visit<Actor>) -> Response {
    show(&visit.session, None)
}

/// `GET /console/dock/find?id=…`
pub(in crate::console) async fn find(_: &Console, visit: Visit<Actor>) -> Response {
    let scanned = visit.query.get("id");
    match id_in(scanned) {
        Some(id) => answer::go(&format!("/console/dock/jobs/{id}")),
        None => show(&visit.session, Some(scanned)),
    }
}

/// The one job id in what was scanned: alone, or with words or an address around it.
fn id_in(scanned: &str) -> Option<JobId> {
    let short: String = scanned.chars().take(SCANNED_CHARS_MAX).collect();
    let words = short.split(|c: char| !c.is_ascii_alphanumeric());
    let mut ids: Vec<JobId> = words.filter_map(|word| JobId::parse(word).ok()).collect();
    ids.sort();
    ids.dedup();
    // A word of eight letters looks like an id; one with a digit is surer.
    let sure = |id: &&JobId| id.as_str().bytes().any(|byte| byte.is_ascii_digit());
    let surest: Vec<&JobId> = ids.iter().filter(sure).collect();
    match (ids.as_slice(), surest.as_slice()) {
        ([only], _) => Some(only.clone()),
        (_, [only]) => Some((*only).clone()),
        _ => None,
    }
}

fn show(session: &Session, unknown: Option<&str>) -> Response {
    let frame = Frame {
        title: "Scan",
        session: Some(session),
        here: "/console/dock/",
        ..Frame::default()
    };
    let status = match unknown {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let contents = html! {
        div.card.scan {
            h1 { "Scan a parcel" }
            @if let Some(scanned) = unknown {
                (notice("error", html! {
                    p {
                        "No job id in “"
                        (units::foreign(&scanned.chars().take(80).collect::<String>())) "”."
                    }
                    p { "An id has " (LENGTH) " characters, as on the packing slip: digits without 0, \
                         letters without O." }
                }))
            }
            (field(true))
        }
    };
    answer::html(status, frame.page(contents))
}

/// The field that scanners type into.
pub(super) fn field(is_first: bool) -> Markup {
    html! {
        form.scanner method="get" action="/console/dock/find" {
            label for="id" { "Job id" }
            input #id name="id" required autofocus[is_first] autocomplete="off"
                autocapitalize="characters" spellcheck="false" enterkeyhint="go";
            button.main { "Find" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_what_scanners_send() {
        let found = |text| id_in(text).map(|id| id.as_str().to_owned());
        for text in [
            "AB12CD34",
            " ab12cd34\r\n",
            "]C0AB12CD34",
            "JOBID AB12CD34",
            "https://dock.example/console/jobs/AB12CD34",
            "AB12CD34 AB12CD34",
            "jobId:AB12CD34\nPARCELSX",
        ] {
            let expected = (text != "]C0AB12CD34").then(|| "AB12CD34".to_owned());
            assert_eq!(found(text), expected, "{text:?}");
        }
        for text in ["", "AB12CD3", "AB12CD34 EF56GH78", "OOOOOOOO", "\u{0}\u{1}"] {
            assert_eq!(found(text), None, "{text:?}");
        }
        assert_eq!(found(&"x".repeat(1_000_000)), None);
    }
}
