//! A new job.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::html;
use packhorse_core::id::JobId;
use packhorse_core::job::JobType;
use packhorse_store::AccessKey;
use packhorse_wire::actions::CreateJob;
use packhorse_wire::fault::Fault;
use serde_json::json;

use super::draft::Draft;
use super::editor::{Editor, Findings, findings};
use crate::api::{create_job, manifest};
use crate::console::enter::Visit;
use crate::console::layout::Frame;
use crate::console::refusal::{self, NoEntry};
use crate::console::{Console, answer};

/// Draws of an id before giving up; one is enough but once in some thousand billion times.
const DRAWS_MAX: usize = 4;

/// `GET /console/jobs/new`
pub(in crate::console) async fn page(console: &Console, visit: Visit<AccessKey>) -> Response {
    let job_type = JobType::parse(visit.query.get("type")).unwrap_or(JobType::Import);
    let Some(once) = new_once(console, &visit.who) else {
        return NoEntry::Broken.into_response();
    };
    // An empty form has nothing wrong yet.
    show(
        &visit,
        &Draft::new(job_type),
        &Findings::default(),
        &once,
        StatusCode::OK,
    )
}

/// `POST /console/jobs/new`
pub(in crate::console) async fn send(console: &Console, visit: Visit<AccessKey>) -> Response {
    let draft = Draft::of_fields(&visit.form);
    let once = visit.form.get("once").to_owned();
    let intent = visit.form.get("intent");
    let is_checked = matches!(intent, "check" | "send") && !draft.is_torn;
    if !is_checked {
        let found = look(console, &draft).await;
        return show(&visit, &draft, &found, &once, StatusCode::OK);
    }
    let asked = CreateJob {
        job_type: draft.job_type,
        manifest: draft.source.clone(),
        manifest_addendum: None,
        validate_only: intent == "check",
        api_version: None,
    };
    let id = opened(console, &visit.who, &once);
    let done = create_job::run(&console.context, &visit.who, asked, id).await;
    match done {
        Ok(made) if intent == "send" => answer::go(&format!("/console/jobs/{}", made.job_id)),
        Ok(_) => {
            let found = Findings {
                is_good: true,
                ..look(console, &draft).await
            };
            show(&visit, &draft, &found, &once, StatusCode::OK)
        }
        Err(fault) => {
            let (found, status) = refused(console, &draft, &fault).await;
            show(&visit, &draft, &found, &once, status)
        }
    }
}

/// `POST /console/jobs/sync`: the other side of what was typed, and what is wrong with it.
pub(in crate::console) async fn sync(console: &Console, visit: Visit<AccessKey>) -> Response {
    let draft = Draft::of_fields(&visit.form);
    let found = look(console, &draft).await;
    let wrong = found.problems.iter().filter(|problem| problem.is_error());
    let wrong: Vec<_> = wrong.map(|problem| problem.field.as_str()).collect();
    answer::json(&json!({
        "source": draft.source,
        "answers": draft.answers,
        "form_was": draft.form_digest(),
        "source_was": draft.source_digest(),
        "is_torn": draft.is_torn,
        "wrong": wrong,
        "findings": findings(&found, &draft).into_string(),
    }))
}

/// What the text alone has wrong.
pub(super) async fn look(console: &Console, draft: &Draft) -> Findings {
    let read = manifest::read(&console.context, &draft.source, draft.job_type).await;
    match read {
        Ok(Ok(reading)) => Findings {
            problems: reading.warnings,
            ..Findings::default()
        },
        Ok(Err(problems)) => Findings {
            problems,
            ..Findings::default()
        },
        Err(fault) => Findings {
            refusal: Some(refusal::said(&fault).1),
            ..Findings::default()
        },
    }
}

/// Why an action refused a draft: the text's problems with their places, or what else it said.
pub(super) async fn refused(
    console: &Console,
    draft: &Draft,
    fault: &Fault,
) -> (Findings, StatusCode) {
    let found = look(console, draft).await;
    let (status, said) = refusal::said(fault);
    let is_explained = found.problems.iter().any(|problem| problem.is_error());
    let refusal = (!is_explained).then_some(said);
    (Findings { refusal, ..found }, status)
}

fn show(
    visit: &Visit<AccessKey>,
    draft: &Draft,
    findings: &Findings,
    once: &str,
    status: StatusCode,
) -> Response {
    let frame = Frame {
        title: "New job",
        session: Some(&visit.session),
        here: "/console/jobs/new",
        is_wide: true,
        ..Frame::default()
    };
    let editor = Editor {
        session: &visit.session,
        draft,
        findings,
        action: "/console/jobs/new",
        submit: "Create job",
        once,
    };
    let contents = html! {
        h1 { "New job" }
        p.lead { "One job is one device. Fill in what is required; everything else has a default." }
        (editor.render())
    };
    answer::html(status, frame.page(contents))
}

/// An id for the job to be, sealed for this customer: a form that is sent twice names it twice.
fn new_once(console: &Console, key: &AccessKey) -> Option<String> {
    use base64::Engine as _;
    for _ in 0..DRAWS_MAX {
        let mut random = [0; 32];
        getrandom::fill(&mut random).ok()?;
        if let Some(id) = JobId::from_random(&random) {
            let sealed = console.context.console_seal.seal(&place(key), id.as_str());
            let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed.ok()?);
            return Some(encoded);
        }
    }
    None
}

fn opened(console: &Console, key: &AccessKey, once: &str) -> Option<JobId> {
    use base64::Engine as _;
    let sealed = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(once);
    let text = console
        .context
        .console_seal
        .open(&place(key), &sealed.ok()?);
    JobId::parse(&text.ok()?).ok()
}

fn place(key: &AccessKey) -> String {
    format!("new job of account {}", key.account.0)
}
