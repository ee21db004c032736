//! The open rows, in order, until there are none or the device is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::lane::{Lane, joined};
use super::ledger::{ExportLedger, OpenObject};
use super::target::Target;
use super::{Export, on_thread, recorder};
use crate::Error;
use crate::lanes::pace::Pace;
use crate::lanes::{flatten, worse};
use crate::progress::Stage;
use crate::reader::{PART_BYTES, WHOLE_BYTES_MAX};

/// Rows read from the ledger at once.
const ROWS_PAGE: u32 = 512;
/// Large objects under way at once: one is enough for a disk, and two bridge each other's ends.
const LARGE_OBJECTS_MAX: usize = 4;
/// Objects under way or waiting for a slot. More would only wait in memory.
const OBJECTS_MAX: usize = 1024;
/// No row is this far on.
const NEVER: i64 = i64::MAX;

impl Export {
    /// Exports until no row is open.
    pub(super) async fn exported(
        self: &Arc<Self>,
        ledger: ExportLedger,
        target: &Arc<Target>,
    ) -> Result<ExportLedger, Error> {
        let (mut ledger, mut open) = self.counted(ledger).await?;
        while open > 0 {
            ledger = self.pass(ledger, target).await?;
            ledger = self.cut(ledger, target).await?;
            (ledger, open) = self.counted(ledger).await?;
        }
        Ok(ledger)
    }

    async fn counted(self: &Arc<Self>, ledger: ExportLedger) -> Result<(ExportLedger, u64), Error> {
        let this = Arc::clone(self);
        on_thread(move || {
            let counts = ledger.counts()?;
            this.meter.set_counts(counts);
            this.meter.set_sent(counts.stored_bytes);
            Ok((ledger, counts.open()))
        })
        .await
    }

    /// Exports the open rows once, in order.
    async fn pass(
        self: &Arc<Self>,
        ledger: ExportLedger,
        target: &Arc<Target>,
    ) -> Result<ExportLedger, Error> {
        self.meter.set_stage(Stage::Loading);
        let stop = self.stop.child_token();
        let (recorder, recording) =
            recorder::start(ledger.reopen()?, Arc::clone(target), self.meter.clone());
        let full_from = Arc::new(AtomicI64::new(ledger.full_from()?.unwrap_or(NEVER)));
        let (rows_in, rows) = mpsc::channel(ROWS_PAGE as usize);
        let (feeder, stopped) = (ledger.reopen()?, stop.clone());
        let feeding = spawn_blocking(move || feed(&feeder, &rows_in, &stopped));
        let connections = self.limits.connections.max(1);
        let lane = Arc::new(Lane {
            client: self.client.clone(),
            manifest: Arc::clone(&self.manifest),
            target: Arc::clone(target),
            retry: self.retry(stop.clone()),
            recorder,
            gets: Pace::new(connections, Arc::new(Semaphore::new(connections))),
            memory: Arc::new(Semaphore::new(self.memory_kib() as usize)),
            full_from: Arc::clone(&full_from),
            clock: self.clock,
        });
        let ran = self.lanes(lane, rows, &stop).await;
        let fed = joined(feeding.await);
        joined(recording.await)?;
        let full = full_from.load(Ordering::Relaxed);
        if full != NEVER {
            ledger.set_full(full)?;
        }
        ran?;
        fed?;
        match self.stop.is_cancelled() {
            true => Err(Error::Stopped),
            false => Ok(ledger),
        }
    }

    fn memory_kib(&self) -> u32 {
        let least = PART_BYTES.max(WHOLE_BYTES_MAX);
        u32::try_from(self.limits.memory_bytes.max(least) / 1024).unwrap_or(u32::MAX)
    }

    /// Takes rows in order until there are none, or the device is full.
    async fn lanes(
        &self,
        lane: Arc<Lane>,
        mut rows: mpsc::Receiver<OpenObject>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let large = Arc::new(Semaphore::new(LARGE_OBJECTS_MAX));
        let mut tasks: JoinSet<Result<(), Error>> = JoinSet::new();
        let mut result = Ok(());
        loop {
            tokio::select! {
                Some(ended) = tasks.join_next() => {
                    if let Err(error) = flatten(ended) {
                        stop.cancel();
                        result = Err(worse(result, error));
                    }
                }
                row = rows.recv(), if tasks.len() < OBJECTS_MAX => {
                    let Some(row) = row.filter(|_| result.is_ok()) else { break };
                    if row.id > lane.full_from.load(Ordering::Relaxed) {
                        break;
                    }
                    let held = self.room(&lane, &large, &row).await?;
                    let lane = Arc::clone(&lane);
                    tasks.spawn(async move {
                        let ended = lane.run(row).await;
                        drop(held);
                        ended
                    });
                }
            }
        }
        drop(rows);
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = flatten(ended) {
                stop.cancel();
                result = Err(worse(result, error));
            }
        }
        result
    }

    /// What an object must have before it is begun: memory for a small one, a turn for a large one.
    async fn room(
        &self,
        lane: &Lane,
        large: &Arc<Semaphore>,
        row: &OpenObject,
    ) -> Result<OwnedSemaphorePermit, Error> {
        let permit = match row.size {
            ..=WHOLE_BYTES_MAX => {
                let kib = u32::try_from(row.size / 1024 + 1).unwrap_or(u32::MAX);
                let kib = kib.min(self.memory_kib());
                Arc::clone(&lane.memory).acquire_many_owned(kib).await
            }
            _ => Arc::clone(large).acquire_owned().await,
        };
        permit.map_err(|_| Error::Stopped)
    }

    /// Where the device turned out to be full, the export ends: what came later in the order and
    /// happened to fit is removed again.
    async fn cut(
        self: &Arc<Self>,
        ledger: ExportLedger,
        target: &Arc<Target>,
    ) -> Result<ExportLedger, Error> {
        let (this, target) = (Arc::clone(self), Arc::clone(target));
        on_thread(move || {
            let Some(full) = ledger.full_from()? else {
                return Ok(ledger);
            };
            let now = (this.clock)().as_millisecond();
            if !ledger.has_stored_before(full)? {
                ledger.skip_too_large(full, now)?;
                return Ok(ledger);
            }
            let mut from = full;
            loop {
                let page = ledger.written_from(from, ROWS_PAGE)?;
                for (id, path) in &page {
                    target.remove(path)?;
                    from = id + 1;
                }
                if page.is_empty() {
                    break;
                }
            }
            ledger.cut_off(full, now)?;
            Ok(ledger)
        })
        .await
    }
}

fn feed(
    ledger: &ExportLedger,
    rows: &mpsc::Sender<OpenObject>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let page = ledger.open_rows(after, ROWS_PAGE)?;
        if page.is_empty() {
            return Ok(());
        }
        for row in page {
            after = row.id;
            if stop.is_cancelled() || rows.blocking_send(row).is_err() {
                return Ok(());
            }
        }
    }
}
