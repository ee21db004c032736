//! How far a job is: its state, its progress, its history. Customers and operators see the same.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use packhorse_core::event::Event;
use packhorse_core::job::{Progress, State};
use packhorse_core::ledger::Counts;

use crate::console::{units, words};

/// A rate over less than this says nothing.
const RATE_SECONDS_MIN: i64 = 5;

/// The state in a word.
pub(in crate::console) fn badge(state: State) -> Markup {
    let (text, class) = words::badge(state);
    html! { span class={ "badge " (class) } { (text) } }
}

/// What of a load is done, in thousandths: by bytes, or by files when there are no bytes.
fn thousandths(counts: &Counts) -> u64 {
    let (done, all) = match counts.listed_bytes {
        0 => (
            counts.listed - counts.open().min(counts.listed),
            counts.listed,
        ),
        all => (counts.stored_bytes, all),
    };
    let share = u128::from(done) * 1000 / u128::from(all.max(1));
    u64::try_from(share).unwrap_or(1000).min(1000)
}

/// A bar for it.
pub(in crate::console) fn bar(counts: &Counts) -> Markup {
    let done = thousandths(counts);
    let label = format!("{} % done", done / 10);
    html! { progress value=(done) max="1000" aria-label=(label) { (label) } }
}

/// A load under way, in numbers. `began` is when the station that loads took the job over; `seen` when
/// it last said how far it is.
pub(in crate::console) fn progress(
    counts: &Counts,
    began: Option<Timestamp>,
    seen: Timestamp,
) -> Markup {
    let rate = began.and_then(|began| rate(counts, seen.duration_since(began)));
    let left = counts.listed_bytes.saturating_sub(counts.stored_bytes);
    html! {
        div.progress {
            (bar(counts))
            @if counts.listed == 0 {
                p { "The device is being listed: how much there is, is known in a moment." }
            } @else {
                p {
                    strong.big { (thousandths(counts) / 10) " %" }
                    " of " (units::size(counts.listed_bytes)) " in "
                    (units::counted(counts.listed, "file", "files"))
                }
            }
            @if let Some(rate) = rate {
                p {
                    (units::short_size(rate)) "/s on average"
                    @if left > 0 {
                        ", about " (units::duration(SignedDuration::from_secs(seconds(left, rate))))
                        " left"
                    }
                }
            }
        }
    }
}

/// Bytes in a second.
fn rate(counts: &Counts, over: SignedDuration) -> Option<u64> {
    let span = u64::try_from(over.as_secs()).ok()?;
    let is_long = over.as_secs() >= RATE_SECONDS_MIN;
    (is_long && counts.stored_bytes >= span).then(|| counts.stored_bytes / span)
}

fn seconds(left: u64, rate: u64) -> i64 {
    i64::try_from(left / rate.max(1)).unwrap_or(i64::MAX)
}

/// The totals of a load that began.
pub(in crate::console) fn totals(counts: &Counts) -> Markup {
    html! {
        dl.totals {
            div { dt { "Stored" } dd {
                (units::grouped(counts.stored)) small { (units::size(counts.stored_bytes)) }
            } }
            div { dt { "Ignored" } dd { (units::grouped(counts.ignored)) } }
            div.bad[counts.failed > 0] { dt { "Errors" } dd { (units::grouped(counts.failed)) } }
            @if counts.open() > 0 {
                div { dt { "Still open" } dd { (units::grouped(counts.open())) } }
            }
        }
    }
}

/// When the load that goes on began.
pub(in crate::console) fn began(events: &[Event]) -> Option<Timestamp> {
    let claims = events.iter().rev().filter(|event| event.what == "Claim");
    claims.map(|event| event.at).next()
}

/// Whether anything will still happen to the job by itself.
pub(in crate::console) fn is_moving(state: State) -> bool {
    matches!(state.progress, Progress::Pending | Progress::InProgress)
        || state.location == packhorse_core::job::Location::AtAWS
}

/// Events whose detail is the service's own business: the type of a job, where a device is connected.
const UNTOLD: [&str; 2] = ["Create", "Claim"];

/// What happened, the latest first.
pub(in crate::console) fn timeline(events: &[Event]) -> Markup {
    html! {
        ol.timeline {
            @for event in events.iter().rev() {
                li {
                    p { strong { (words::happened(event)) } }
                    @if !event.detail.is_empty() && !UNTOLD.contains(&event.what.as_str()) {
                        p.detail { (units::foreign(&event.detail)) }
                    }
                    p.faint { (units::time(event.at)) " · " (units::foreign(&words::actor(&event.actor))) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(listed_bytes: u64, stored_bytes: u64) -> Counts {
        Counts {
            listed: 4,
            stored: 1,
            listed_bytes,
            stored_bytes,
            ..Counts::default()
        }
    }

    #[test]
    fn shares_and_rates_hold_for_any_numbers() {
        assert_eq!(thousandths(&counts(1000, 250)), 250);
        assert_eq!(thousandths(&counts(0, 0)), 250);
        assert_eq!(thousandths(&Counts::default()), 0);
        assert_eq!(thousandths(&counts(1, u64::MAX)), 1000);
        let over = SignedDuration::from_secs;
        assert_eq!(rate(&counts(1000, 250), over(10)), Some(25));
        assert_eq!(rate(&counts(1000, 250), over(4)), None);
        assert_eq!(rate(&counts(1000, 250), over(-9)), None);
        assert_eq!(rate(&counts(1000, 0), over(10)), None);
    }
}
