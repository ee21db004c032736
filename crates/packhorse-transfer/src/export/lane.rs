//! One object: fetched, compared with everything the store says of it, written, recorded.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use packhorse_core::bucket::BucketName;
use packhorse_core::export::ObjectRecord;
use packhorse_core::ledger::Verdict;
use packhorse_core::manifest::{Manifest, S3Export};
use packhorse_objects::client::{Client, Error as StoreError, Facts};
use packhorse_objects::digest::{BodyDigest, Claims, Mismatch, PartSizes, Proof, Proven};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::ledger::{Change, Done, OpenObject};
use super::recorder::{Record, Recorder};
use super::target::{Target, WriteFault};
use crate::Error;
use crate::lanes::pace::Pace;
use crate::lanes::store_verdict;
use crate::reader::WHOLE_BYTES_MAX;
use crate::retry::{Failed, Retry};

/// Hashing so much takes no longer than handing it to another thread.
const HASHED_IN_PLACE_MAX: usize = 64 * 1024;

/// Everything that exporting one object needs.
pub(super) struct Lane {
    pub(super) client: Client,
    pub(super) manifest: Arc<Manifest<S3Export>>,
    pub(super) target: Arc<Target>,
    pub(super) retry: Retry,
    pub(super) recorder: Recorder,
    pub(super) gets: Pace,
    /// KiB of buffers of all objects together.
    pub(super) memory: Arc<Semaphore>,
    /// The first row that the device had no room for; none after it is begun.
    pub(super) full_from: Arc<AtomicI64>,
    pub(super) clock: fn() -> Timestamp,
}

/// What an object came to.
pub(super) enum Outcome {
    /// The row has its outcome.
    Done(Box<Done>),
    /// The device has no room for it.
    Full,
}

/// The tags of an object, or the code of the store's refusal to tell them.
type Tags = Result<Vec<(String, String)>, String>;

/// Bytes that are what the store says, and all it says.
pub(super) struct Proved {
    pub(super) facts: Facts,
    pub(super) digest: BodyDigest,
    pub(super) proven: Proven,
}

/// What the device has at the path of an object.
enum There {
    /// The object itself.
    Object(BodyDigest, Proven),
    /// A file that an earlier export wrote, and nobody has changed since.
    Earlier,
    /// Anything else.
    Other,
}

/// A whole object in memory.
struct Whole {
    proved: Proved,
    bytes: Bytes,
}

impl Lane {
    /// Exports one object and records what became of it.
    pub(super) async fn run(self: &Arc<Self>, row: OpenObject) -> Result<(), Error> {
        let outcome = match self.export(&row).await {
            Ok(outcome) => outcome,
            Err(Failed::Object(error)) => {
                self.target.drop_unfinished(row.id);
                tracing::info!(object.key = row.key, error = %error, "an object was not exported");
                Outcome::Done(self.failed(store_verdict(&error)))
            }
            Err(Failed::Job(error)) => return Err(error),
        };
        match outcome {
            Outcome::Full => {
                self.full_from.fetch_min(row.id, Ordering::Relaxed);
                self.target.drop_unfinished(row.id);
                Ok(())
            }
            Outcome::Done(done) => {
                let bytes = done.size.unwrap_or(row.size);
                self.record(row.id, bytes, Change::Done(done)).await
            }
        }
    }

    pub(super) async fn record(&self, row: i64, bytes: u64, change: Change) -> Result<(), Error> {
        // The recorder's own error is returned by its thread.
        let record = Record { row, bytes, change };
        self.recorder.send(record).await.map_err(|_| Error::Stopped)
    }

    async fn export(self: &Arc<Self>, row: &OpenObject) -> Result<Outcome, Failed> {
        match row.present {
            true => self.keep(row).await,
            false => self.fetched(row).await,
        }
    }

    async fn fetched(self: &Arc<Self>, row: &OpenObject) -> Result<Outcome, Failed> {
        if row.size <= WHOLE_BYTES_MAX
            && let Some(outcome) = self.small(row).await?
        {
            return Ok(outcome);
        }
        self.large(row).await
    }

    /// The same, for what is called from within.
    fn fetched_again<'a>(
        self: &'a Arc<Self>,
        row: &'a OpenObject,
    ) -> Pin<Box<dyn Future<Output = Result<Outcome, Failed>> + Send + 'a>> {
        Box::pin(self.fetched(row))
    }

    /// The device has a file there: of an earlier run or export, or somebody else's. If it is the
    /// object, the row is done; if an earlier export wrote it, it gives way; else it stays.
    async fn keep(self: &Arc<Self>, row: &OpenObject) -> Result<Outcome, Failed> {
        let facts = self.examine(row, None).await?;
        let sizes = self.part_sizes(row, &facts).await?;
        let (this, of, claims) = (Arc::clone(self), row.clone(), facts.claims.clone());
        let compared = spawn_blocking(move || this.compare(&of, claims, sizes));
        match joined(compared.await).map_err(Failed::Job)? {
            There::Object(digest, proven) => {
                let proved = Proved {
                    facts,
                    digest,
                    proven,
                };
                Ok(Outcome::Done(self.done(row, proved).await?))
            }
            There::Earlier => {
                let row = OpenObject {
                    replaces: true,
                    ..row.clone()
                };
                self.fetched_again(&row).await
            }
            There::Other => Ok(Outcome::Done(self.failed(Verdict::file_exists()))),
        }
    }

    /// What the file at the path of a row is. Reads it whole, if it can be anything but another's.
    fn compare(&self, row: &OpenObject, claims: Claims, sizes: PartSizes) -> Result<There, Error> {
        let failed = |error| Error::target(self.target.path(), error);
        let Some(file) = self.target.read(&row.path)? else {
            return Ok(There::Other);
        };
        let size = file.metadata().map_err(failed)?.len();
        let noted = row.earlier.as_ref().filter(|noted| noted.size == size);
        let may_be_object = size == claims.size;
        if !may_be_object && noted.is_none() {
            return Ok(There::Other);
        }
        let mut proof = Proof::new(claims, sizes);
        super::large::take(&file, 0..size, &mut proof).map_err(failed)?;
        let (digest, result) = proof.finish();
        // The same size proves nothing here.
        let proven = result.ok().filter(|proven| *proven != Proven::Size);
        Ok(match (proven, noted) {
            (Some(proven), _) if may_be_object => There::Object(digest, proven),
            (_, Some(noted)) if noted.md5 == hex::encode(digest.md5) => There::Earlier,
            _ => There::Other,
        })
    }

    /// In one request; `None` if the object has grown too large for that since it was listed.
    async fn small(self: &Arc<Self>, row: &OpenObject) -> Result<Option<Outcome>, Failed> {
        let what = || format!("GET {}/{}", self.bucket(row), row.key);
        let slot = self.gets.slot().await;
        let get = || async { self.gets.observed(row.size, self.whole(row)).await };
        let Some(whole) = self.retry.run(&what, get).await? else {
            return Ok(None);
        };
        drop(slot);
        let Whole { proved, bytes } = whole;
        let modified = modified(&proved.facts);
        let (this, of) = (Arc::clone(self), row.clone());
        let written = spawn_blocking(move || {
            let file = this.target.begin(of.id)?;
            std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0)?;
            this.target.finish(&of, &file, modified)
        });
        match joined_fault(written.await).map_err(Failed::Job)? {
            Ok(()) => {
                self.retry.meter.add_sent(proved.facts.claims.size);
                Ok(Some(Outcome::Done(self.done(row, proved).await?)))
            }
            Err(fault) => self.fault(row, fault).await.map(Some),
        }
    }

    async fn whole(&self, row: &OpenObject) -> Result<Option<Whole>, StoreError> {
        let (facts, body) = self
            .client
            .fetch(self.bucket(row), &row.key, None, None)
            .await?;
        if facts.claims.size > WHOLE_BYTES_MAX {
            return Ok(None);
        }
        let limit = usize::try_from(facts.claims.size).unwrap_or(usize::MAX);
        let bytes = body.collect(limit).await?;
        let sizes = self.part_sizes_once(row, &facts).await?;
        let claims = facts.claims.clone();
        let judge = |bytes: &Bytes| {
            let mut proof = Proof::new(claims, sizes);
            proof.update(bytes);
            proof.finish()
        };
        let (digest, result) = match bytes.len() {
            ..=HASHED_IN_PLACE_MAX => judge(&bytes),
            _ => tokio::task::block_in_place(|| judge(&bytes)),
        };
        let proven = result.map_err(corrupted)?;
        let proved = Proved {
            facts,
            digest,
            proven,
        };
        Ok(Some(Whole { proved, bytes }))
    }

    pub(super) async fn examine(
        &self,
        row: &OpenObject,
        part: Option<u32>,
    ) -> Result<Facts, Failed> {
        let what = || format!("HEAD {}/{}", self.bucket(row), row.key);
        let head = || self.client.examine(self.bucket(row), &row.key, part);
        self.retry.run(&what, head).await
    }

    /// How the object was cut when it was uploaded, as far as the store tells.
    pub(super) async fn part_sizes(
        &self,
        row: &OpenObject,
        facts: &Facts,
    ) -> Result<PartSizes, Failed> {
        let what = || format!("HEAD {}/{}", self.bucket(row), row.key);
        let ask = || self.part_sizes_once(row, facts);
        self.retry.run(&what, ask).await
    }

    async fn part_sizes_once(
        &self,
        row: &OpenObject,
        facts: &Facts,
    ) -> Result<PartSizes, StoreError> {
        let Some(parts) = facts.claims.parts().filter(|parts| *parts > 1) else {
            return Ok(PartSizes::Unknown);
        };
        let size = facts.claims.size;
        let ask = |part| self.client.examine(self.bucket(row), &row.key, Some(part));
        let first = match ask(1).await {
            Ok(first) => first,
            // A store that does not know parts may refuse to be asked for one.
            Err(error) if !error.is_retryable() => return Ok(PartSizes::Unknown),
            Err(error) => return Err(error),
        };
        let Some(first) = first.part_bytes else {
            return Ok(PartSizes::Unknown);
        };
        let (before, all) = (
            first.saturating_mul(u64::from(parts - 1)),
            first.saturating_mul(parts.into()),
        );
        if before < size && size <= all {
            return Ok(PartSizes::Even(first));
        }
        let mut sizes = std::collections::VecDeque::from([first]);
        for part in 2..=parts {
            match ask(part).await?.part_bytes {
                Some(bytes) => sizes.push_back(bytes),
                None => return Ok(PartSizes::Unknown),
            }
        }
        Ok(PartSizes::Each(sizes))
    }

    /// The row of an object that is on the device.
    pub(super) async fn done(&self, row: &OpenObject, proved: Proved) -> Result<Box<Done>, Failed> {
        let tags = match proved.facts.tags {
            0 => Ok(Vec::new()),
            _ => self.tags(row).await?,
        };
        let record = record(self.bucket_name(row), row, &proved, tags);
        let record = serde_json::to_string(&record)
            .map_err(|error| Failed::Job(Error::Defect(error.to_string())))?;
        Ok(Box::new(Done {
            verdict: Verdict::ok(),
            size: Some(proved.facts.claims.size),
            md5: Some(proved.digest.md5),
            content_type: proved.facts.meta.content_type.clone(),
            record: Some(record),
            at_ms: (self.clock)().as_millisecond(),
        }))
    }

    /// Somebody who may read an object may not always read its tags: then it is exported without,
    /// and its record says why.
    async fn tags(&self, row: &OpenObject) -> Result<Tags, Failed> {
        let what = || format!("GET tags of {}/{}", self.bucket(row), row.key);
        let get = || self.client.object_tags(self.bucket(row), &row.key);
        match self.retry.run(&what, get).await {
            Ok(tags) => Ok(Ok(tags)),
            Err(Failed::Object(error)) => Ok(Err(store_verdict(&error).code)),
            Err(job) => Err(job),
        }
    }

    /// What a failed write means for its row.
    pub(super) async fn fault(
        self: &Arc<Self>,
        row: &OpenObject,
        fault: WriteFault,
    ) -> Result<Outcome, Failed> {
        self.target.drop_unfinished(row.id);
        let verdict = match fault {
            WriteFault::Full => return Ok(Outcome::Full),
            // Perhaps our own: a crash came between the file's name and the ledger.
            WriteFault::Exists => return self.keep(row).await,
            WriteFault::Name => Verdict::invalid_name(),
            WriteFault::TooLarge => Verdict::file_too_large(),
            WriteFault::Device(error) => {
                return Err(Failed::Job(Error::target(self.target.path(), error)));
            }
        };
        Ok(Outcome::Done(self.failed(verdict)))
    }

    pub(super) fn failed(&self, verdict: Verdict) -> Box<Done> {
        Box::new(Done {
            verdict,
            size: None,
            md5: None,
            content_type: None,
            record: None,
            at_ms: (self.clock)().as_millisecond(),
        })
    }

    pub(super) fn bucket(&self, row: &OpenObject) -> &str {
        self.bucket_name(row).map_or("", BucketName::as_str)
    }

    fn bucket_name(&self, row: &OpenObject) -> Option<&BucketName> {
        let operations = &self.manifest.kind.operations;
        operations
            .get(row.operation)
            .map(|operation| &operation.export_bucket)
    }
}

fn record(
    bucket: Option<&BucketName>,
    row: &OpenObject,
    proved: &Proved,
    tags: Tags,
) -> ObjectRecord {
    let Proved {
        facts,
        digest,
        proven,
    } = proved;
    let meta = &facts.meta;
    let (tags, tags_refused) = match tags {
        Ok(tags) => (tags, None),
        Err(why) => (Vec::new(), Some(why)),
    };
    let headers = [
        ("content-type", &meta.content_type),
        ("content-encoding", &meta.content_encoding),
        ("cache-control", &meta.cache_control),
        ("content-disposition", &meta.content_disposition),
        ("content-language", &meta.content_language),
        ("expires", &meta.expires),
    ];
    let given = headers.into_iter();
    let given = given.filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    ObjectRecord {
        path: row.path.clone(),
        bucket: bucket.map(ToString::to_string).unwrap_or_default(),
        key: row.key.clone(),
        version: facts.version.clone(),
        size: facts.claims.size,
        md5: digest.etag(),
        crc32c: Some(format!("{:08x}", digest.crc32c)),
        etag: facts.claims.etag.clone(),
        verified: proven.code().to_owned(),
        last_modified: facts.last_modified.clone(),
        headers: given.collect(),
        metadata: meta.metadata.clone(),
        tags,
        tags_refused,
        misfit: row.misfit.clone(),
    }
}

pub(super) fn modified(facts: &Facts) -> Option<Timestamp> {
    let text = facts.last_modified.as_deref()?;
    jiff::fmt::rfc2822::parse(text)
        .ok()
        .map(|zoned| zoned.timestamp())
}

pub(super) fn corrupted(mismatch: Mismatch) -> StoreError {
    StoreError::Corrupted {
        expected: mismatch.expected,
        got: mismatch.got,
    }
}

pub(super) fn joined<T>(
    ended: Result<Result<T, Error>, tokio::task::JoinError>,
) -> Result<T, Error> {
    ended.unwrap_or_else(|error| Err(Error::Defect(error.to_string())))
}

/// The outer error is a defect of ours.
pub(super) fn joined_fault<T>(
    ended: Result<Result<T, WriteFault>, tokio::task::JoinError>,
) -> Result<Result<T, WriteFault>, Error> {
    ended.map_err(|error| Error::Defect(error.to_string()))
}
