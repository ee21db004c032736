//! Small files: one PUT each.

use packhorse_core::manifest::ConflictPolicy;
use packhorse_objects::client::{Error as StoreError, ObjectMeta};

use super::Lanes;
use crate::headers::row_meta;
use crate::ledger::{Change, OpenRow};
use crate::reader::Body;
use crate::retry::Failed;
use crate::takeover::carries;

impl Lanes {
    pub(super) async fn small(&self, row: &OpenRow, body: Body) -> Result<Change, Failed> {
        let meta = row_meta(&self.manifest, row, &body.bytes);
        let bucket = self.bucket.as_str();
        let content_type = meta.content_type.clone().unwrap_or_default();
        if let Some(there) = &row.there
            && *there == hex::encode(body.digest.md5)
            && self.is_made(row, there, &meta).await?
        {
            self.retry.meter.add_sent(row.entry.size);
            return Ok(self.stored(there.clone(), body.digest.md5, content_type));
        }
        let what = || self.what("PUT", &row.key);
        // A copy of our own that was found wrong is replaced, whatever the policy.
        let overwrite =
            self.manifest.extensions.on_conflict == ConflictPolicy::Overwrite || row.attempts > 0;
        let put = async || {
            let (client, bytes) = (&self.client, body.bytes.clone());
            match overwrite {
                true => {
                    client
                        .put_object(bucket, &row.key, &meta, bytes, &body.digest)
                        .await
                }
                false => {
                    client
                        .put_object_if_absent(bucket, &row.key, &meta, bytes, &body.digest)
                        .await
                }
            }
        };
        let put = || {
            let sending = put();
            async {
                self.throttle.take(row.entry.size).await;
                self.puts.observed(row.entry.size, sending).await
            }
        };
        let slot = self.puts.slot().await;
        let answer = self.retry.run(&what, put).await;
        drop(slot);
        match answer {
            Ok(etag) => {
                self.retry.meter.add_sent(row.entry.size);
                Ok(self.stored(etag, body.digest.md5, content_type))
            }
            Err(Failed::Object(error)) if error.status() == Some(412) => {
                self.taken(row, &body, content_type, error).await
            }
            Err(other) => Err(other),
        }
    }

    /// Whether an earlier run has made this object, bytes and headers.
    pub(super) async fn is_made(
        &self,
        row: &OpenRow,
        etag: &str,
        meta: &ObjectMeta,
    ) -> Result<bool, Failed> {
        let what = || self.what("HEAD", &row.key);
        let head = || self.client.head_object(self.bucket.as_str(), &row.key);
        match self.retry.run(&what, head).await {
            Ok(there) => Ok(there.etag == etag
                && there.size == row.entry.size
                && carries(&there.meta, meta)),
            Err(Failed::Object(_)) => Ok(false),
            Err(job) => Err(job),
        }
    }

    /// The key exists already.
    async fn taken(
        &self,
        row: &OpenRow,
        body: &Body,
        content_type: String,
        error: StoreError,
    ) -> Result<Change, Failed> {
        let Some(verdict) = self.conflict() else {
            return Err(Failed::Object(error));
        };
        let what = || self.what("HEAD", &row.key);
        let head = || self.client.head_object(self.bucket.as_str(), &row.key);
        let there = self.retry.run(&what, head).await?;
        if there.etag == hex::encode(body.digest.md5) && there.size == row.entry.size {
            return Ok(self.stored(there.etag, body.digest.md5, content_type));
        }
        Ok(self.without_object(verdict))
    }
}
