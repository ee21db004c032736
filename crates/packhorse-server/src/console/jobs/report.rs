//! The report of a job: each file and what became of it.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use maud::{Markup, html};
use packhorse_core::ledger::Outcome;
use packhorse_objects::client::Client;
use packhorse_store::{AccessKey, Job, LogObject};

use super::rows::{self, NoPage, Page, Place, Row, Wanted};
use super::standing;
use crate::api::get_status;
use crate::console::enter::Visit;
use crate::console::form::query;
use crate::console::layout::{Frame, notice};
use crate::console::refusal::{self, NoEntry};
use crate::console::{Console, answer, units};
use crate::store_error::chain;

/// Longest text that is searched for.
const SEARCHED_CHARS_MAX: usize = 1024;
/// The filters: how they are called in a query, and on the page.
const FILTERS: [(&str, &str, Option<Outcome>); 4] = [
    ("", "All", None),
    ("stored", "Stored", Some(Outcome::Stored)),
    ("ignored", "Ignored", Some(Outcome::Ignored)),
    ("failed", "Errors", Some(Outcome::Failed)),
];

/// `GET /console/jobs/ID/report`
pub(in crate::console) async fn page(console: &Console, visit: Visit<AccessKey>) -> Response {
    let (job, log, client) = match find(console, &visit).await {
        Ok(found) => found,
        Err(refused) => return *refused,
    };
    let searched: String = visit
        .query
        .get("q")
        .chars()
        .take(SEARCHED_CHARS_MAX)
        .collect();
    let filter = FILTERS
        .iter()
        .find(|(name, ..)| *name == visit.query.get("outcome"));
    let (filter, _, outcome) = filter.copied().unwrap_or(("", "", None));
    let place = Place {
        at: visit.query.get("at").parse().unwrap_or_default(),
        rows: visit.query.get("row").parse().unwrap_or_default(),
    };
    let wanted = Wanted {
        text: searched.trim().to_lowercase(),
        outcome,
    };
    let read = rows::page(&client, &log, place, &wanted).await;
    let here = format!("/console/jobs/{}/report", job.id);
    let (status, contents) = match read {
        Ok(page) => {
            let asked = Asked {
                here: &here,
                searched: searched.trim(),
                filter,
                place,
            };
            (StatusCode::OK, asked.table(&page))
        }
        Err(no) => unreadable(&job, &log, &no),
    };
    let frame = Frame {
        title: &format!("Report of job {}", job.id),
        session: Some(&visit.session),
        is_wide: true,
        ..Frame::default()
    };
    let contents = html! {
        p.crumbs { a href={ "/console/jobs/" (job.id) } { "Job " (job.id) } }
        div.headline {
            h1 { "Report" }
            a.button href={ (here) ".csv" } { "Download CSV" }
        }
        (standing::totals(&job.counts))
        form.search method="get" action=(here) role="search" {
            label.sr for="q" { "Search in names and keys" }
            input #q name="q" type="search" value=(searched.trim()) placeholder="Search names and keys";
            fieldset.filters {
                legend.sr { "Outcome" }
                @for (name, text, _) in FILTERS {
                    label {
                        input type="radio" name="outcome" value=(name) checked[name == filter];
                        span { (text) }
                    }
                }
            }
            button { "Show" }
        }
        (contents)
    };
    answer::html(status, frame.page(contents))
}

/// What was asked of a report.
struct Asked<'a> {
    here: &'a str,
    searched: &'a str,
    filter: &'a str,
    place: Place,
}

impl Asked<'_> {
    fn table(&self, page: &Page) -> Markup {
        let is_whole = self.place == Place::default() && page.next.is_none();
        html! {
            @if page.rows.is_empty() {
                div.card.empty {
                    p {
                        @if is_whole { "No file is like that." }
                        @else if page.next.is_none() { "No more files are like that." }
                        @else { "Nothing found so far, in " (self.share(page)) " of the report." }
                    }
                }
            } @else {
                div.card.flush {
                    table.report {
                        thead {
                            tr {
                                th.number scope="col" { "Row" } th scope="col" { "File" }
                                th scope="col" { "Outcome" } th.number scope="col" { "Size" }
                            }
                        }
                        tbody { @for row in &page.rows { (line(row)) } }
                    }
                }
            }
            p.pages {
                @if self.place != Place::default() {
                    a.button href={ (self.here) "?" (self.query(Place::default())) } { "First page" }
                }
                @if let Some(next) = page.next {
                    a.button href={ (self.here) "?" (self.query(next)) } {
                        @if page.rows.len() < rows::ROWS_ON_PAGE { "Search on" } @else { "Next page" }
                    }
                    span.faint { (self.share(page)) " of the report" }
                }
            }
        }
    }

    fn share(&self, page: &Page) -> String {
        let share = u128::from(page.read_to) * 100 / u128::from(page.size.max(1));
        format!("{share} %")
    }

    fn query(&self, place: Place) -> String {
        let (at, row) = match place == Place::default() {
            true => Default::default(),
            false => (place.at.to_string(), place.rows.to_string()),
        };
        query(&[
            ("q", self.searched),
            ("outcome", self.filter),
            ("at", &at),
            ("row", &row),
        ])
    }
}

fn line(row: &Row) -> Markup {
    let (class, word) = match row.outcome() {
        Outcome::Stored => ("good", "Stored"),
        Outcome::Ignored => ("over", "Ignored"),
        Outcome::Failed => ("bad", "Error"),
    };
    html! {
        tr {
            td.number data-label="Row" { (units::grouped(row.number)) }
            th scope="row" {
                span.path { (units::foreign(&row.file)) }
                @if !row.key.is_empty() { span.path.faint { "→ " (units::foreign(&row.key)) } }
            }
            td data-label="Outcome" {
                span class={ "badge " (class) } { (word) }
                @if row.outcome() != Outcome::Stored {
                    " " span.code { (row.status) " " (units::foreign(&row.code)) }
                }
            }
            td.number data-label="Size" { (units::size(row.bytes)) }
        }
    }
}

/// `GET /console/jobs/ID/report.csv`: the report as it is, piece by piece.
pub(in crate::console) async fn download(console: &Console, visit: Visit<AccessKey>) -> Response {
    let (job, log, client) = match find(console, &visit).await {
        Ok(found) => found,
        Err(refused) => return *refused,
    };
    let object = match client.get_object(&log.bucket, &log.key, None).await {
        Ok(object) => object,
        Err(error) => {
            let (status, contents) = unreadable(&job, &log, &NoPage::Store(error));
            let frame = Frame {
                title: "Report",
                session: Some(&visit.session),
                ..Frame::default()
            };
            return answer::html(status, frame.page(contents));
        }
    };
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"report-{}.csv\"", job.id),
        ),
        (CACHE_CONTROL, "private, no-store".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let pieces = stream::unfold(Some(object.body), async |body| {
        let mut body = body?;
        match body.chunk().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(body))),
            Ok(None) => None,
            // The connection breaks off, so that nobody takes a part for the whole.
            Err(error) => Some((Err(error), None)),
        }
    });
    (headers, Body::from_stream(pieces)).into_response()
}

/// The job, its report, and a way to it with the customer's own key.
async fn find(
    console: &Console,
    visit: &Visit<AccessKey>,
) -> Result<(Job, LogObject, Client), Box<Response>> {
    let found = get_status::find(&console.context, &visit.who, visit.job()).await;
    let job = found.map_err(|fault| Box::new(refusal::fault(&visit.session, &fault)))?;
    let Some(log) = job.log.clone() else {
        let why = "This job has no report yet: it is written when the load is over.";
        let page = refusal::page(Some(&visit.session), StatusCode::NOT_FOUND, why);
        return Err(Box::new(page));
    };
    let client = console.context.objects(&visit.who);
    let client = client.map_err(|_| Box::new(NoEntry::Broken.into_response()))?;
    Ok((job, log, client))
}

fn unreadable(job: &Job, log: &LogObject, no: &NoPage) -> (StatusCode, Markup) {
    let (status, why) = match no {
        NoPage::Store(error) if error.is_retryable() => {
            tracing::warn!(job.id = %job.id, error = chain(error), "a report could not be read");
            let why = "The object store does not answer at the moment. Try again in a while.";
            (StatusCode::SERVICE_UNAVAILABLE, why)
        }
        NoPage::Store(error) => {
            tracing::info!(job.id = %job.id, error = chain(error), "a report is not there");
            let why = "The object store does not give the report out: it was deleted, or your key \
                       may not read it any more.";
            (StatusCode::NOT_FOUND, why)
        }
        NoPage::NotAReport => {
            let why = "What lies at the report's place is no report: something else was written \
                       over it.";
            (StatusCode::NOT_FOUND, why)
        }
    };
    let place = html! {
        p { (why) }
        p { "It was stored as " (units::foreign(&log.key)) " in the bucket " (units::foreign(&log.bucket)) "." }
    };
    (status, notice("error", place))
}
