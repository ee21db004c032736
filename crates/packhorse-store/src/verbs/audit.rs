//! Whether all jobs' events are complete and unchanged, in one pass over the database.

use futures_util::TryStreamExt as _;
use packhorse_core::event::Link;
use packhorse_core::id::JobId;

use super::chain::{self, Chain};
use super::row;
use crate::database::{Record, Session};
use crate::error::Result;
use crate::types::Audit;

/// Broken jobs that are named; beyond that the database as a whole is damaged.
const NAMED_MAX: usize = 1000;

/// A job whose events are being read.
struct Open {
    id: JobId,
    count: i64,
    head: Link,
    chain: Chain,
}

impl Open {
    fn of(record: &Record) -> Result<Self> {
        Ok(Self {
            id: row::job_id(record)?,
            count: record.get("event_count")?,
            head: row::link(record.get("event_link")?)?,
            chain: Chain::START,
        })
    }

    fn close(self, audit: &mut Audit) {
        audit.jobs += 1;
        if self.chain.check(self.count, self.head).is_err() && audit.broken.len() < NAMED_MAX {
            audit.broken.push(self.id);
        }
    }
}

/// Follows every chain.
pub(crate) async fn audit(session: &mut Session) -> Result<Audit> {
    let mut audit = Audit::default();
    let mut open: Option<Open> = None;
    // A job without events comes once, with nothing beside it.
    let sql = "SELECT j.id, j.event_count, j.event_link, e.link, e.at, e.actor, e.what, e.detail \
               FROM jobs j LEFT JOIN events e ON e.job = j.seq ORDER BY j.seq, e.seq";
    let mut records = session.each(sql.to_owned());
    while let Some(record) = records.try_next().await? {
        let id = row::job_id(&record)?;
        if open.as_ref().is_none_or(|job| job.id != id)
            && let Some(done) = open.replace(Open::of(&record)?)
        {
            done.close(&mut audit);
        }
        let link: Option<Vec<u8>> = record.get("link")?;
        if let (Some(job), Some(_)) = (&mut open, link) {
            audit.events += 1;
            // An event that cannot even be read breaks its chain, not the audit.
            match chain::parse(&record) {
                Ok((event, link)) => job.chain.extend(&event, link),
                Err(_) => job.chain.tear(),
            }
        }
    }
    if let Some(done) = open {
        done.close(&mut audit);
    }
    Ok(audit)
}
