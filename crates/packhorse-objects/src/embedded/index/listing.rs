//! One page of names in order, rolled up at a delimiter: the rule that every listing of S3 follows.
//!
//! A rolled-up prefix costs one seek, however many names are under it.

use rusqlite::Connection;

use super::objects::Object;
use super::uploads::{Upload, read_upload};
use crate::embedded::fault::Fault;

/// Rows fetched at once when names are rolled up: most of them may be skipped.
const BATCH: usize = 100;

/// Where a listing begins: at the first entry above this name and number. Entries with the same
/// name (uploads) are told apart by number, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) name: Vec<u8>,
    pub(crate) number: i64,
}

/// What to list.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    /// After this one.
    pub(crate) after: Option<Position>,
    pub(crate) count: usize,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line<T> {
    Entry(String, T),
    Prefix(String),
}

impl<T> Line<T> {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Entry(name, _) | Self::Prefix(name) => name,
        }
    }
}

/// Lines in order, and whether there are more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) lines: Vec<Line<T>>,
    pub(crate) truncated: bool,
}

impl Position {
    /// Before every entry of that name.
    fn at(name: Vec<u8>) -> Self {
        Self { name, number: 0 }
    }

    /// After every entry of that name.
    pub(crate) fn after(name: &str) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            number: i64::MAX,
        }
    }

    /// After every name that begins with `prefix`. No byte of UTF-8 is 255.
    fn past(prefix: &str) -> Self {
        let mut name = prefix.as_bytes().to_vec();
        if let Some(last) = name.last_mut() {
            *last += 1;
        }
        Self::at(name)
    }
}

impl Wanted {
    /// The prefix that a name is rolled up to, delimiter included.
    fn rolled_up<'a>(&self, name: &'a str) -> Option<&'a str> {
        let delimiter = self.delimiter.as_deref().filter(|text| !text.is_empty())?;
        let rest = name.strip_prefix(self.prefix.as_str())?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        name.get(..end)
    }

    /// A listing that continues after a rolled-up prefix continues after all that is under it.
    fn start(&self) -> Position {
        let first = Position::at(self.prefix.as_bytes().to_vec());
        let Some(after) = &self.after else {
            return first;
        };
        let start = match std::str::from_utf8(&after.name) {
            Ok(name) if self.rolled_up(name) == Some(name) => Position::past(name),
            _ => after.clone(),
        };
        if start.name < first.name {
            first
        } else {
            start
        }
    }
}

/// Puts a page together from `fetch`, which gives entries above a position in order.
fn page<T>(
    wanted: &Wanted,
    mut fetch: impl FnMut(&Position, usize) -> Result<Vec<(Position, T)>, Fault>,
) -> Result<Page<T>, Fault> {
    let mut page = Page {
        lines: Vec::new(),
        truncated: false,
    };
    if wanted.count == 0 {
        return Ok(page);
    }
    let mut position = wanted.start();
    loop {
        let missing = wanted.count - page.lines.len() + 1;
        let batch = match wanted.delimiter {
            Some(_) => missing.min(BATCH),
            None => missing,
        };
        let rows = fetch(&position, batch)?;
        let last_batch = rows.len() < batch;
        for (at, entry) in rows {
            if at.name < position.name {
                // Under a prefix that this batch has already rolled up.
                continue;
            }
            let name = String::from_utf8(at.name.clone()).map_err(Fault::internal)?;
            if !name.starts_with(&wanted.prefix) {
                return Ok(page);
            }
            if page.lines.len() == wanted.count {
                page.truncated = true;
                return Ok(page);
            }
            match wanted.rolled_up(&name) {
                Some(prefix) => {
                    position = Position::past(prefix);
                    page.lines.push(Line::Prefix(prefix.to_owned()));
                }
                None => {
                    position = at;
                    page.lines.push(Line::Entry(name, entry));
                }
            }
        }
        if last_batch {
            return Ok(page);
        }
    }
}

/// A page of a bucket's objects.
pub(crate) fn objects(
    db: &Connection,
    bucket: i64,
    wanted: &Wanted,
) -> Result<Page<Object>, Fault> {
    let mut at = db.prepare_cached(
        "SELECT key, size, etag, modified, body, parts, attributes FROM objects
         WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?",
    )?;
    let mut above = db.prepare_cached(
        "SELECT key, size, etag, modified, body, parts, attributes FROM objects
         WHERE bucket = ? AND key > ? ORDER BY key LIMIT ?",
    )?;
    page(wanted, |position, count| {
        let select = if position.number == 0 {
            &mut at
        } else {
            &mut above
        };
        let rows = select.query_map((bucket, &position.name, count as i64), |row| {
            let position = Position {
                name: row.get(0)?,
                number: 1,
            };
            Ok((position, Object::read(row, 1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    })
}

/// A page of a bucket's uploads in progress.
pub(crate) fn uploads(
    db: &Connection,
    bucket: i64,
    wanted: &Wanted,
) -> Result<Page<Upload>, Fault> {
    let mut select = db.prepare_cached(
        "SELECT id, token, initiated, attributes, checksum, key FROM uploads
         WHERE bucket = ?1 AND (key, id) > (?2, ?3) ORDER BY key, id LIMIT ?4",
    )?;
    page(wanted, |position, count| {
        let from = (bucket, &position.name, position.number, count as i64);
        let rows = select.query_map(from, |row| {
            let upload = read_upload(row)?;
            let position = Position {
                name: row.get(5)?,
                number: row.get(0)?,
            };
            Ok((position, upload))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed(names: &[String], wanted: &Wanted) -> Page<()> {
        page(wanted, |position, count| {
            let from = (position.name.clone(), position.number);
            Ok(names
                .iter()
                .map(|name| (name.clone().into_bytes(), 1))
                .filter(|name| *name > from)
                .take(count)
                .map(|(name, number)| (Position { name, number }, ()))
                .collect())
        })
        .unwrap()
    }

    /// All lines, by reading every name.
    fn model(names: &[String], wanted: &Wanted) -> Vec<Line<()>> {
        let mut lines: Vec<Line<()>> = Vec::new();
        for name in names.iter().filter(|name| name.starts_with(&wanted.prefix)) {
            let line = match wanted.rolled_up(name) {
                Some(prefix) => Line::Prefix(prefix.to_owned()),
                None => Line::Entry(name.clone(), ()),
            };
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines
    }

    proptest! {
        #[test]
        fn pages_together_are_the_whole_listing(
            names in proptest::collection::btree_set("[ab/ü]{1,6}", 0..60),
            prefix in "[ab/]{0,2}",
            delimiter in proptest::option::of("[/a]|ab"),
            count in 1_usize..5,
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let mut wanted = Wanted { prefix, delimiter, after: None, count };
            let expected = model(&names, &wanted);
            let mut lines = Vec::new();
            loop {
                let page = listed(&names, &wanted);
                prop_assert!(page.lines.len() <= count);
                lines.extend(page.lines);
                if !page.truncated {
                    break;
                }
                wanted.after = lines.last().map(|line| Position::after(line.name()));
            }
            prop_assert_eq!(lines, expected);
        }
    }

    #[test]
    fn a_rolled_up_prefix_costs_few_fetches() {
        let names: Vec<String> = (0..10_000).map(|n| format!("a/{n:05}")).collect();
        let wanted = Wanted {
            prefix: String::new(),
            delimiter: Some("/".to_owned()),
            after: None,
            count: 10,
        };
        let mut fetches = 0;
        let page = page(&wanted, |position, count| {
            fetches += 1;
            let found = names
                .iter()
                .filter(|name| name.as_bytes() > position.name.as_slice())
                .take(count);
            Ok(found.map(|name| (Position::after(name), ())).collect())
        })
        .unwrap();
        assert_eq!(page.lines, [Line::Prefix("a/".to_owned())]);
        assert_eq!(fetches, 2);
    }
}
