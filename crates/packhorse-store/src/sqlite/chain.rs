//! A job's events, each chained to the one before; the job's row keeps the head of the chain.

use jiff::Timestamp;
use packhorse_core::event::{Actor, Event, Link};
use packhorse_core::job::Change;
use sqlx::{Row as _, SqliteConnection};

use super::row::{Row, link};
use super::time::{cut, from_micros, micros};
use crate::error::{Error, Result};

/// The longest detail that is kept. Stations report reasons in their own words.
const DETAIL_CHARS_MAX: usize = 1000;

/// Moves the job along the table of states and notes it. The caller saves the row.
pub(super) async fn change(
    conn: &mut SqliteConnection,
    row: &mut Row,
    change: Change,
    actor: Actor,
    detail: &str,
    now: Timestamp,
) -> Result<()> {
    row.state = row.state.after(change)?;
    row.updated_at = cut(now);
    append(conn, row, actor, change.code(), detail, now).await
}

/// Appends an event. The caller saves the row, which carries the head of the chain.
pub(super) async fn append(
    conn: &mut SqliteConnection,
    row: &mut Row,
    actor: Actor,
    what: &str,
    detail: &str,
    now: Timestamp,
) -> Result<()> {
    let event = event(actor, what, detail, now);
    let link = row.event_link.after(&event);
    insert(conn, row.seq, row.event_count, &event, &link).await?;
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
        detail: detail.chars().take(DETAIL_CHARS_MAX).collect(),
    }
}

/// Inserts an event of the job `job`, the `seq`th of it, with the link that it makes.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    job: i64,
    seq: i64,
    event: &Event,
    link: &Link,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO events (job, seq, at, actor, what, detail, link) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(job)
    .bind(seq)
    .bind(micros(event.at))
    .bind(serde_json::to_string(&event.actor).expect("an actor is always JSON"))
    .bind(&event.what)
    .bind(&event.detail)
    .bind(link.0.to_vec())
    .execute(conn)
    .await?;
    Ok(())
}

/// All events, oldest first. Customers can cause a bounded number of them; the rest is one for each
/// time that a known station began.
pub(super) async fn read(conn: &mut SqliteConnection, row: &Row) -> Result<Vec<(Event, Link)>> {
    let rows = sqlx::query("SELECT * FROM events WHERE job = ? ORDER BY seq")
        .bind(row.seq)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let actor: String = row.try_get("actor")?;
            let event = Event {
                at: from_micros(row.try_get("at")?)?,
                actor: serde_json::from_str(&actor)
                    .map_err(|_| Error::Corrupt("an actor cannot be read"))?,
                what: row.try_get("what")?,
                detail: row.try_get("detail")?,
            };
            Ok((event, link(row.try_get("link")?)?))
        })
        .collect()
}

/// Whether the chain begins at the start, holds at every link, and ends where the row says.
pub(super) async fn verify(conn: &mut SqliteConnection, row: &Row) -> Result<()> {
    const BROKEN: Error = Error::Corrupt("the event chain of a job is broken");
    let events = read(conn, row).await?;
    let mut head = Link::START;
    for (event, link) in &events {
        head = head.after(event);
        if head != *link {
            return Err(BROKEN);
        }
    }
    let whole = i64::try_from(events.len()).is_ok_and(|count| count == row.event_count);
    if whole && head == row.event_link {
        Ok(())
    } else {
        Err(BROKEN)
    }
}
