//! Large files: one multipart upload each, parts in parallel, parts of an interrupted upload kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use packhorse_core::ledger::Verdict;
use packhorse_objects::client::{CompletedPart, Error as StoreError, UploadId};
use packhorse_objects::digest::multipart_etag;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Lanes;
use crate::Error;
use crate::headers::object_meta;
use crate::ledger::{Change, OpenRow};
use crate::reader::{Body, Part};
use crate::retry::Failed;

/// How the stream of parts ended.
enum Ended {
    Well {
        md5: [u8; 16],
        parts: Vec<CompletedPart>,
        digests: Vec<[u8; 16]>,
    },
    Badly(Verdict),
}

impl Lanes {
    pub(super) async fn large(
        self: Arc<Self>,
        row: &OpenRow,
        part_bytes: u64,
        first_bytes: &[u8],
        parts: mpsc::Receiver<Part>,
    ) -> Result<Change, Failed> {
        let meta = object_meta(&self.manifest, &row.entry, first_bytes);
        if let Some(verdict) = self.taken_before(row).await? {
            return Ok(self.without_object(verdict));
        }
        let (upload, kept) = match self.interrupted_upload(row, part_bytes).await? {
            Some(found) => found,
            None => {
                let what = || self.what("CreateMultipartUpload", &row.key);
                let create = || {
                    self.client
                        .create_multipart_upload(self.bucket.as_str(), &row.key, &meta)
                };
                let upload = self.retry.run(&what, create).await?;
                let started = Change::UploadStarted(upload.0.clone());
                self.record(row, started).await.map_err(Failed::Job)?;
                (upload, BTreeMap::new())
            }
        };
        let content_type = meta.content_type.unwrap_or_default();
        let ended = Arc::clone(&self)
            .send_parts(row, &upload, kept, parts)
            .await;
        match ended {
            Ok(Ended::Well {
                md5,
                parts,
                digests,
            }) => {
                let etag = self.complete(row, &upload, &parts, &digests).await?;
                Ok(self.stored(etag, md5, content_type))
            }
            Ok(Ended::Badly(verdict)) => {
                self.abort(row, &upload).await?;
                Ok(self.without_object(verdict))
            }
            Err(Failed::Object(error)) => {
                self.abort(row, &upload).await?;
                Err(Failed::Object(error))
            }
            // The parts stay for the next run.
            Err(Failed::Job(error)) => Err(Failed::Job(error)),
        }
    }

    /// Whether the key exists and the manifest says to leave it alone.
    async fn taken_before(&self, row: &OpenRow) -> Result<Option<Verdict>, Failed> {
        let Some(verdict) = self.conflict() else {
            return Ok(None);
        };
        // What is there is our own doing: an interrupted upload, or a copy found wrong.
        if row.upload_id.is_some() || row.attempts > 0 {
            return Ok(None);
        }
        let what = || self.what("HEAD", &row.key);
        let head = || self.client.head_object(self.bucket.as_str(), &row.key);
        match self.retry.run(&what, head).await {
            Ok(_) => Ok(Some(verdict)),
            Err(Failed::Object(error)) if error.status() == Some(404) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The upload that an earlier run began, with the parts the store has of it.
    async fn interrupted_upload(
        &self,
        row: &OpenRow,
        part_bytes: u64,
    ) -> Result<Option<(UploadId, BTreeMap<u32, String>)>, Failed> {
        let Some(upload) = row.upload_id.clone().map(UploadId) else {
            return Ok(None);
        };
        let mut kept = BTreeMap::new();
        let mut after = 0;
        loop {
            let what = || self.what("ListParts", &row.key);
            let list = || {
                self.client
                    .list_parts(self.bucket.as_str(), &row.key, &upload, after)
            };
            let page = match self.retry.run(&what, list).await {
                Ok(page) => page,
                Err(Failed::Object(error)) if error.code() == Some("NoSuchUpload") => {
                    return Ok(None);
                }
                Err(other) => return Err(other),
            };
            for part in page.parts {
                let offset = u64::from(part.number.saturating_sub(1)) * part_bytes;
                if part.size == part_bytes.min(row.entry.size.saturating_sub(offset)) {
                    kept.insert(part.number, part.etag);
                }
            }
            match page.next {
                Some(next) if next > after => after = next,
                _ => return Ok(Some((upload, kept))),
            }
        }
    }

    async fn send_parts(
        self: Arc<Self>,
        row: &OpenRow,
        upload: &UploadId,
        kept: BTreeMap<u32, String>,
        mut parts: mpsc::Receiver<Part>,
    ) -> Result<Ended, Failed> {
        let mut sending = JoinSet::new();
        let mut digests = Vec::new();
        let mut sent = Vec::new();
        let md5 = loop {
            let part = tokio::select! {
                Some(ended) = sending.join_next() => {
                    sent.push(joined(ended)?);
                    continue;
                }
                () = self.retry.stop.cancelled() => return Err(Failed::Job(Error::Stopped)),
                part = parts.recv() => part,
            };
            match part {
                Some(Part::Body(body)) => {
                    digests.push(body.digest.md5);
                    let number = u32::try_from(digests.len()).unwrap_or(u32::MAX);
                    let there = kept
                        .get(&number)
                        .is_some_and(|e| *e == hex::encode(body.digest.md5));
                    if there {
                        self.retry.meter.add_sent(body.bytes.len() as u64);
                        sent.push(completed(number, hex::encode(body.digest.md5), &body));
                    } else {
                        let task = Arc::clone(&self).send_part(
                            row.key.clone(),
                            upload.clone(),
                            number,
                            body,
                        );
                        sending.spawn(task);
                    }
                }
                Some(Part::End(md5)) => break md5,
                Some(Part::Failed(verdict)) => return Ok(Ended::Badly(verdict)),
                None if self.retry.stop.is_cancelled() => return Err(Failed::Job(Error::Stopped)),
                // The reading thread broke down in the middle of the file.
                None => return Ok(Ended::Badly(Verdict::damaged())),
            }
        };
        while let Some(ended) = sending.join_next().await {
            sent.push(joined(ended)?);
        }
        sent.sort_by_key(|part| part.number);
        Ok(Ended::Well {
            md5,
            parts: sent,
            digests,
        })
    }

    async fn send_part(
        self: Arc<Self>,
        key: String,
        upload: UploadId,
        number: u32,
        body: Body,
    ) -> Result<CompletedPart, Failed> {
        let slot = self.parts.slot().await;
        let what = || self.what(&format!("UploadPart {number} of"), &key);
        let send = || {
            let bytes = body.bytes.clone();
            let size = bytes.len() as u64;
            let bucket = self.bucket.as_str();
            let part = self
                .client
                .upload_part(bucket, &key, &upload, number, bytes, &body.digest);
            self.parts.observed(size, part)
        };
        let etag = self.retry.run(&what, send).await?;
        drop(slot);
        self.retry.meter.add_sent(body.bytes.len() as u64);
        Ok(completed(number, etag, &body))
    }

    /// Ends the upload; a lost answer to an earlier attempt is recognised by the object it made.
    async fn complete(
        &self,
        row: &OpenRow,
        upload: &UploadId,
        parts: &[CompletedPart],
        digests: &[[u8; 16]],
    ) -> Result<String, Failed> {
        let bucket = self.bucket.as_str();
        let expected = multipart_etag(digests);
        let what = || self.what("CompleteMultipartUpload", &row.key);
        let complete = || {
            self.client
                .complete_multipart_upload(bucket, &row.key, upload, parts)
        };
        match self.retry.run(&what, complete).await {
            Ok(etag) => {
                // A store whose part ETags are MD5s makes the object's out of them.
                let plain = |(part, md5): (&CompletedPart, _)| part.etag == hex::encode(md5);
                if etag != expected && parts.iter().zip(digests).all(plain) {
                    let got = etag;
                    return Err(Failed::Object(StoreError::Corrupted { expected, got }));
                }
                Ok(etag)
            }
            Err(Failed::Object(error)) if error.code() == Some("NoSuchUpload") => {
                let head = || self.client.head_object(bucket, &row.key);
                match self.retry.run(&what, head).await {
                    Ok(there) if there.etag == expected && there.size == row.entry.size => {
                        Ok(there.etag)
                    }
                    Ok(_) | Err(Failed::Object(_)) => Err(Failed::Object(error)),
                    Err(job) => Err(job),
                }
            }
            Err(other) => Err(other),
        }
    }

    async fn abort(&self, row: &OpenRow, upload: &UploadId) -> Result<(), Failed> {
        let what = || self.what("AbortMultipartUpload", &row.key);
        let abort = || {
            self.client
                .abort_multipart_upload(self.bucket.as_str(), &row.key, upload)
        };
        match self.retry.run(&what, abort).await {
            Err(Failed::Object(error)) if error.code() == Some("NoSuchUpload") => Ok(()),
            result => result,
        }
    }
}

fn completed(number: u32, etag: String, body: &Body) -> CompletedPart {
    CompletedPart {
        number,
        etag,
        crc32c: body.digest.crc32c,
    }
}

fn joined(
    ended: Result<Result<CompletedPart, Failed>, tokio::task::JoinError>,
) -> Result<CompletedPart, Failed> {
    ended.unwrap_or_else(|error| Err(Failed::Job(Error::Defect(error.to_string()))))
}
