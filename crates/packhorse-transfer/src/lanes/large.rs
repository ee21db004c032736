//! Large files: one multipart upload each, parts in parallel, parts of an interrupted upload kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use packhorse_core::ledger::Verdict;
use packhorse_objects::client::{CompletedPart, Error as StoreError, ObjectMeta, UploadId};
use packhorse_objects::digest::multipart_etag;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::Lanes;
use crate::Error;
use crate::headers::row_meta;
use crate::ledger::{Change, OpenRow};
use crate::reader::{Body, Part, Unread};
use crate::retry::Failed;

/// How the stream of parts ended.
enum Ended {
    Well {
        md5: [u8; 16],
        parts: Vec<CompletedPart>,
        digests: Vec<[u8; 16]>,
    },
    Badly(Unread),
}

/// An upload, and the parts of it that the store has.
struct Begun {
    id: UploadId,
    kept: BTreeMap<u32, String>,
    /// Known once the upload would be found again after a crash; `None` for one of an earlier run.
    durable: Option<oneshot::Receiver<()>>,
}

impl Lanes {
    pub(super) async fn large(
        self: Arc<Self>,
        row: &OpenRow,
        part_bytes: u64,
        first_bytes: &[u8],
        parts: mpsc::Receiver<Part>,
    ) -> Result<Change, Failed> {
        let meta = row_meta(&self.manifest, row, first_bytes);
        if let Some(there) = &row.there {
            return self.compared(row, there, &meta, parts).await;
        }
        if let Some(verdict) = self.taken_before(row).await? {
            return Ok(self.without_object(verdict));
        }
        let begun = match self.interrupted_upload(row, part_bytes).await? {
            Some(begun) => begun,
            None => self.begin(row, &meta).await?,
        };
        let sent = Arc::clone(&self).send_parts(row, &begun, parts).await;
        match sent {
            Ok(Ended::Well {
                md5,
                parts,
                digests,
            }) => {
                let is_own = begun.durable.is_some();
                self.wait_until_durable(begun.durable).await?;
                let etag = self.complete(row, &begun.id, &parts, &digests).await?;
                // Nobody can say with what headers an earlier run began an upload.
                if !is_own && !self.is_made(row, &etag, &meta).await? {
                    return Ok(Change::Reopen);
                }
                Ok(self.stored(etag, md5, meta.content_type.unwrap_or_default()))
            }
            // Its parts are worth keeping: the file has another turn.
            Ok(Ended::Badly(Unread::PutOff)) => Ok(self.unread(row, Unread::PutOff)),
            Ok(Ended::Badly(unread)) => {
                self.abort(row, &begun.id).await?;
                Ok(self.unread(row, unread))
            }
            Err(Failed::Object(error)) => {
                self.abort(row, &begun.id).await?;
                Err(Failed::Object(error))
            }
            // The parts stay for the next run.
            Err(Failed::Job(error)) => Err(Failed::Job(error)),
        }
    }

    /// Compares a file with the object that an earlier run may have made of it. Nothing is sent: if it
    /// is another object, the file is read once more.
    async fn compared(
        &self,
        row: &OpenRow,
        there: &str,
        meta: &ObjectMeta,
        mut parts: mpsc::Receiver<Part>,
    ) -> Result<Change, Failed> {
        let mut digests = Vec::new();
        let md5 = loop {
            match self.next_part(&mut parts).await? {
                Part::Body(body) => digests.push(body.digest.md5),
                Part::End(md5) => break md5,
                Part::Failed(unread) => return Ok(self.unread(row, unread)),
            }
        };
        if multipart_etag(&digests) != there || !self.is_made(row, there, meta).await? {
            return Ok(Change::NotThere);
        }
        self.retry.meter.add_sent(row.entry.size);
        let content_type = meta.content_type.clone().unwrap_or_default();
        Ok(self.stored(there.to_owned(), md5, content_type))
    }

    async fn next_part(&self, parts: &mut mpsc::Receiver<Part>) -> Result<Part, Failed> {
        let part = tokio::select! {
            () = self.retry.stop.cancelled() => return Err(Failed::Job(Error::Stopped)),
            part = parts.recv() => part,
        };
        match part {
            Some(part) => Ok(part),
            None if self.retry.stop.is_cancelled() => Err(Failed::Job(Error::Stopped)),
            // No word of this file: its row stays open.
            None => {
                let what = "a reading thread ended in the middle of a file";
                Err(Failed::Job(Error::Defect(what.to_owned())))
            }
        }
    }

    async fn begin(&self, row: &OpenRow, meta: &ObjectMeta) -> Result<Begun, Failed> {
        let what = || self.what("CreateMultipartUpload", &row.key);
        let create = || {
            let bucket = self.bucket.as_str();
            self.client.create_multipart_upload(bucket, &row.key, meta)
        };
        let id = self.retry.run(&what, create).await?;
        let started = Change::UploadStarted(id.0.clone());
        let durable = self.record_durably(row, started).await;
        Ok(Begun {
            id,
            kept: BTreeMap::new(),
            durable: Some(durable.map_err(Failed::Job)?),
        })
    }

    /// Before an object is made, the ledger must know whose it is: after a crash it would look like
    /// somebody else's, and `onConflict` would leave it alone.
    async fn wait_until_durable(
        &self,
        durable: Option<oneshot::Receiver<()>>,
    ) -> Result<(), Failed> {
        match durable {
            // The recorder's own error is returned by its thread.
            Some(durable) => durable.await.map_err(|_| Failed::Job(Error::Stopped)),
            None => Ok(()),
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
    ) -> Result<Option<Begun>, Failed> {
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
                Err(Failed::Object(error)) if error.is_of_no_upload() => {
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
                _ => {
                    return Ok(Some(Begun {
                        id: upload,
                        kept,
                        durable: None,
                    }));
                }
            }
        }
    }

    async fn send_parts(
        self: Arc<Self>,
        row: &OpenRow,
        begun: &Begun,
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
                part = self.next_part(&mut parts) => part?,
            };
            match part {
                Part::Body(body) => {
                    digests.push(body.digest.md5);
                    let number = u32::try_from(digests.len()).unwrap_or(u32::MAX);
                    let etag = hex::encode(body.digest.md5);
                    if begun.kept.get(&number) == Some(&etag) {
                        self.retry.meter.add_sent(body.bytes.len() as u64);
                        sent.push(completed(number, etag, &body));
                    } else {
                        let this = Arc::clone(&self);
                        let task = this.send_part(row.key.clone(), begun.id.clone(), number, body);
                        sending.spawn(task);
                    }
                }
                Part::End(md5) => break md5,
                Part::Failed(unread) => {
                    // What is under way may arrive: it is not sent again in the file's next turn.
                    while let Some(ended) = sending.join_next().await {
                        joined(ended)?;
                    }
                    return Ok(Ended::Badly(unread));
                }
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
            let this = &self;
            async move {
                this.throttle.take(size).await;
                this.parts.observed(size, part).await
            }
        };
        let etag = self.retry.run(&what, send).await?;
        drop(slot);
        self.retry.meter.add_sent(body.bytes.len() as u64);
        Ok(completed(number, etag, &body))
    }

    /// Ends the upload. Where the answer does not say what was made, because it is that to a repeated
    /// request or because the store never does, the object itself is asked.
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
        let answer = self.retry.run(&what, complete).await;
        let head = || self.client.head_object(bucket, &row.key);
        let etag = match answer {
            Ok(Some(etag)) => etag,
            Ok(None) => self.retry.run(&what, head).await?.etag,
            Err(Failed::Object(error)) if error.is_of_no_upload() => {
                return match self.retry.run(&what, head).await {
                    Ok(there) if there.etag == expected && there.size == row.entry.size => {
                        Ok(there.etag)
                    }
                    Ok(_) | Err(Failed::Object(_)) => Err(Failed::Object(error)),
                    Err(job) => Err(job),
                };
            }
            Err(other) => return Err(other),
        };
        // A store whose part ETags are MD5s makes the object's out of them.
        let plain = |(part, md5): (&CompletedPart, _)| part.etag == hex::encode(md5);
        if etag != expected && parts.iter().zip(digests).all(plain) {
            let got = etag;
            return Err(Failed::Object(StoreError::Corrupted { expected, got }));
        }
        Ok(etag)
    }

    async fn abort(&self, row: &OpenRow, upload: &UploadId) -> Result<(), Failed> {
        let what = || self.what("AbortMultipartUpload", &row.key);
        let abort = || {
            self.client
                .abort_multipart_upload(self.bucket.as_str(), &row.key, upload)
        };
        match self.retry.run(&what, abort).await {
            Err(Failed::Object(error)) if error.is_of_no_upload() => Ok(()),
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
