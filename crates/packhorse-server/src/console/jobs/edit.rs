//! Another manifest for a job that waits.

use axum::response::Response;
use http::StatusCode;
use maud::html;
use packhorse_store::AccessKey;
use packhorse_wire::actions::UpdateJob;

use super::draft::Draft;
use super::editor::{Editor, Findings};
use super::new::{look, refused};
use crate::api::{get_status, update_job};
use crate::console::enter::Visit;
use crate::console::layout::Frame;
use crate::console::{Console, answer, refusal};

/// `GET /console/jobs/ID/edit`
pub(in crate::console) async fn page(console: &Console, visit: Visit<AccessKey>) -> Response {
    let found = get_status::find(&console.context, &visit.who, visit.job()).await;
    let job = match found {
        Ok(job) => job,
        Err(fault) => return refusal::fault(&visit.session, &fault),
    };
    // With its passwords: an update replaces all of it, and what is not sent is gone.
    let draft = Draft::of_source(job.job_type, job.manifest.expose().to_owned());
    let findings = look(console, &draft).await;
    show(&visit, &draft, &findings, StatusCode::OK)
}

/// `POST /console/jobs/ID/edit`
pub(in crate::console) async fn send(console: &Console, visit: Visit<AccessKey>) -> Response {
    let draft = Draft::of_fields(&visit.form);
    let intent = visit.form.get("intent");
    if !matches!(intent, "check" | "send") || draft.is_torn {
        let findings = look(console, &draft).await;
        return show(&visit, &draft, &findings, StatusCode::OK);
    }
    let id = visit.job();
    let job = match get_status::find(&console.context, &visit.who, id).await {
        Ok(job) => job,
        Err(fault) => return refusal::fault(&visit.session, &fault),
    };
    let is_same = job.manifest.expose() == draft.source && job.job_type == draft.job_type;
    if intent == "send" && is_same {
        // Sent twice, or nothing was changed.
        return answer::go(&format!("/console/jobs/{id}"));
    }
    let asked = UpdateJob {
        job_id: id.to_owned(),
        job_type: draft.job_type,
        manifest: draft.source.clone(),
        validate_only: intent == "check",
        api_version: None,
    };
    match update_job::run(&console.context, &visit.who, asked).await {
        Ok(_) if intent == "send" => answer::go(&format!("/console/jobs/{id}")),
        Ok(_) => {
            let findings = Findings {
                is_good: true,
                ..look(console, &draft).await
            };
            show(&visit, &draft, &findings, StatusCode::OK)
        }
        Err(fault) => {
            let (findings, status) = refused(console, &draft, &fault).await;
            show(&visit, &draft, &findings, status)
        }
    }
}

fn show(
    visit: &Visit<AccessKey>,
    draft: &Draft,
    findings: &Findings,
    status: StatusCode,
) -> Response {
    let id = visit.job();
    let frame = Frame {
        title: &format!("Change job {id}"),
        session: Some(&visit.session),
        is_wide: true,
        ..Frame::default()
    };
    let editor = Editor {
        session: &visit.session,
        draft,
        findings,
        action: &format!("/console/jobs/{id}/edit"),
        submit: "Save the changes",
        once: "",
    };
    let contents = html! {
        p.crumbs { a href={ "/console/jobs/" (id) } { "Job " (id) } }
        h1 { "Change the manifest" }
        p.lead { "The SIGNATURE file stays valid: a device that is prepared needs nothing new." }
        (editor.render())
    };
    answer::html(status, frame.page(contents))
}
