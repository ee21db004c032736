//! Everything out of one database and into another: move, export, import.
//!
//! Rows are copied as they are, sealed texts too: the master key stays the same.

mod dump;
mod sum;
mod tables;

use futures_util::TryStreamExt as _;

pub use dump::{DumpError, export, import};
pub use sum::Sum;

use crate::database::{Database, Session};
use crate::error::{Error, Result};
use crate::master_key::MasterKey;
use crate::verbs::Verbs;
use tables::{ROWS_AT_ONCE, TABLES};

/// Moves everything from the SQLite database at `from` into the empty one at `to`, and closes the
/// old one for good.
///
/// Nobody else may have the old one open ([`Error::Database`], busy, when somebody has). All rows are
/// inserted in one transaction, read back, compared with the old ones, and each job's chain of events
/// is followed, before that transaction is committed. Only then does the old database refuse to be
/// opened; when that last step fails, both hold the same.
pub async fn migrate(from: &str, to: &str, master_key: &MasterKey) -> Result<Sum> {
    let old = Database::open_alone(from).await?;
    let new = Database::open(to).await?;
    let old = Verbs::new(old, master_key).await?;
    let new = Verbs::new(new, master_key).await?;
    let mut reading = old.database().write().await?;
    let mut writing = new.database().long_write().await?;
    check_empty(&mut writing).await?;
    let copied = copy(&mut reading, &mut writing).await?;
    check_copy(&mut writing, &copied).await?;
    writing.commit().await?;
    reading
        .execute(
            "UPDATE schema_floor SET version = $1 WHERE id = 1",
            &[crate::database::MOVED.into()],
        )
        .await?;
    reading.commit().await?;
    Ok(copied)
}

async fn copy(from: &mut Session, to: &mut Session) -> Result<Sum> {
    let mut sum = Sum::default();
    for table in &TABLES {
        let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
        let mut records = from.each(table.select());
        while let Some(record) = records.try_next().await? {
            let row = table.row(&record)?;
            sum.add(table, &row);
            rows.push(row);
            if rows.len() == ROWS_AT_ONCE {
                table.insert(to, &rows).await?;
                rows.clear();
            }
        }
        table.insert(to, &rows).await?;
    }
    Ok(sum)
}

/// Fails when there is a row already.
async fn check_empty(session: &mut Session) -> Result<()> {
    for table in &TABLES {
        let sql = format!("{} LIMIT 1", table.select());
        if session.each(sql).try_next().await?.is_some() {
            return Err(Error::NotEmpty);
        }
    }
    Ok(())
}

/// Reads back what was written: the same rows, and every job's chain of events whole.
async fn check_copy(session: &mut Session, expected: &Sum) -> Result<()> {
    let mut found = Sum::default();
    for table in &TABLES {
        let mut records = session.each(table.select());
        while let Some(record) = records.try_next().await? {
            found.add(table, &table.row(&record)?);
        }
    }
    if found != *expected {
        return Err(Error::Corrupt("the copy differs from the original"));
    }
    let audit = crate::verbs::audit(session).await?;
    match audit.broken.is_empty() {
        true => Ok(()),
        false => Err(Error::Corrupt("the event chain of a job is broken")),
    }
}

#[cfg(test)]
mod tests;
