//! The one thread that writes outcomes: gathers what has come in, commits, then counts it.

use std::time::Duration;

use packhorse_core::ledger::Outcome;
use tokio::sync::{mpsc, oneshot};

use crate::Error;
use crate::ledger::{Change, Ledger};
use crate::progress::Meter;

/// Changes in one transaction at the most.
const BATCH: usize = 4096;
/// After a transaction the next changes gather for this long: a commit waits for the disk, and
/// costs about as much for one row as for a thousand. A crash makes work of this time be sent again.
const GATHER: Duration = Duration::from_millis(100);
/// How soon the end of the work is noticed meanwhile. Waiting on the channel itself would cost a
/// wake-up for every change.
const GATHER_STEP: Duration = Duration::from_millis(10);

/// A change to a row.
#[derive(Debug)]
pub(crate) struct Record {
    pub row: i64,
    pub bytes: u64,
    pub change: Change,
    /// Told once the change survives a power cut.
    pub committed: Option<oneshot::Sender<()>>,
}

/// Where lanes send changes. Fails only when the recorder has ended with an error of its own.
pub(crate) type Recorder = mpsc::Sender<Record>;

/// Starts the thread. It ends when every sender is gone.
pub(crate) fn start(
    ledger: Ledger,
    meter: Meter,
) -> (Recorder, tokio::task::JoinHandle<Result<(), Error>>) {
    let (sender, mut receiver) = mpsc::channel(BATCH);
    let task = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(BATCH);
        while receiver.blocking_recv_many(&mut batch, BATCH) > 0 {
            let sums = batch.iter().map(summary).collect::<Vec<_>>();
            let mut waiting = Vec::new();
            let change = |record: Record| {
                waiting.extend(record.committed);
                (record.row, record.change)
            };
            let changes: Vec<_> = batch.drain(..).map(change).collect();
            ledger.write(&changes)?;
            for committed in waiting {
                // Who no longer waits has given up for a reason of its own.
                let _ = committed.send(());
            }
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
            gather(&receiver);
        }
        Ok(())
    });
    (sender, task)
}

fn gather(receiver: &mpsc::Receiver<Record>) {
    for _ in 0..GATHER.as_millis() / GATHER_STEP.as_millis() {
        if receiver.is_closed() || receiver.len() >= BATCH {
            return;
        }
        std::thread::sleep(GATHER_STEP);
    }
}

fn summary(record: &Record) -> (Option<Outcome>, u64) {
    match &record.change {
        Change::Done(done) => (Some(done.verdict.outcome()), record.bytes),
        Change::UploadStarted(_) | Change::Reopen | Change::NotThere | Change::PutOff => (None, 0),
    }
}
