//! The one writer of the ledger: takes outcomes from the lanes, batch by batch.
//!
//! A row is stored when its file survives a power cut, so the device is synchronised before each
//! batch is committed: once for hundreds of small files, instead of once for each.

use std::sync::Arc;
use std::time::Duration;

use packhorse_core::ledger::Outcome;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::ledger::{Change, ExportLedger};
use super::target::Target;
use crate::Error;
use crate::progress::Meter;

/// Changes that one transaction may hold, and that may wait for one.
const BATCH: usize = 2048;
/// A device is not synchronised more often than this while there is more to come.
const GATHER: Duration = Duration::from_millis(100);

/// A change of one row, with the bytes it stands for.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) row: i64,
    pub(super) bytes: u64,
    pub(super) change: Change,
}

/// Where lanes send changes. Fails only when the recorder has ended with an error of its own.
pub(super) type Recorder = mpsc::Sender<Record>;

/// Starts the thread. It ends when every sender is gone.
pub(super) fn start(
    ledger: ExportLedger,
    target: Arc<Target>,
    meter: Meter,
) -> (Recorder, JoinHandle<Result<(), Error>>) {
    let (sender, mut receiver) = mpsc::channel(BATCH);
    let task = tokio::task::spawn_blocking(move || {
        let mut batch: Vec<Record> = Vec::with_capacity(BATCH);
        while receiver.blocking_recv_many(&mut batch, BATCH) > 0 {
            let sums: Vec<_> = batch.iter().map(summary).collect();
            target.sync()?;
            let changes: Vec<_> = batch.drain(..).map(|r| (r.row, r.change)).collect();
            ledger.write(&changes)?;
            meter.change_counts(|counts| {
                for (outcome, bytes) in sums {
                    match outcome {
                        Some(Outcome::Stored) => {
                            counts.stored += 1;
                            counts.stored_bytes += bytes;
                        }
                        Some(Outcome::Ignored) => counts.ignored += 1,
                        Some(Outcome::Failed) => counts.failed += 1,
                        None => {}
                    }
                }
            });
            if !receiver.is_closed() && receiver.len() < BATCH / 2 {
                std::thread::sleep(GATHER);
            }
        }
        Ok(())
    });
    (sender, task)
}

fn summary(record: &Record) -> (Option<Outcome>, u64) {
    match &record.change {
        Change::Done(done) => (Some(done.verdict.outcome()), record.bytes),
        Change::Progress { .. } => (None, 0),
    }
}
