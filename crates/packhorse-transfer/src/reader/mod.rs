//! Reading: plain threads turn open rows into hashed bodies.
//!
//! A byte is read from the device once; the MD5 of each request, the CRC of each request and the
//! MD5 of the whole file are computed in that pass. MD5 is the dearest step of an upload, and cheap
//! only when several streams are hashed side by side, so a thread has several files in hand: small
//! ones in groups (`small.rs`), larger ones piece by piece (`large.rs`). A parser that panics costs
//! its file a row.

mod fill;
mod large;
mod small;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use packhorse_core::ledger::Verdict;
use packhorse_media::{FileReader, ReadError, Volume};
use packhorse_objects::digest::{BodyDigest, SideBySide};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::budget::ByteBudget;
use crate::ledger::{OpenRow, Turn};

pub(crate) use fill::{fill, fill_patiently};
pub(crate) use large::LARGE_FILES_MAX;
pub(crate) use small::Groups;

/// Files up to this size go as one PUT; larger ones in parts. The least that a load may have for its
/// buffers. A part of a file beyond 80 GB is larger than usual, and one of a file beyond 160 GB (525 MiB at
/// the most, of one of 5 TiB) larger than this: it is held alone where the buffers are smaller.
pub const WHOLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The usual part. S3 wants at least 5 MiB.
pub(crate) const PART_BYTES: u64 = 8 * 1024 * 1024;
/// S3 takes at most this many parts.
const PARTS_MAX: u64 = 10_000;
/// Threads that read small files: enough to hide a disk's latency, few enough not to scatter its
/// head.
pub(crate) const READERS_MAX: usize = 8;
/// Groups of small files that wait for a thread.
const GROUPS_WAITING: usize = 8;
/// Larger files that wait for their thread: so many that small ones behind them in physical order
/// seldom wait, few enough to be small in memory.
const LARGE_WAITING: usize = 1024;

/// What a lane gets.
pub(crate) enum Work {
    /// Files in one buffer each.
    Whole(Vec<(OpenRow, Body)>),
    /// A file in parts, in order.
    Parts {
        row: OpenRow,
        part_bytes: u64,
        first_bytes: Vec<u8>,
        parts: mpsc::Receiver<Part>,
    },
    /// A file whose bytes are not to be had.
    Unreadable { row: OpenRow, unread: Unread },
}

/// Bytes of one request, which give their buffer back when the last of them is gone, and their
/// digests.
pub(crate) struct Body {
    pub bytes: Bytes,
    pub digest: BodyDigest,
}

/// A piece of a large file.
pub(crate) enum Part {
    /// The next part.
    Body(Body),
    /// The file ended well; its MD5.
    End([u8; 16]),
    /// It did not.
    Failed(Unread),
}

/// What becomes of a file whose bytes were not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The device failed: once more, when everything else is done.
    PutOff,
    /// Its row.
    Row(Verdict),
}

/// Nobody wants more: the job stops.
struct Unwanted;

/// The ways to the reading threads.
pub(crate) struct Rows {
    pub groups: SyncSender<Vec<OpenRow>>,
    pub large: SyncSender<OpenRow>,
}

/// The other ends. Each is shared by the threads of its kind and by nobody else: when the last of
/// them leaves, whoever feeds them must see it.
pub(crate) struct Taken {
    groups: Arc<Mutex<Receiver<Vec<OpenRow>>>>,
    large: Arc<Mutex<Receiver<OpenRow>>>,
}

/// The channels between the ledger and the reading threads.
pub(crate) fn channels() -> (Rows, Taken) {
    let (groups, groups_out) = sync_channel(GROUPS_WAITING);
    let (large, large_out) = sync_channel(LARGE_WAITING);
    let taken = Taken {
        groups: Arc::new(Mutex::new(groups_out)),
        large: Arc::new(Mutex::new(large_out)),
    };
    (Rows { groups, large }, taken)
}

/// One reading thread's surroundings.
#[derive(Clone)]
pub(crate) struct Reader {
    pub volumes: Arc<[Option<Arc<dyn Volume>>]>,
    pub budget: ByteBudget,
    pub work: mpsc::Sender<Work>,
    /// Whether a read error is the end of a file's row, or its row's second turn is still to come.
    pub turn: Turn,
}

impl Reader {
    /// Starts the threads: so many for small files, and one for larger ones. One is enough where
    /// streams are hashed side by side, and more would tear them apart; else each hashes one file.
    pub(crate) fn start(self, rows: Taken, threads: usize) -> Vec<JoinHandle<()>> {
        let Taken {
            groups,
            large: files,
        } = rows;
        let large = if SideBySide::new().streams() > 1 {
            1
        } else {
            threads
        };
        let small = (0..threads).map(|_| {
            let (reader, groups) = (self.clone(), Arc::clone(&groups));
            spawn_blocking(move || reader.run_small(&groups))
        });
        let large = (0..large).map(|_| {
            let (reader, files) = (self.clone(), Arc::clone(&files));
            spawn_blocking(move || reader.run_large(&files))
        });
        small.chain(large).collect()
    }

    fn open(&self, row: &OpenRow) -> Result<Box<dyn FileReader>, Unread> {
        let opened = guarded(|| {
            let volume = self.volumes.get(row.volume).and_then(Option::as_ref);
            let volume = volume.ok_or_else(|| ReadError::Damaged("no such volume".into()))?;
            volume.open(&row.entry)
        });
        opened.map_err(|error| self.unread(&error))
    }

    fn fill(
        &self,
        file: &mut dyn FileReader,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<(), Unread> {
        match self.turn {
            Turn::First => {
                guarded(|| fill(file, offset, buffer)).map_err(|error| self.unread(&error))
            }
            Turn::Last => guarded(|| Ok(fill_patiently(file, offset, buffer)))
                .map_err(|error| self.unread(&error))?
                .map_err(|lost| Unread::Row(lost.verdict())),
        }
    }

    fn finish(&self, file: &mut dyn FileReader) -> Result<(), Unread> {
        guarded(|| file.finish()).map_err(|error| self.unread(&error))
    }

    fn unread(&self, error: &ReadError) -> Unread {
        match (self.turn, error) {
            (Turn::First, ReadError::Io(_)) => Unread::PutOff,
            _ => Unread::Row(error.verdict()),
        }
    }

    fn send(&self, work: Work) -> Result<(), Unwanted> {
        self.work.blocking_send(work).map_err(|_| Unwanted)
    }

    fn unreadable(&self, row: OpenRow, unread: Unread) -> Result<(), Unwanted> {
        self.send(Work::Unreadable { row, unread })
    }
}

/// Runs a parser of the device; a panic of it is the damage of one file.
fn guarded<T>(parse: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    catch_unwind(AssertUnwindSafe(parse))
        .unwrap_or_else(|_panic| Err(ReadError::Damaged("its reader broke down".to_owned())))
}

/// The part size of a file: the usual one, or more where 10,000 parts would not do; in whole MiB.
pub(crate) fn part_bytes(size: u64) -> u64 {
    const MIB: u64 = 1024 * 1024;
    PART_BYTES.max(size.div_ceil(PARTS_MAX).div_ceil(MIB) * MIB)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::TrySendError;
    use std::time::{Duration, Instant};

    use packhorse_core::ledger::EntryKind;
    use packhorse_media::Entry;

    use super::*;

    fn row() -> OpenRow {
        let entry = Entry {
            path: b"f".to_vec(),
            kind: EntryKind::File,
            size: 1,
            modified: None,
            mode: None,
            owner: None,
            node: 0,
            first_extent: None,
            problem: None,
        };
        OpenRow {
            id: 1,
            volume: 0,
            entry,
            key: "f".to_owned(),
            upload_id: None,
            attempts: 0,
            there: None,
            record: None,
        }
    }

    /// Whether sending comes to its end because nobody is there.
    fn nobody_is_there(mut is_refused: impl FnMut() -> bool) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            if is_refused() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn threads_of_one_kind_that_leave_are_missed_while_the_other_kind_waits() {
        for is_large in [false, true] {
            let (rows, taken) = channels();
            let (work, nobody) = mpsc::channel(1);
            drop(nobody);
            let reader = Reader {
                volumes: Arc::new([]),
                budget: ByteBudget::new(1 << 20),
                work,
                turn: Turn::First,
            };
            let threads = reader.start(taken, 2);
            let missed = match is_large {
                false => nobody_is_there(|| {
                    let sent = rows.groups.try_send(vec![row()]);
                    matches!(sent, Err(TrySendError::Disconnected(_)))
                }),
                true => nobody_is_there(|| {
                    let sent = rows.large.try_send(row());
                    matches!(sent, Err(TrySendError::Disconnected(_)))
                }),
            };
            assert!(missed, "large: {is_large}");
            drop(rows);
            for thread in threads {
                thread.await.unwrap();
            }
        }
    }

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
