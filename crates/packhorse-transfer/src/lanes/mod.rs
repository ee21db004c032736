//! The lanes: many small files by PUT at once, large files in parallel parts.

mod large;
pub(crate) mod pace;
mod small;
mod waiting;

use std::sync::Arc;

use jiff::Timestamp;
use packhorse_core::bucket::BucketName;
use packhorse_core::ledger::Verdict;
use packhorse_core::manifest::{ConflictPolicy, Manifest, S3Import};
use packhorse_objects::client::{Client, Error as StoreError};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use self::pace::Pace;
use self::waiting::Waiting;
use crate::Error;
use crate::ledger::{Change, Done, OpenRow};
use crate::reader::{LARGE_FILES_MAX, READERS_MAX, Unread, Work};
use crate::recorder::{Record, Recorder};
use crate::retry::{Failed, Retry};
use crate::throttle::Throttle;

/// A row whose upload vanished is tried again from its first byte this often.
const ATTEMPTS_MAX: u32 = 3;

/// Files in parts that want bytes at once: those in the hands of the reading threads, which are
/// either one with several files or several with one.
const FILES_IN_PARTS_MAX: usize = if LARGE_FILES_MAX > READERS_MAX {
    LARGE_FILES_MAX
} else {
    READERS_MAX
};

/// Everything a lane needs.
pub(crate) struct Lanes {
    client: Client,
    bucket: BucketName,
    manifest: Arc<Manifest<S3Import>>,
    retry: Retry,
    recorder: Recorder,
    puts: Pace,
    parts: Pace,
    waiting: Waiting,
    throttle: Throttle,
    clock: fn() -> Timestamp,
}

impl Lanes {
    pub(crate) fn new(
        client: Client,
        bucket: BucketName,
        manifest: Arc<Manifest<S3Import>>,
        retry: Retry,
        recorder: Recorder,
        throttle: Throttle,
        clock: fn() -> Timestamp,
    ) -> Arc<Self> {
        let connections = retry.limits.connections.max(1);
        let all = Arc::new(Semaphore::new(connections));
        Arc::new(Self {
            client,
            bucket,
            manifest,
            retry,
            recorder,
            puts: Pace::new(connections, Arc::clone(&all)),
            parts: Pace::new(connections, all),
            waiting: Waiting::new(),
            throttle,
            clock,
        })
    }

    /// Takes work until there is none. The first error that concerns the whole job ends it; work
    /// under way is finished first, so that nothing confirmed by the store goes unrecorded.
    pub(crate) async fn run(self: Arc<Self>, mut work: mpsc::Receiver<Work>) -> Result<(), Error> {
        // Files in parts wait for bytes that small ones may hold: there are always senders for these,
        // and slots beyond those that files in parts can take.
        let connections = self.retry.limits.connections.max(1);
        let slots = connections + connections.max(FILES_IN_PARTS_MAX + 1);
        let mut tasks = JoinSet::new();
        let mut senders = 0;
        let mut result = Ok(());
        loop {
            tokio::select! {
                Some(ended) = tasks.join_next() => {
                    if let Err(error) = flatten(ended) {
                        self.retry.stop.cancel();
                        result = Err(worse(result, error));
                    }
                }
                item = work.recv(), if tasks.len() < slots => match item {
                    Some(item) if result.is_ok() => self.start(item, &mut tasks, &mut senders),
                    Some(_) | None => break,
                }
            }
        }
        drop(work);
        self.waiting.close();
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = flatten(ended) {
                self.retry.stop.cancel();
                result = Err(worse(result, error));
            }
        }
        self.waiting.clear();
        result
    }

    /// Sends small files, one after the other, until no more will come.
    async fn send_files(self: Arc<Self>) -> Result<(), Error> {
        while let Some((row, body)) = self.waiting.next().await {
            let result = self.small(&row, body).await;
            self.end(row, result).await?;
        }
        Ok(())
    }

    fn start(
        self: &Arc<Self>,
        work: Work,
        tasks: &mut JoinSet<Result<(), Error>>,
        senders: &mut usize,
    ) {
        let this = Arc::clone(self);
        match work {
            Work::Whole(group) => {
                self.waiting.add(group);
                // One for each request that there may be now; more once there may be more.
                while *senders < self.puts.limit() {
                    *senders += 1;
                    tasks.spawn(Arc::clone(self).send_files());
                }
            }
            Work::Parts {
                row,
                part_bytes,
                first_bytes,
                parts,
            } => {
                tasks.spawn(async move {
                    let lane = Arc::clone(&this);
                    let result = lane.large(&row, part_bytes, &first_bytes, parts).await;
                    this.end(row, result).await
                });
            }
            Work::Unreadable { row, unread } => {
                tasks.spawn(async move {
                    let change = this.unread(&row, unread);
                    this.end(row, Ok(change)).await
                });
            }
        }
    }

    /// What became of a row goes into the ledger.
    async fn end(&self, row: OpenRow, result: Result<Change, Failed>) -> Result<(), Error> {
        let change = match result {
            Ok(change) => change,
            Err(Failed::Object(error)) => self.refused(&row, &error),
            Err(Failed::Job(error)) => return Err(error),
        };
        self.record(&row, change).await
    }

    /// The store refused this object, and will refuse it again.
    fn refused(&self, row: &OpenRow, error: &StoreError) -> Change {
        let passing = error.is_of_no_upload() || matches!(error, StoreError::Corrupted { .. });
        if passing && row.attempts < ATTEMPTS_MAX {
            return Change::Reopen;
        }
        tracing::info!(object.key = row.key, error = %error, "the store refused a file");
        self.without_object(store_verdict(error))
    }

    /// The device did not give a file.
    fn unread(&self, row: &OpenRow, unread: Unread) -> Change {
        match unread {
            Unread::PutOff => {
                self.retry.meter.read_error();
                tracing::info!(object.key = row.key, "a read error: tried again at the end");
                Change::PutOff
            }
            Unread::Row(verdict) => self.without_object(verdict),
        }
    }

    fn without_object(&self, verdict: Verdict) -> Change {
        Change::Done(Done::without_object(
            verdict,
            (self.clock)().as_millisecond(),
        ))
    }

    fn stored(&self, etag: String, md5: [u8; 16], content_type: String) -> Change {
        Change::Done(Done {
            verdict: Verdict::ok(),
            md5: Some(md5),
            etag: Some(etag),
            content_type: Some(content_type),
            at_ms: (self.clock)().as_millisecond(),
        })
    }

    async fn record(&self, row: &OpenRow, change: Change) -> Result<(), Error> {
        self.send(row, change, None).await
    }

    /// Records a change; what comes back is told once the change survives a power cut.
    async fn record_durably(
        &self,
        row: &OpenRow,
        change: Change,
    ) -> Result<oneshot::Receiver<()>, Error> {
        let (committed, durable) = oneshot::channel();
        self.send(row, change, Some(committed)).await?;
        Ok(durable)
    }

    async fn send(
        &self,
        row: &OpenRow,
        change: Change,
        committed: Option<oneshot::Sender<()>>,
    ) -> Result<(), Error> {
        let record = Record {
            row: row.id,
            bytes: row.entry.size,
            change,
            committed,
        };
        // The recorder's own error is returned by its thread.
        self.recorder.send(record).await.map_err(|_| Error::Stopped)
    }

    /// The row of a file whose key is taken, where the manifest says to leave it alone. An object
    /// with our own digest is ours: a crash came between the store's answer and the ledger.
    fn conflict(&self) -> Option<Verdict> {
        match self.manifest.extensions.on_conflict {
            ConflictPolicy::Overwrite => None,
            ConflictPolicy::Keep => Some(Verdict::ignored()),
            ConflictPolicy::Fail => Some(Verdict::object_exists()),
        }
    }

    fn what(&self, verb: &str, key: &str) -> String {
        format!("{verb} {}/{key}", self.bucket)
    }
}

/// The row of an object that the store refuses for good.
pub(crate) fn store_verdict(error: &StoreError) -> Verdict {
    match (error.status(), error.code()) {
        // CompleteMultipartUpload may answer 200 and put its error in the body.
        (Some(status), Some(code)) => Verdict::store(status.max(400), code),
        (Some(_), None) | (None, _) => Verdict::verification_failed(),
    }
}

/// `Stopped` is the echo of another error: the other one is what people must read.
pub(crate) fn worse(so_far: Result<(), Error>, error: Error) -> Error {
    match so_far {
        Err(first) if !matches!(first, Error::Stopped) => first,
        _ => error,
    }
}

pub(crate) fn flatten(
    ended: Result<Result<(), Error>, tokio::task::JoinError>,
) -> Result<(), Error> {
    ended.unwrap_or_else(|error| Err(Error::Defect(error.to_string())))
}
