//! One import, from listing to report.

use std::num::NonZero;
use std::sync::Arc;

use jiff::Timestamp;
use packhorse_core::bucket::BucketName;
use packhorse_core::id::JobId;
use packhorse_core::ledger::{Counts, Verdict};
use packhorse_core::manifest::{Manifest, S3Import, Verification};
use packhorse_core::mapping;
use packhorse_media::{Entry, MediaError, Volume};
use packhorse_objects::client::{Client, ObjectMeta};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::budget::ByteBudget;
use crate::lanes::Lanes;
use crate::ledger::{After, JobFolder, Ledger, Phase, Turn};
use crate::progress::{Meter, Stage};
use crate::reader::{Groups, READERS_MAX, Reader, Rows};
use crate::retry::{Limits, Retry};
use crate::takeover::Takeover;
use crate::throttle::Throttle;
use crate::uploads::Keys;
use crate::verify::Verify;
use crate::{Error, plan, preflight, reader, recorder, report, uploads};

/// Groups of files that wait for a lane.
const WORK_WAITING: usize = 8;
/// Rows read from the ledger at once.
const ROWS_PAGE: u32 = 512;

/// A volume of the device and where its files appear.
pub struct SourceVolume {
    /// In front of each path in keys and report; empty for a device with one volume.
    pub folder: String,
    /// The volume, or the row that stands for one that cannot be read.
    pub content: Result<Arc<dyn Volume>, Box<Entry>>,
}

/// One job on one device.
pub struct Import {
    /// The job.
    pub job_id: JobId,
    /// What the customer wants.
    pub manifest: Arc<Manifest<S3Import>>,
    /// Tells one manifest and device from another: rows made on a different basis are not used.
    pub basis: String,
    /// The device.
    pub volumes: Vec<SourceVolume>,
    /// The store, with the job owner's credentials.
    pub client: Client,
    /// Where job.db is.
    pub folder: JobFolder,
    /// Whether an earlier run of this job, here or elsewhere, may have stored something already: what
    /// is there is not sent again.
    pub takes_over: bool,
    /// What the job may use.
    pub limits: Limits,
    /// How fast contents may leave.
    pub throttle: Throttle,
    /// Live numbers.
    pub meter: Meter,
    /// Cancelled from outside, the load stops soon and can be continued.
    pub stop: CancellationToken,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// A load that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Final totals.
    pub counts: Counts,
    /// The report's bucket.
    pub log_bucket: BucketName,
    /// The report's key.
    pub log_key: String,
}

impl Import {
    /// Lists, loads, verifies and reports; continues what an earlier run began.
    pub async fn run(mut self) -> Result<Loaded, Error> {
        let _ends = self.ends_with_us();
        let this = Arc::new(self);
        let mut ledger = this.ledger().await?;
        if ledger.phase()? != Phase::Reported {
            // A stop of our own must not look like one from outside.
            let retry = this.retry(this.stop.child_token());
            preflight::check(&this.client, &retry, &this.manifest, &this.log_key()).await?;
            ledger = this.listed(ledger).await?;
            ledger = this.surveyed(ledger).await?;
            ledger = this.loaded_and_verified(ledger).await?;
        }
        this.report(ledger).await
    }

    /// Gives the device up: open rows become failed, and the report says so.
    pub async fn abandon(mut self) -> Result<Loaded, Error> {
        let _ends = self.ends_with_us();
        let this = Arc::new(self);
        let again = Arc::clone(&this);
        let ledger = this.ledger().await?;
        let ledger = on_thread(move || {
            // Should the desk not learn of it, the next run must not take these rows for a load.
            ledger.set_phase(Phase::Listing)?;
            ledger.fail_open_rows(&Verdict::read_error(), (again.clock)().as_millisecond())?;
            Ok(ledger)
        })
        .await?;
        this.report(ledger).await
    }

    /// Threads of a load that is dropped instead of awaited stop too.
    fn ends_with_us(&mut self) -> DropGuard {
        self.stop = self.stop.child_token();
        self.stop.clone().drop_guard()
    }

    fn retry(&self, stop: CancellationToken) -> Retry {
        Retry {
            limits: self.limits,
            stop,
            meter: self.meter.clone(),
        }
    }

    fn log_key(&self) -> String {
        report::log_key(&self.manifest, &self.job_id)
    }

    fn bucket(&self) -> &BucketName {
        &self.manifest.kind.bucket
    }

    /// This job's ledger, locked.
    async fn ledger(self: &Arc<Self>) -> Result<Ledger, Error> {
        let this = Arc::clone(self);
        on_thread(move || Ledger::open(&this.folder, &this.job_id, &this.basis)).await
    }

    fn readable(&self) -> Arc<[Option<Arc<dyn Volume>>]> {
        self.volumes
            .iter()
            .map(|source| source.content.as_ref().ok().cloned())
            .collect()
    }

    /// The ledger, with every entry of the device in it. A panic here is one of the device's
    /// parsers; later they are contained file by file.
    async fn listed(self: &Arc<Self>, ledger: Ledger) -> Result<Ledger, Error> {
        let this = Arc::clone(self);
        let listed = spawn_blocking(move || {
            if ledger.phase()? == Phase::Listing {
                this.meter.set_stage(Stage::Listing);
                this.meter.set_counts(Counts::default());
                let (volumes, clock) = (&this.volumes, this.clock);
                plan::list(
                    &ledger,
                    &this.manifest,
                    volumes,
                    &this.meter,
                    &this.stop,
                    clock,
                )?;
            }
            Ok(ledger)
        });
        listed
            .await
            .unwrap_or_else(|panic| Err(Error::Panicked(panic.to_string())))
    }

    /// Loads and verifies until no row is open: an upload may vanish, a copy may be found wrong.
    async fn loaded_and_verified(self: &Arc<Self>, ledger: Ledger) -> Result<Ledger, Error> {
        let (mut ledger, mut turn) = self.counted(ledger).await?;
        loop {
            while let Some(open) = turn {
                ledger = self.load(ledger, open).await?;
                (ledger, turn) = self.counted(ledger).await?;
            }
            ledger = self.verified(ledger).await?;
            (ledger, turn) = self.counted(ledger).await?;
            if turn.is_none() {
                return self.not_wholly_unread(ledger).await;
            }
        }
    }

    /// Shows the ledger's totals on the meter; gives which rows are to be loaded next.
    async fn counted(self: &Arc<Self>, ledger: Ledger) -> Result<(Ledger, Option<Turn>), Error> {
        let this = Arc::clone(self);
        on_thread(move || {
            let counts = ledger.counts()?;
            this.meter.set_counts(counts);
            this.meter.set_sent(counts.stored_bytes);
            let turn = match counts.open() {
                0 => None,
                _ if ledger.open_of(Turn::First)? > 0 => Some(Turn::First),
                _ => Some(Turn::Last),
            };
            Ok((ledger, turn))
        })
        .await
    }

    /// A device that gave its directories and nothing of any file has failed as a whole.
    async fn not_wholly_unread(&self, ledger: Ledger) -> Result<Ledger, Error> {
        on_thread(move || match ledger.nothing_was_read()? {
            true => {
                let what = "no file of it can be read";
                Err(Error::Media(MediaError::Io(std::io::Error::other(what))))
            }
            false => Ok(ledger),
        })
        .await
    }

    /// Notes what an earlier run left in the store.
    async fn surveyed(self: &Arc<Self>, ledger: Ledger) -> Result<Ledger, Error> {
        if !self.takes_over {
            return Ok(ledger);
        }
        let this = Arc::clone(self);
        on_thread(move || {
            let retry = this.retry(this.stop.child_token());
            let takeover = Takeover {
                client: &this.client,
                bucket: this.bucket(),
                ledger: &ledger,
                retry: &retry,
            };
            takeover.survey()?;
            Ok(ledger)
        })
        .await
    }

    /// Loads the open rows of that turn once.
    async fn load(self: &Arc<Self>, ledger: Ledger, turn: Turn) -> Result<Ledger, Error> {
        self.meter.set_stage(Stage::Loading);
        let stop = self.stop.child_token();
        let budget = ByteBudget::new(self.limits.memory_bytes);
        let (recorder, recording) = recorder::start(ledger.reopen()?, self.meter.clone());
        let (rows_in, rows) = reader::channels();
        let feeding = self.feed(ledger.reopen()?, turn, rows_in, stop.clone());
        let (work_in, work) = mpsc::channel(WORK_WAITING);
        let reader = Reader {
            volumes: self.readable(),
            budget: budget.clone(),
            work: work_in,
            turn,
        };
        let reading = reader.start(rows, readers());
        let lanes = Lanes::new(
            self.client.clone(),
            self.bucket().clone(),
            Arc::clone(&self.manifest),
            self.retry(stop.clone()),
            recorder,
            self.throttle.clone(),
            self.clock,
        );
        let sent = lanes.run(work).await;
        // Nobody waits for bytes any more; a recorder without senders ends.
        budget.close();
        // All of them end before anything is said: whoever goes on after an error must find nobody
        // at work on the ledger.
        let mut ends = Vec::new();
        for thread in reading {
            ends.push(joined(thread.await.map(Ok)));
        }
        ends.push(joined(recording.await));
        ends.push(sent);
        ends.push(joined(feeding.await));
        if self.stop.is_cancelled() {
            ends.push(Err(Error::Stopped));
        }
        first_cause(ends).map(|()| ledger)
    }

    /// Reads open rows page by page, in physical order, for the reading threads.
    fn feed(
        &self,
        ledger: Ledger,
        turn: Turn,
        rows: Rows,
        stop: CancellationToken,
    ) -> JoinHandle<Result<(), Error>> {
        spawn_blocking(move || {
            let mut after = After::default();
            let mut groups = Groups::new(rows);
            loop {
                let (page, last) = ledger.open_rows(turn, after, ROWS_PAGE)?;
                if page.is_empty() {
                    groups.flush();
                    return Ok(());
                }
                after = last;
                for row in page {
                    if stop.is_cancelled() || !groups.add(row) {
                        return Ok(());
                    }
                }
            }
        })
    }

    /// Verifies once; what was found wrong is open again, or failed for good.
    async fn verified(self: &Arc<Self>, ledger: Ledger) -> Result<Ledger, Error> {
        self.meter.set_stage(Stage::Verifying);
        let this = Arc::clone(self);
        on_thread(move || {
            let retry = this.retry(this.stop.child_token());
            let verify = Verify {
                client: &this.client,
                bucket: this.bucket(),
                ledger: &ledger,
                retry: &retry,
                clock: this.clock,
            };
            if this.manifest.extensions.verify == Verification::Reread {
                verify.reread(&this.readable())?;
            }
            verify.listing()?;
            Ok(ledger)
        })
        .await
    }

    /// Removes what crashes left in the store, then prints and uploads the report.
    async fn report(self: &Arc<Self>, ledger: Ledger) -> Result<Loaded, Error> {
        self.meter.set_stage(Stage::Reporting);
        let this = Arc::clone(self);
        on_thread(move || {
            let retry = this.retry(this.stop.child_token());
            let (log_bucket, log_key) = (this.manifest.common.log_bucket.clone(), this.log_key());
            if ledger.phase()? != Phase::Reported {
                let client = &this.client;
                let check_key = mapping::write_check_key(&this.manifest.kind);
                for (bucket, keys) in [
                    (this.bucket(), Keys::Ledger(&ledger)),
                    (this.bucket(), Keys::One(&check_key)),
                ] {
                    uploads::abort_orphans(client, &retry, bucket, keys)?;
                }
                report::write(&ledger, &this.folder, this.bucket())?;
                let meta = ObjectMeta {
                    content_type: Some("text/csv; charset=utf-8".to_owned()),
                    ..ObjectMeta::default()
                };
                let to = (&log_bucket, log_key.as_str());
                let printed = this.folder.report();
                let put = uploads::put_file(client, &retry, to, &printed, &meta);
                tokio::runtime::Handle::current().block_on(put)?;
                uploads::abort_orphans(client, &retry, &log_bucket, Keys::One(&log_key))?;
                if ledger.phase()? == Phase::Loading {
                    ledger.set_phase(Phase::Reported)?;
                }
            }
            let counts = ledger.counts()?;
            this.meter.set_counts(counts);
            Ok(Loaded {
                counts,
                log_bucket,
                log_key,
            })
        })
        .await
    }
}

fn readers() -> usize {
    std::thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, READERS_MAX)
}

/// The first error; `Stopped` is the echo of another one.
fn first_cause(ends: Vec<Result<(), Error>>) -> Result<(), Error> {
    let mut stopped = false;
    for end in ends {
        match end {
            Ok(()) => {}
            Err(Error::Stopped) => stopped = true,
            Err(error) => return Err(error),
        }
    }
    match stopped {
        true => Err(Error::Stopped),
        false => Ok(()),
    }
}

/// Runs blocking work on a plain thread.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(spawn_blocking(work).await)
}

fn joined<T>(ended: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    ended.unwrap_or_else(|error| Err(Error::Defect(error.to_string())))
}
