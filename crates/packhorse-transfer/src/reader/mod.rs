//! Reading: plain threads turn open rows into hashed bodies.
//!
//! A byte is read from the device once; the MD5 of each request, the CRC of each request and the
//! MD5 of the whole file are computed in that pass. A parser that panics costs its file a row.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use md5::{Digest as _, Md5};
use packhorse_core::ledger::Verdict;
use packhorse_media::{FileReader, ReadError, Volume};
use packhorse_objects::digest::BodyDigest;
use tokio::sync::mpsc;

use crate::budget::{ByteBudget, Share};
use crate::ledger::OpenRow;

/// Files up to this size go as one PUT; larger ones in parts.
pub(crate) const WHOLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The usual part. S3 wants at least 5 MiB.
const PART_BYTES: u64 = 8 * 1024 * 1024;
/// S3 takes at most this many parts.
const PARTS_MAX: u64 = 10_000;
/// Reading threads: enough to hide a disk's latency, few enough not to scatter its head.
pub(crate) const READERS_MAX: usize = 8;
/// Parts of one file that wait for the network.
const PARTS_WAITING: usize = 2;

/// What a lane gets.
pub(crate) enum Work {
    /// A file in one buffer.
    Whole { row: OpenRow, body: Body },
    /// A file in parts, in order.
    Parts {
        row: OpenRow,
        part_bytes: u64,
        first_bytes: Vec<u8>,
        parts: mpsc::Receiver<Part>,
    },
    /// A file whose bytes are not to be had.
    Unreadable { row: OpenRow, verdict: Verdict },
}

/// Bytes of one request, their digests, and the right to hold them.
pub(crate) struct Body {
    pub bytes: Bytes,
    pub digest: BodyDigest,
    /// Given back when the body has been sent.
    pub _share: Share,
}

/// A piece of a large file.
pub(crate) enum Part {
    /// The next part.
    Body(Body),
    /// The file ended well; its MD5.
    End([u8; 16]),
    /// It did not.
    Failed(Verdict),
}

/// Why a reader leaves a file before its end.
enum Left {
    /// The file's own row says why.
    File(ReadError),
    /// Nobody wants more: the job stops, or the lane gave the file up.
    Unwanted,
}

impl From<ReadError> for Left {
    fn from(error: ReadError) -> Self {
        Self::File(error)
    }
}

/// One reading thread's surroundings.
#[derive(Clone)]
pub(crate) struct Reader {
    pub volumes: Arc<[Option<Arc<dyn Volume>>]>,
    pub budget: ByteBudget,
    pub rows: Arc<Mutex<Receiver<OpenRow>>>,
    pub work: mpsc::Sender<Work>,
}

impl Reader {
    /// Reads rows until there are none, or nobody takes the work.
    pub(crate) fn run(&self) {
        while let Some(row) = self.next_row() {
            let spare = row.clone();
            let handed_over = Cell::new(false);
            let result = catch_unwind(AssertUnwindSafe(|| self.read(row, &handed_over)));
            let verdict = match result {
                Ok(Ok(())) => continue,
                Ok(Err(Left::Unwanted)) if self.work.is_closed() => return,
                Ok(Err(Left::Unwanted)) => continue,
                Ok(Err(Left::File(error))) => error.verdict(),
                // The lane sees that the parts ended without an end.
                Err(_panic) if handed_over.get() => continue,
                Err(_panic) => Verdict::damaged(),
            };
            if self
                .work
                .blocking_send(Work::Unreadable {
                    row: spare,
                    verdict,
                })
                .is_err()
            {
                return;
            }
        }
    }

    fn next_row(&self) -> Option<OpenRow> {
        self.rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv()
            .ok()
    }

    fn read(&self, row: OpenRow, handed_over: &Cell<bool>) -> Result<(), Left> {
        let volume = self.volumes.get(row.volume).and_then(Option::as_ref);
        let volume = volume.ok_or_else(|| ReadError::Damaged("no such volume".into()))?;
        let file = volume.open(&row.entry)?;
        if row.entry.size <= WHOLE_BYTES_MAX {
            self.read_whole(row, file)
        } else {
            self.read_parts(row, file, handed_over)
        }
    }

    fn read_whole(&self, row: OpenRow, mut file: Box<dyn FileReader>) -> Result<(), Left> {
        let body = self.read_body(file.as_mut(), 0, row.entry.size)?;
        file.finish()?;
        self.work
            .blocking_send(Work::Whole { row, body })
            .map_err(|_| Left::Unwanted)
    }

    fn read_parts(
        &self,
        row: OpenRow,
        mut file: Box<dyn FileReader>,
        handed_over: &Cell<bool>,
    ) -> Result<(), Left> {
        let size = row.entry.size;
        let part_bytes = part_bytes(size);
        let mut whole = Md5::new();
        let first = self.read_body(file.as_mut(), 0, part_bytes.min(size))?;
        let first_bytes = first.bytes.iter().copied().take(16).collect();
        let (sender, parts) = mpsc::channel(PARTS_WAITING);
        let work = Work::Parts {
            row,
            part_bytes,
            first_bytes,
            parts,
        };
        self.work.blocking_send(work).map_err(|_| Left::Unwanted)?;
        // From here on the lane answers for the row, through `parts`.
        handed_over.set(true);
        let mut offset = 0;
        let mut next = Ok(first);
        let last = loop {
            match next {
                Ok(body) => {
                    whole.update(&body.bytes);
                    offset += body.bytes.len() as u64;
                    if sender.blocking_send(Part::Body(body)).is_err() {
                        return Err(Left::Unwanted);
                    }
                }
                Err(Left::File(error)) => break Part::Failed(error.verdict()),
                Err(Left::Unwanted) => return Err(Left::Unwanted),
            }
            if offset >= size {
                break match file.finish() {
                    Ok(()) => Part::End(whole.finalize().into()),
                    Err(error) => Part::Failed(error.verdict()),
                };
            }
            next = self.read_body(file.as_mut(), offset, part_bytes.min(size - offset));
        };
        sender.blocking_send(last).map_err(|_| Left::Unwanted)
    }

    fn read_body(&self, file: &mut dyn FileReader, offset: u64, bytes: u64) -> Result<Body, Left> {
        let share = self.budget.acquire_blocking(bytes).ok_or(Left::Unwanted)?;
        let length = usize::try_from(bytes).map_err(|_| ReadError::Damaged("too large".into()))?;
        let mut buffer = vec![0; length];
        fill(file, offset, &mut buffer)?;
        let digest = BodyDigest::of(&buffer);
        Ok(Body {
            bytes: Bytes::from(buffer),
            digest,
            _share: share,
        })
    }
}

/// Fills `buffer`; a file that ends early is no longer what was listed.
pub(crate) fn fill(
    file: &mut dyn FileReader,
    mut offset: u64,
    mut buffer: &mut [u8],
) -> Result<(), ReadError> {
    while !buffer.is_empty() {
        let read = file.read_at(offset, buffer)?;
        if read == 0 {
            file.finish()?;
            return Err(ReadError::Changed);
        }
        offset += read as u64;
        buffer = buffer.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

/// The part size of a file: the usual one, or more where 10,000 parts would not do; in whole MiB.
pub(crate) fn part_bytes(size: u64) -> u64 {
    const MIB: u64 = 1024 * 1024;
    PART_BYTES.max(size.div_ceil(PARTS_MAX).div_ceil(MIB) * MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_object_fits_into_ten_thousand_parts() {
        for size in [
            WHOLE_BYTES_MAX + 1,
            80_000 << 20,
            (80_000 << 20) + 1,
            5 << 40,
        ] {
            let part = part_bytes(size);
            assert!(
                size.div_ceil(part) <= PARTS_MAX && part >= PART_BYTES,
                "{size}"
            );
        }
        assert_eq!(part_bytes(WHOLE_BYTES_MAX + 1), PART_BYTES);
    }
}
