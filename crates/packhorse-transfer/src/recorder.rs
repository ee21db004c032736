//! The one thread that writes outcomes: gathers what has come in, commits, then counts it.

use packhorse_core::ledger::Outcome;
use tokio::sync::mpsc;

use crate::Error;
use crate::ledger::{Change, Ledger};
use crate::progress::Meter;

/// Changes in one transaction at the most; while one is being synced the next gather.
const BATCH: usize = 4096;

/// A change to a row.
#[derive(Debug)]
pub(crate) struct Record {
    pub row: i64,
    pub bytes: u64,
    pub change: Change,
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
        }
        Ok(())
    });
    (sender, task)
}

fn summary(record: &Record) -> (Option<Outcome>, u64) {
    match &record.change {
        Change::Done(done) => (Some(done.verdict.outcome()), record.bytes),
        Change::UploadStarted(_) | Change::Reopen => (None, 0),
    }
}
