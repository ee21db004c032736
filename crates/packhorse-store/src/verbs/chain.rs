//! A job's events, each chained to the one before; the job's row keeps the head of the chain.

use jiff::Timestamp;
use packhorse_core::event::{Actor, Event, Link};
use packhorse_core::job::Change;

use super::row::{Row, link};
use crate::database::{Record, Session};
use crate::error::{Error, Result};
use crate::names::printable;
use crate::time::{cut, from_micros, micros};

/// The longest detail that is kept. Stations report reasons in their own words.
const DETAIL_CHARS_MAX: usize = 1000;

/// Moves the job along the table of states and notes it. The caller saves the row.
pub(super) async fn change(
    session: &mut Session,
    row: &mut Row,
    change: Change,
    actor: Actor,
    detail: &str,
    now: Timestamp,
) -> Result<()> {
    row.state = row.state.after(change)?;
    row.updated_at = cut(now);
    append(session, row, event(actor, change.code(), detail, now)).await
}

/// Appends an event. The caller saves the row, which carries the head of the chain.
pub(super) async fn append(session: &mut Session, row: &mut Row, event: Event) -> Result<()> {
    let link = row.event_link.after(&event);
    insert(session, row.seq, row.event_count, &event, &link).await?;
    row.event_count += 1;
    row.event_link = link;
    Ok(())
}

/// An event as it is kept.
pub(super) fn event(actor: Actor, what: &str, detail: &str, now: Timestamp) -> Event {
    Event {
        at: cut(now),
        actor,
        what: what.to_owned(),
        detail: printable(detail).chars().take(DETAIL_CHARS_MAX).collect(),
    }
}

/// Inserts an event of the job `job`, the `seq`th of it, with the link that it makes.
pub(super) async fn insert(
    session: &mut Session,
    job: i64,
    seq: i64,
    event: &Event,
    link: &Link,
) -> Result<()> {
    let actor = serde_json::to_string(&event.actor).expect("an actor is always JSON");
    session
        .execute(
            "INSERT INTO events (job, seq, at, actor, what, detail, link) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                job.into(),
                seq.into(),
                micros(event.at).into(),
                actor.as_str().into(),
                event.what.as_str().into(),
                event.detail.as_str().into(),
                link.0.as_slice().into(),
            ],
        )
        .await
        .map(drop)
}

/// All events, oldest first. Customers can cause a bounded number of them; the rest is one for each
/// time that a known station began.
pub(super) async fn read(session: &mut Session, row: &Row) -> Result<Vec<(Event, Link)>> {
    let records = session
        .all(
            "SELECT * FROM events WHERE job = $1 ORDER BY seq",
            &[row.seq.into()],
        )
        .await?;
    records.iter().map(parse).collect()
}

/// An event and the link after it, out of the columns of `events`.
pub(super) fn parse(record: &Record) -> Result<(Event, Link)> {
    let actor: String = record.get("actor")?;
    let event = Event {
        at: from_micros(record.get("at")?)?,
        actor: serde_json::from_str(&actor)
            .map_err(|_| Error::Corrupt("an actor cannot be read"))?,
        what: record.get("what")?,
        detail: record.get("detail")?,
    };
    Ok((event, link(record.get("link")?)?))
}

/// Whether the job's chain holds at every link.
pub(super) async fn verify(session: &mut Session, row: &Row) -> Result<()> {
    let events = read(session, row).await?;
    let mut chain = Chain::START;
    for (event, link) in &events {
        chain.extend(event, *link);
    }
    chain.check(row.event_count, row.event_link)
}

/// A chain as far as it was followed.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    count: i64,
    head: Link,
    whole: bool,
}

impl Chain {
    /// Before the first event.
    pub(super) const START: Self = Self {
        count: 0,
        head: Link::START,
        whole: true,
    };

    /// Follows it by one event.
    pub(super) fn extend(&mut self, event: &Event, link: Link) {
        self.head = self.head.after(event);
        self.whole &= self.head == link;
        self.count += 1;
    }

    /// Notes that it cannot be followed.
    pub(super) fn tear(&mut self) {
        self.whole = false;
    }

    /// Whether it held at every link and ends where the job's row says.
    pub(super) fn check(self, count: i64, head: Link) -> Result<()> {
        if self.whole && self.count == count && self.head == head {
            Ok(())
        } else {
            Err(Error::Corrupt("the event chain of a job is broken"))
        }
    }
}
