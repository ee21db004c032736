//! A database as JSON Lines: one line that says what it is, one for each row, one that says how many
//! there were. Binary columns are Base64. What is sealed in the database is sealed in the dump.

use std::io::{BufRead, Read as _, Write};

use futures_util::TryStreamExt as _;
use serde_json::Value as Json;

use super::sum::Sum;
use super::tables::{ROWS_AT_ONCE, TABLES, Table};
use super::{check_copy, check_empty};
use crate::database::Database;
use crate::error::Error;
use crate::master_key::MasterKey;
use crate::verbs::Verbs;

/// The form that this program writes and reads.
const FORM: u64 = 1;
/// What the master key is proved on.
const PLACE: &str = "dump";
/// The longest line: a manifest of 1 MiB, sealed, in Base64, and its row.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why a dump could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The database refused or failed.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file cannot be used.
    #[error("the dump cannot be read or written")]
    File(#[from] std::io::Error),
    /// A line is not what this program writes.
    #[error("line {line} of the dump: {problem}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Writes everything in the database at `url`, as it is at one moment. Blocks where `out` does.
pub async fn export(
    url: &str,
    master_key: &MasterKey,
    out: &mut (dyn Write + Send),
) -> Result<Sum, DumpError> {
    let verbs = Verbs::new(Database::open(url).await?, master_key).await?;
    let sealed = master_key.seal().seal(PLACE, "packhorse")?;
    let head = serde_json::json!({ "packhorse": "dump", "form": FORM, "key": hex::encode(sealed) });
    writeln!(out, "{head}")?;
    let mut session = verbs.database().long_read().await?;
    let mut sum = Sum::default();
    for table in &TABLES {
        let mut records = session.each(table.select());
        while let Some(record) = records.try_next().await? {
            let row = table.row(&record)?;
            sum.add(table, &row);
            writeln!(out, "{}", table.line(&row))?;
        }
    }
    writeln!(out, "{}", foot(&sum))?;
    out.flush()?;
    Ok(sum)
}

/// The last line: without it the dump was cut off.
fn foot(sum: &Sum) -> Json {
    let rows: serde_json::Map<_, _> = sum
        .rows()
        .map(|(table, rows)| (table.to_owned(), rows.into()))
        .collect();
    serde_json::json!({ "end": { "rows": rows, "sha256_xor": sum.digest() } })
}

/// Fills the empty database at `url` from a dump, in one transaction that is committed only when the
/// dump is whole and what was written is what it says. Blocks where `dump` does.
pub async fn import(
    url: &str,
    master_key: &MasterKey,
    dump: &mut (dyn BufRead + Send),
) -> Result<Sum, DumpError> {
    let mut lines = Lines {
        dump,
        number: 0,
        line: Vec::new(),
    };
    let head = lines.next()?.ok_or(lines.wrong("it is empty"))?;
    check_head(&head, &lines, master_key)?;
    let verbs = Verbs::new(Database::open(url).await?, master_key).await?;
    let mut session = verbs.database().long_write().await?;
    check_empty(&mut session).await?;
    let mut sum = Sum::default();
    let mut batch: Option<(&'static Table, Vec<_>)> = None;
    let foot_found = loop {
        let line = lines.next()?;
        let line = line.ok_or(lines.wrong("the dump ends before its end: it was cut off"))?;
        if line.get("end").is_some() {
            break line;
        }
        let (table, row) = parse(&line).ok_or(lines.wrong("it is no row of a known table"))?;
        sum.add(table, &row);
        match &mut batch {
            Some((of, rows)) if of.name == table.name && rows.len() < ROWS_AT_ONCE => {
                rows.push(row);
            }
            _ => {
                if let Some((of, rows)) = batch.replace((table, vec![row])) {
                    of.insert(&mut session, &rows).await?;
                }
            }
        }
    };
    if let Some((of, rows)) = batch {
        of.insert(&mut session, &rows).await?;
    }
    if foot_found != foot(&sum) {
        return Err(lines.wrong("the rows before it are not those that were written"));
    }
    check_copy(&mut session, &sum).await?;
    session.commit().await?;
    Ok(sum)
}

fn check_head(head: &Json, lines: &Lines<'_>, master_key: &MasterKey) -> Result<(), DumpError> {
    let form = head.get("form").and_then(Json::as_u64);
    if head.get("packhorse").and_then(Json::as_str) != Some("dump") {
        return Err(lines.wrong("it is no dump of packhorse"));
    }
    if form != Some(FORM) {
        return Err(lines.wrong("it was written by another version of packhorse"));
    }
    let sealed = head.get("key").and_then(Json::as_str);
    let sealed = sealed.and_then(|text| hex::decode(text).ok());
    let opened = sealed.is_some_and(|sealed| master_key.seal().open(PLACE, &sealed).is_ok());
    match opened {
        true => Ok(()),
        false => Err(Error::WrongMasterKey.into()),
    }
}

fn parse(line: &Json) -> Option<(&'static Table, Vec<super::tables::Cell>)> {
    let table = Table::named(line.get("table")?.as_str()?)?;
    Some((table, table.row_of(line.get("row")?.as_object()?)?))
}

/// The lines of a dump, one at a time.
struct Lines<'a> {
    dump: &'a mut (dyn BufRead + Send),
    number: u64,
    line: Vec<u8>,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Json>, DumpError> {
        self.line.clear();
        self.number += 1;
        let mut bounded = (&mut *self.dump).take(LINE_BYTES_MAX);
        if bounded.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        let json = serde_json::from_slice(&self.line);
        json.map(Some)
            .map_err(|_| self.wrong("it is not JSON, or too long"))
    }

    fn wrong(&self, problem: &'static str) -> DumpError {
        DumpError::Line {
            line: self.number,
            problem,
        }
    }
}
