//! Taking over: what an earlier run left in the store is found instead of sent again.
//!
//! A run that is not the first one of its job lists the bucket once. Of each open row it notes the
//! object of its size that is there, and the upload in progress. Whether they are really this file's
//! is known when the file has been read: by MD5, part by part.

use packhorse_core::bucket::BucketName;
use packhorse_objects::client::{Client, ObjectMeta, Upload};
use tokio::runtime::Handle;

use crate::Error;
use crate::ledger::{Found, Ledger, OpenRow};
use crate::merge::{Merge, PAGE, common_prefix};
use crate::reader::{WHOLE_BYTES_MAX, part_bytes};
use crate::retry::Retry;

/// One look at a bucket. Runs on a plain thread.
pub(crate) struct Takeover<'a> {
    pub client: &'a Client,
    pub bucket: &'a BucketName,
    pub ledger: &'a Ledger,
    pub retry: &'a Retry,
}

impl Takeover<'_> {
    /// Notes what is there in the ledger's open rows.
    pub(crate) fn survey(&self) -> Result<(), Error> {
        let Some((first, last)) = self.ledger.key_range()? else {
            return Ok(());
        };
        self.objects((&first, &last))?;
        self.uploads(common_prefix(&first, &last))
    }

    fn objects(&self, range: (&str, &str)) -> Result<(), Error> {
        let merge = Merge {
            client: self.client,
            bucket: self.bucket,
            retry: self.retry,
        };
        let mut found = Vec::new();
        let rows = |after: &str| self.ledger.open_after(after, PAGE);
        merge.run(range, rows, |row, object| {
            let Some(object) = object else { return Ok(()) };
            if object.size == row.entry.size && may_be_ours(row, &object.etag) {
                found.push(Found::Object {
                    row: row.id,
                    etag: object.etag.clone(),
                });
            }
            if found.len() >= PAGE as usize {
                self.ledger.found(&std::mem::take(&mut found))?;
            }
            Ok(())
        })?;
        self.ledger.found(&found)
    }

    /// Of several uploads under one key the youngest is taken; its parts are compared one by one.
    fn uploads(&self, prefix: &str) -> Result<(), Error> {
        let bucket = self.bucket;
        let what = || format!("list uploads of {bucket}");
        let mut youngest: Option<Upload> = None;
        let mut next = None;
        loop {
            let list = || {
                self.client
                    .list_multipart_uploads(bucket.as_str(), prefix, next.as_ref())
            };
            let page = Handle::current()
                .block_on(self.retry.run(&what, list))
                .map_err(|failed| failed.into_job(what()))?;
            let mut found = Vec::new();
            for upload in page.uploads {
                match &youngest {
                    Some(other)
                        if other.key == upload.key && other.initiated > upload.initiated => {}
                    Some(other) if other.key == upload.key => youngest = Some(upload),
                    _ => found.extend(youngest.replace(upload).map(known)),
                }
            }
            if page.next.is_none() {
                found.extend(youngest.take().map(known));
            }
            self.ledger.found(&found)?;
            match page.next {
                Some(more) => next = Some(more),
                None => return Ok(()),
            }
        }
    }
}

fn known(upload: Upload) -> Found {
    Found::Upload {
        key: upload.key,
        id: upload.id.0,
    }
}

/// Whether an ETag has the shape that it would have if the load had made the object: an MD5, or a
/// digest of as many parts.
fn may_be_ours(row: &OpenRow, etag: &str) -> bool {
    let is_digest = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let size = row.entry.size;
    match etag.split_once('-') {
        None => size <= WHOLE_BYTES_MAX && is_digest(etag),
        Some((digest, parts)) => {
            let expected = size.div_ceil(part_bytes(size)).to_string();
            size > WHOLE_BYTES_MAX && is_digest(digest) && parts == expected
        }
    }
}

/// Whether an object carries the headers and metadata that it was to get. An ACL is never told, and
/// what a store adds by itself is no difference.
pub(crate) fn carries(theirs: &ObjectMeta, ours: &ObjectMeta) -> bool {
    let told = |theirs: &Option<String>, ours: &Option<String>| ours.is_none() || theirs == ours;
    told(&theirs.content_type, &ours.content_type)
        && theirs.content_encoding == ours.content_encoding
        && theirs.cache_control == ours.cache_control
        && theirs.content_disposition == ours.content_disposition
        && theirs.content_language == ours.content_language
        && theirs.expires == ours.expires
        && told(&theirs.storage_class, &ours.storage_class)
        && told(&theirs.server_side_encryption, &ours.server_side_encryption)
        && sorted(theirs) == sorted(ours)
}

fn sorted(meta: &ObjectMeta) -> Vec<(String, &str)> {
    let pairs = meta.metadata.iter();
    let mut pairs: Vec<_> = pairs
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
        .collect();
    pairs.sort();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(content_type: &str, metadata: &[(&str, &str)]) -> ObjectMeta {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ObjectMeta {
            content_type: Some(content_type.to_owned()),
            metadata: metadata.iter().map(pair).collect(),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn an_object_with_other_headers_is_not_what_was_to_be_made() {
        let ours = meta("a/b", &[("One", "1"), ("two", "2")]);
        assert!(carries(&meta("a/b", &[("two", "2"), ("one", "1")]), &ours));
        let by_itself = ObjectMeta {
            server_side_encryption: Some("AES256".to_owned()),
            ..ours.clone()
        };
        assert!(carries(&by_itself, &ours));
        for other in [
            meta("a/c", &[("one", "1"), ("two", "2")]),
            meta("a/b", &[("one", "1"), ("two", "3")]),
            meta("a/b", &[("one", "1")]),
        ] {
            assert!(!carries(&other, &ours), "{other:?}");
        }
        let plain = meta("a/b", &[]);
        let zipped = ObjectMeta {
            content_encoding: Some("gzip".to_owned()),
            ..plain.clone()
        };
        assert!(!carries(&zipped, &plain));
    }
}
