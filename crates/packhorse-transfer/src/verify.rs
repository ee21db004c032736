//! Verification: at the end of a load the store's own listing is compared with the ledger.
//!
//! Where the listing disagrees, a HEAD decides; an object that is not what was sent is
//! loaded again, and after that a failed row.

use std::sync::Arc;

use jiff::Timestamp;
use md5::{Digest as _, Md5};
use packhorse_core::bucket::BucketName;
use packhorse_core::ledger::Verdict;
use packhorse_media::{FileReader, ReadError, Volume};
use packhorse_objects::client::{Client, ListedObject};
use tokio::runtime::Handle;

use crate::Error;
use crate::ledger::{Change, Done, Ledger, StoredRow};
use crate::merge::{Merge, PAGE};
use crate::reader::fill;
use crate::retry::{Failed, Retry};

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
        let merge = Merge {
            client: self.client,
            bucket: self.bucket,
            retry: self.retry,
        };
        let mut changes = Vec::new();
        let rows = |after: &str| self.ledger.stored_after(after, PAGE);
        merge.run((&first, &last), rows, |row, object| {
            self.judge(row, object, &mut changes)?;
            if changes.len() >= PAGE as usize {
                self.ledger.write(&std::mem::take(&mut changes))?;
            }
            Ok(())
        })?;
        self.ledger.write(&changes)
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
