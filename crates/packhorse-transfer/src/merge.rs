//! The ledger against the store's listing: both are in key order, so this is one merge of two
//! streams in flat memory.

use packhorse_core::bucket::BucketName;
use packhorse_objects::client::{Client, ListObjects, ListPage, ListedObject};
use tokio::runtime::Handle;

use crate::Error;
use crate::ledger::KeyRow;
use crate::retry::Retry;

/// Rows and objects held at once.
pub(crate) const PAGE: u32 = 1000;

/// A bucket to be listed. Runs on a plain thread: it alternates between SQLite and the network.
#[derive(Clone, Copy)]
pub(crate) struct Merge<'a> {
    pub client: &'a Client,
    pub bucket: &'a BucketName,
    pub retry: &'a Retry,
}

impl Merge<'_> {
    /// Shows `judge` every row with the object of its key. `page` gives the rows after a key, in byte
    /// order of their keys, which all lie within `range`.
    pub(crate) fn run<R: KeyRow>(
        &self,
        range: (&str, &str),
        page: impl FnMut(&str) -> Result<Vec<R>, Error>,
        mut judge: impl FnMut(&R, Option<&ListedObject>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut rows = Rows {
            fetch: page,
            page: Vec::new(),
            last: String::new(),
        };
        let mut request = ListObjects {
            prefix: common_prefix(range.0, range.1).to_owned(),
            max_keys: Some(PAGE),
            ..ListObjects::default()
        };
        let mut row = rows.next()?;
        while let Some(wanted) = row.as_ref() {
            if request.continuation_token.is_none() && !wanted.key().is_empty() {
                request.start_after = Some(just_before(wanted.key()).to_owned())
                    .filter(|start| start.as_str() > request.prefix.as_str());
            }
            let page = self.list(&request)?;
            let mut matches = false;
            for object in &page.objects {
                while let Some(missing) = row.as_ref().filter(|r| r.key() < object.key.as_str()) {
                    judge(missing, None)?;
                    row = rows.next()?;
                }
                if let Some(found) = row.as_ref().filter(|r| r.key() == object.key) {
                    judge(found, Some(object))?;
                    matches = true;
                    row = rows.next()?;
                }
            }
            let Some(next) = page.next else { break };
            let seen = page.objects.last().map_or("", |object| object.key.as_str());
            // A page full of other people's objects: jump to the next key of ours, but only forward.
            let jump = !matches
                && row
                    .as_ref()
                    .is_some_and(|row| just_before(row.key()) > seen);
            request.continuation_token = (!jump).then_some(next);
        }
        while let Some(missing) = row {
            judge(&missing, None)?;
            row = rows.next()?;
        }
        Ok(())
    }

    fn list(&self, request: &ListObjects) -> Result<ListPage, Error> {
        let (client, bucket) = (self.client, self.bucket);
        let what = || format!("list {bucket}/{}", request.prefix);
        let list = || client.list_objects(bucket.as_str(), request);
        Handle::current()
            .block_on(self.retry.run(&what, list))
            .map_err(|failed| failed.into_job(what()))
    }
}

/// Rows in key order, read in pages.
struct Rows<R, F> {
    fetch: F,
    /// In reverse, so that the next row is popped.
    page: Vec<R>,
    last: String,
}

impl<R: KeyRow, F: FnMut(&str) -> Result<Vec<R>, Error>> Rows<R, F> {
    fn next(&mut self) -> Result<Option<R>, Error> {
        if self.page.is_empty() {
            self.page = (self.fetch)(&self.last)?;
            self.page.reverse();
        }
        let row = self.page.pop();
        if let Some(row) = &row {
            row.key().clone_into(&mut self.last);
        }
        Ok(row)
    }
}

/// What both keys begin with, cut at a character.
pub(crate) fn common_prefix<'a>(first: &'a str, last: &str) -> &'a str {
    let end = first
        .char_indices()
        .zip(last.chars())
        .find(|((_, a), b)| a != b)
        .map_or(first.len().min(last.len()), |((at, _), _)| at);
    first.get(..end).unwrap_or_default()
}

/// A key that sorts before `key`: a listing that starts after it still holds `key`.
fn just_before(key: &str) -> &str {
    let last = key.char_indices().next_back().map_or(0, |(at, _)| at);
    key.get(..last).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_prefix_is_cut_at_a_character() {
        assert_eq!(common_prefix("a/b", "a/c"), "a/");
        assert_eq!(common_prefix("é", "è"), "");
        assert_eq!(common_prefix("same", "same"), "same");
        assert_eq!(common_prefix("a", "ab"), "a");
    }

    #[test]
    fn just_before_a_key_is_before_it() {
        for key in ["a", "ab", "é", "a/é"] {
            assert!(just_before(key) < key);
        }
    }
}
