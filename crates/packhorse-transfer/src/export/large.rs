//! A large object: ranges fetched side by side, taken in order, resumable.
//!
//! The ranges arrive as they may and are hashed and written in order, so one pass proves the whole
//! object. Every so often the device is synchronised and the place noted; after a crash what is on
//! the device is read and hashed again up to there, and fetching goes on behind it.

use std::collections::VecDeque;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use packhorse_objects::client::{Error as StoreError, Facts};
use packhorse_objects::digest::Proof;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio_util::task::AbortOnDropHandle;

use super::lane::{Lane, Outcome, Proved, corrupted, joined_fault, modified};
use super::ledger::{Change, OpenObject};
use super::target::{Target, WriteFault};
use crate::Error;
use crate::reader::PART_BYTES;
use crate::retry::Failed;

/// Ranges of one object under way at once.
const RANGES_MAX: usize = 8;
/// So much may have to be fetched again after a crash.
const NOTED_EVERY: u64 = 16 * PART_BYTES;
/// An object that is overwritten while it is fetched, or arrives damaged, is begun again so often.
const ATTEMPTS_MAX: u32 = 4;
/// A store that ignores `If-Match` is found out by the ETag of its answer.
const PRECONDITION_FAILED: u16 = 412;

/// A file being written, and what its bytes prove so far.
struct Work {
    file: File,
    proof: Proof,
}

type Ranged = AbortOnDropHandle<Result<(OwnedSemaphorePermit, Bytes), Failed>>;

impl Lane {
    /// In ranges. Begins again when the object was overwritten meanwhile.
    pub(super) async fn large(self: &Arc<Self>, row: &OpenObject) -> Result<Outcome, Failed> {
        let mut known = (row.done_bytes, row.done_etag.clone());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let facts = self.examine(row, None).await?;
            let from = match &known {
                (bytes, Some(etag)) if *etag == facts.claims.etag => *bytes,
                _ => 0,
            };
            match self.once(row, facts, from).await {
                Err(Failed::Object(error)) if attempt < ATTEMPTS_MAX && begins_again(&error) => {
                    tracing::info!(object.key = row.key, error = %error, "an object is fetched again");
                    known = (0, None);
                }
                ended => return ended,
            }
        }
    }

    async fn once(
        self: &Arc<Self>,
        row: &OpenObject,
        facts: Facts,
        from: u64,
    ) -> Result<Outcome, Failed> {
        let sizes = self.part_sizes(row, &facts).await?;
        let (this, id, claims) = (Arc::clone(self), row.id, facts.claims.clone());
        let begun = spawn_blocking(move || {
            this.begin(id, Proof::new(claims.clone(), sizes), claims.size, from)
        });
        let (mut work, mut offset) = match joined_fault(begun.await).map_err(Failed::Job)? {
            Ok(begun) => begun,
            Err(fault) => return self.fault(row, fault).await,
        };
        let size = facts.claims.size;
        let mut under_way: VecDeque<Ranged> = VecDeque::new();
        let (mut next, mut noted) = (offset, offset);
        while offset < size {
            while next < size && under_way.len() < RANGES_MAX {
                let last = (next + PART_BYTES).min(size) - 1;
                let Some(permit) = self.room(last - next + 1, under_way.is_empty()).await? else {
                    break;
                };
                under_way.push_back(self.range(row, &facts, (next, last), permit));
                next = last + 1;
            }
            let Some(range) = under_way.pop_front() else {
                break;
            };
            let (permit, bytes) = range
                .await
                .unwrap_or_else(|error| Err(Failed::Job(Error::Defect(error.to_string()))))?;
            let length = bytes.len() as u64;
            let taken = spawn_blocking(move || {
                work.proof.update(&bytes);
                work.file.write_all_at(&bytes, offset)?;
                drop((bytes, permit));
                Ok(work)
            });
            work = match joined_fault(taken.await).map_err(Failed::Job)? {
                Ok(work) => work,
                Err(fault) => return self.fault(row, fault).await,
            };
            offset += length;
            self.retry.meter.add_sent(length);
            if offset - noted >= NOTED_EVERY && offset < size {
                let etag = facts.claims.etag.clone();
                let progress = Change::Progress {
                    bytes: offset,
                    etag,
                };
                self.record(row.id, 0, progress)
                    .await
                    .map_err(Failed::Job)?;
                noted = offset;
            }
        }
        self.end(row, facts, work).await
    }

    async fn end(
        self: &Arc<Self>,
        row: &OpenObject,
        facts: Facts,
        work: Work,
    ) -> Result<Outcome, Failed> {
        let (digest, result) = work.proof.finish();
        let proven = match result {
            Ok(proven) => proven,
            Err(mismatch) => {
                self.target.drop_unfinished(row.id);
                return Err(Failed::Object(corrupted(mismatch)));
            }
        };
        let (this, of) = (Arc::clone(self), row.clone());
        let modified = modified(&facts);
        let finished = spawn_blocking(move || this.target.finish(&of, &work.file, modified));
        match joined_fault(finished.await).map_err(Failed::Job)? {
            Ok(()) => {
                let proved = Proved {
                    facts,
                    digest,
                    proven,
                };
                Ok(Outcome::Done(self.done(row, proved).await?))
            }
            Err(fault) => self.fault(row, fault).await,
        }
    }

    /// Opens the file, with the first `from` bytes taken if they are there.
    fn begin(
        &self,
        id: i64,
        mut proof: Proof,
        size: u64,
        from: u64,
    ) -> Result<(Work, u64), WriteFault> {
        if from > 0
            && let Some(file) = self.target.go_on(id)
            && file.metadata()?.len() >= from
        {
            take(&file, 0..from, &mut proof)?;
            file.set_len(from)?;
            return Ok((Work { file, proof }, from));
        }
        let file = self.target.begin(id)?;
        Target::reserve(&file, size)?;
        Ok((Work { file, proof }, 0))
    }

    /// Memory for a range. Only who holds none may wait for it: everybody else has ranges to take,
    /// which gives memory back.
    async fn room(&self, bytes: u64, wait: bool) -> Result<Option<OwnedSemaphorePermit>, Failed> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.memory);
        if !wait {
            return Ok(memory.try_acquire_many_owned(kib).ok());
        }
        let permit = memory.acquire_many_owned(kib).await;
        permit.map(Some).map_err(|_| Failed::Job(Error::Stopped))
    }

    /// Begins to fetch a range.
    fn range(
        self: &Arc<Self>,
        row: &OpenObject,
        facts: &Facts,
        (first, last): (u64, u64),
        permit: OwnedSemaphorePermit,
    ) -> Ranged {
        let (this, row, etag) = (Arc::clone(self), row.clone(), facts.claims.etag.clone());
        let fetching = tokio::spawn(async move {
            let slot = this.gets.slot().await;
            let what = || format!("GET {}/{} {first}-{last}", this.bucket(&row), row.key);
            let get = || async {
                let get = this.piece(&row, &etag, first, last);
                this.gets.observed(last - first + 1, get).await
            };
            let bytes = this.retry.run(&what, get).await?;
            drop(slot);
            Ok((permit, bytes))
        });
        AbortOnDropHandle::new(fetching)
    }

    async fn piece(
        &self,
        row: &OpenObject,
        etag: &str,
        first: u64,
        last: u64,
    ) -> Result<Bytes, StoreError> {
        let range = Some((first, last));
        let (facts, body) = self
            .client
            .fetch(self.bucket(row), &row.key, range, Some(etag))
            .await?;
        if facts.claims.etag != etag {
            return Err(StoreError::Response {
                status: PRECONDITION_FAILED,
                code: "PreconditionFailed".to_owned(),
                message: "the object was overwritten".to_owned(),
                request_id: None,
            });
        }
        let length = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let bytes = body.collect(length).await?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(StoreError::Corrupted {
                expected: format!("{length} bytes"),
                got: format!("{} bytes", bytes.len()),
            }),
        }
    }
}

fn begins_again(error: &StoreError) -> bool {
    error.status() == Some(PRECONDITION_FAILED) || matches!(error, StoreError::Corrupted { .. })
}

/// Hashes bytes that are on the device.
pub(super) fn take(file: &File, range: Range<u64>, proof: &mut Proof) -> std::io::Result<()> {
    let mut buffer = vec![0; 1024 * 1024];
    let mut offset = range.start;
    while offset < range.end {
        let length = usize::try_from(range.end - offset)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let Some(piece) = buffer.get_mut(..length) else {
            break;
        };
        file.read_exact_at(piece, offset)?;
        proof.update(piece);
        offset += length as u64;
    }
    Ok(())
}
