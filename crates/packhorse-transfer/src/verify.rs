//! Verification: at the end of a load the store's own listing is compared with the ledger.
//!
//! The listing and the ledger are both in key order, so this is one merge of two streams in flat
//! memory. Where the listing disagrees, a HEAD decides; an object that is not what was sent is
//! loaded again, and after that a failed row.

use std::sync::Arc;

use jiff::Timestamp;
use md5::{Digest as _, Md5};
use packhorse_core::bucket::BucketName;
use packhorse_core::ledger::Verdict;
use packhorse_media::{FileReader, ReadError, Volume};
use packhorse_objects::client::{Client, ListObjects, ListPage, ListedObject};
use tokio::runtime::Handle;

use crate::Error;
use crate::ledger::{Change, Done, Ledger, StoredRow};
use crate::reader::fill;
use crate::retry::{Failed, Retry};

/// Rows and changes held at once.
const PAGE: u32 = 1000;
/// A file whose copy was found wrong is loaded again this often.
const REPAIRS_MAX: u32 = 2;
/// Bytes read at once from the device by a second reading.
const REREAD_BYTES: usize = 1024 * 1024;

/// One verification. Runs on a plain thread: it alternates between SQLite and the network.
pub(crate) struct Verify<'a> {
    pub client: &'a Client,
    pub bucket: &'a BucketName,
    pub ledger: &'a Ledger,
    pub retry: &'a Retry,
    pub clock: fn() -> Timestamp,
}

impl Verify<'_> {
    /// Compares every stored row with the store's listing; wrong ones are opened again or failed.
    pub(crate) fn listing(&self) -> Result<(), Error> {
        let Some((first, last)) = self.ledger.key_range()? else {
            return Ok(());
        };
        let mut rows = Rows {
            ledger: self.ledger,
            page: Vec::new(),
            last: String::new(),
        };
        let mut changes = Vec::new();
        let mut request = ListObjects {
            prefix: common_prefix(&first, &last).to_owned(),
            max_keys: Some(PAGE),
            ..ListObjects::default()
        };
        let mut row = rows.next()?;
        while let Some(wanted) = row.as_ref() {
            if request.continuation_token.is_none() && !wanted.key.is_empty() {
                request.start_after = Some(just_before(&wanted.key).to_owned())
                    .filter(|start| start.as_str() > request.prefix.as_str());
            }
            let page = self.list(&request)?;
            let mut matches = false;
            for object in &page.objects {
                while let Some(missing) = row.as_ref().filter(|r| r.key < object.key) {
                    self.judge(missing, None, &mut changes)?;
                    row = rows.next()?;
                }
                if let Some(found) = row.as_ref().filter(|r| r.key == object.key) {
                    self.judge(found, Some(object), &mut changes)?;
                    matches = true;
                    row = rows.next()?;
                }
            }
            if changes.len() >= PAGE as usize {
                self.ledger.write(&std::mem::take(&mut changes))?;
            }
            let Some(next) = page.next else { break };
            let seen = page.objects.last().map_or("", |object| object.key.as_str());
            // A page full of other people's objects: jump to the next key of ours, but only forward.
            let jump = !matches && row.as_ref().is_some_and(|row| just_before(&row.key) > seen);
            request.continuation_token = (!jump).then_some(next);
        }
        while let Some(missing) = row {
            self.judge(&missing, None, &mut changes)?;
            row = rows.next()?;
        }
        self.ledger.write(&changes)
    }

    fn list(&self, request: &ListObjects) -> Result<ListPage, Error> {
        let (client, bucket) = (self.client, self.bucket);
        let what = || format!("list {bucket}/{}", request.prefix);
        let list = || client.list_objects(bucket.as_str(), request);
        Handle::current()
            .block_on(self.retry.run(&what, list))
            .map_err(|failed| failed.into_job(what()))
    }

    /// Compares one row with what the listing says of it.
    fn judge(
        &self,
        row: &StoredRow,
        listed: Option<&ListedObject>,
        changes: &mut Vec<(i64, Change)>,
    ) -> Result<(), Error> {
        let same = |size: u64, etag: &str| size == row.size && etag == row.etag;
        if listed.is_some_and(|object| same(object.size, &object.etag)) {
            return Ok(());
        }
        let (client, bucket) = (self.client, self.bucket);
        let what = || format!("HEAD {bucket}/{}", row.key);
        let head = || client.head_object(bucket.as_str(), &row.key);
        match Handle::current().block_on(self.retry.run(&what, head)) {
            Ok(object) if same(object.size, &object.etag) => return Ok(()),
            Ok(_) | Err(Failed::Object(_)) => {}
            Err(Failed::Job(error)) => return Err(error),
        }
        tracing::warn!(
            object.key = row.key,
            attempts = row.attempts,
            "the store's copy is wrong"
        );
        let change = if row.attempts < REPAIRS_MAX {
            Change::Reopen
        } else {
            self.failed()
        };
        changes.push((row.id, change));
        Ok(())
    }

    fn failed(&self) -> Change {
        let at_ms = (self.clock)().as_millisecond();
        Change::Done(Done::without_object(Verdict::verification_failed(), at_ms))
    }

    /// `verify: reread`: reads every stored file again and compares its MD5 with the ledger, as the
    /// original service did. What differs now is a failed row: nobody can say which reading was
    /// right.
    pub(crate) fn reread(&self, volumes: &[Option<Arc<dyn Volume>>]) -> Result<(), Error> {
        let mut after = 0;
        loop {
            let rows = self.ledger.stored_files(after, PAGE)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = last.id;
            let mut changes = Vec::new();
            for (row, md5) in &rows {
                if self.retry.stop.is_cancelled() {
                    return Err(Error::Stopped);
                }
                let volume = volumes.get(row.volume).and_then(Option::as_ref);
                let again = volume.map(|volume| {
                    volume
                        .open(&row.entry)
                        .and_then(|file| md5_of(file, row.entry.size))
                });
                if !matches!(again, Some(Ok(again)) if again == *md5) {
                    changes.push((row.id, self.failed()));
                }
            }
            self.ledger.write(&changes)?;
        }
    }
}

/// The stored rows in key order, read in pages.
struct Rows<'a> {
    ledger: &'a Ledger,
    /// In reverse, so that the next row is popped.
    page: Vec<StoredRow>,
    last: String,
}

impl Rows<'_> {
    fn next(&mut self) -> Result<Option<StoredRow>, Error> {
        if self.page.is_empty() {
            self.page = self.ledger.stored_after(&self.last, PAGE)?;
            self.page.reverse();
        }
        let row = self.page.pop();
        if let Some(row) = &row {
            self.last.clone_from(&row.key);
        }
        Ok(row)
    }
}

fn md5_of(mut file: Box<dyn FileReader>, size: u64) -> Result<[u8; 16], ReadError> {
    let mut hash = Md5::new();
    let mut buffer = vec![0; REREAD_BYTES];
    let mut offset = 0;
    while offset < size {
        let length = usize::try_from(size - offset)
            .unwrap_or(REREAD_BYTES)
            .min(REREAD_BYTES);
        let piece = buffer.get_mut(..length).unwrap_or_default();
        fill(file.as_mut(), offset, piece)?;
        hash.update(&*piece);
        offset += length as u64;
    }
    file.finish()?;
    Ok(hash.finalize().into())
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
