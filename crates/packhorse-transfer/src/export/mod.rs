//! The export engine: from the buckets of one job to files on one device, and a report.
//!
//! ```text
//! listings -> plan (rows in export.db, until the device is full) -> lanes (GET, prove, write) ->
//! ledger -> sidecar -> file system, read back (devices that we format) -> report
//! ```
//!
//! [`Export::run`] is the one entrance. It may be stopped or killed at any moment; run again with
//! the same job folder it goes on with the rows still open.

mod earlier;
mod image;
mod lane;
mod large;
mod ledger;
mod luks;
mod pass;
mod plan;
mod preview;
mod recorder;
mod sidecar;
mod target;
mod verify;

pub use self::preview::{DiskPlan, ExportPlan};
pub(crate) use self::verify::Lines;
pub use self::verify::{ExportProblem, VerifiedExport, VerifyExport};

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use packhorse_core::bucket::BucketName;
use packhorse_core::export::{Rest, Space, next_manifest};
use packhorse_core::id::JobId;
use packhorse_core::ledger::{Counts, Verdict};
use packhorse_core::manifest::{Manifest, S3Export};
use packhorse_core::mapping::KEY_BYTES_MAX;
use packhorse_objects::client::{Client, ObjectMeta};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use self::lane::joined;
use self::ledger::ExportLedger;
use self::plan::Planner;
use self::target::Target;
use crate::ledger::{JobFolder, Phase};
use crate::progress::{Meter, Stage};
use crate::retry::{Limits, Retry};
use crate::{Error, preflight, uploads};

/// Where files wait for a device that we format, below the job's folder.
const STAGING: &str = "staging";

/// What an export is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A mounted file system.
    Folder(PathBuf),
    /// An image file or block device, which is formatted: what is on it is lost. Files wait in the
    /// job's folder until all are there, so as much room is needed there.
    Device {
        /// Where it is.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

/// One job on one device.
pub struct Export {
    /// The job.
    pub job_id: JobId,
    /// What the customer wants.
    pub manifest: Arc<Manifest<S3Export>>,
    /// The same as the customer wrote it, for the next device's manifest.
    pub manifest_text: String,
    /// Tells one manifest and device from another: rows made on a different basis are not used.
    pub basis: String,
    /// Where files go.
    pub destination: Destination,
    /// The text of the device's SIGNATURE, which a formatted device gets again.
    pub signature: Option<String>,
    /// The store, with the job owner's credentials.
    pub client: Client,
    /// Where export.db is.
    pub folder: JobFolder,
    /// What the job may use.
    pub limits: Limits,
    /// Live numbers.
    pub meter: Meter,
    /// Cancelled from outside, the export stops soon and can be continued.
    pub stop: CancellationToken,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// An export that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Final totals.
    pub counts: Counts,
    /// The report's bucket.
    pub log_bucket: BucketName,
    /// The report's key.
    pub log_key: String,
    /// The key of the next device's manifest, in the report's bucket, if the device was full.
    pub next_manifest_key: Option<String>,
}

impl Export {
    /// Lists, exports, writes sidecar and file system, and reports; continues what an earlier run
    /// began.
    pub async fn run(self) -> Result<Exported, Error> {
        let this = Arc::new(self);
        let mut ledger = this.ledger().await?;
        if ledger.phase()? != Phase::Reported {
            let retry = this.retry(this.stop.child_token());
            let log_bucket = &this.manifest.common.log_bucket;
            let (log_key, meta) = (this.log_key(), ObjectMeta::default());
            preflight::may_write(&this.client, &retry, log_bucket, &log_key, &meta).await?;
            let target = this.target().await?;
            ledger = this.planned(ledger, &target).await?;
            ledger = this.exported(ledger, &target).await?;
            ledger = this.completed(ledger, target).await?;
        }
        this.report(ledger).await
    }

    /// Gives the device up: open rows become failed, and the report says so.
    pub async fn abandon(self) -> Result<Exported, Error> {
        let this = Arc::new(self);
        let again = Arc::clone(&this);
        let ledger = this.ledger().await?;
        let ledger = on_thread(move || {
            // Should the desk not learn of it, the next run must not take these rows for an export.
            ledger.set_phase(Phase::Listing)?;
            ledger.fail_open_rows(&Verdict::write_error(), (again.clock)().as_millisecond())?;
            Ok(ledger)
        })
        .await?;
        this.report(ledger).await
    }

    fn retry(&self, stop: CancellationToken) -> Retry {
        Retry {
            limits: self.limits,
            stop,
            meter: self.meter.clone(),
        }
    }

    fn log_key(&self) -> String {
        format!(
            "{}export-log-{}",
            self.manifest.common.log_prefix, self.job_id
        )
    }

    fn next_manifest_key(&self) -> Option<String> {
        let key = format!(
            "{}next-disk-{}",
            self.manifest.common.log_prefix, self.job_id
        );
        (key.len() <= KEY_BYTES_MAX).then_some(key)
    }

    async fn ledger(self: &Arc<Self>) -> Result<ExportLedger, Error> {
        let this = Arc::clone(self);
        on_thread(move || ExportLedger::open(&this.folder, &this.job_id, &this.basis)).await
    }

    fn staging(&self) -> PathBuf {
        self.folder.path().join(STAGING)
    }

    async fn target(self: &Arc<Self>) -> Result<Arc<Target>, Error> {
        let this = Arc::clone(self);
        on_thread(move || {
            let path = match &this.destination {
                Destination::Folder(_) if this.is_encrypted() => {
                    return Err(Error::UnfitTarget(
                        "the manifest asks for an encrypted device (trueCryptPassword), and a \
                         folder cannot be encrypted; give the block device or an image file"
                            .to_owned(),
                    ));
                }
                Destination::Folder(path) => path.clone(),
                Destination::Device { path, .. } => {
                    image::check(path, this.manifest.kind.file_system, this.is_encrypted())?;
                    let staging = this.staging();
                    std::fs::create_dir_all(&staging).map_err(|e| Error::state(&staging, e))?;
                    staging
                }
            };
            Target::open(&path).map(Arc::new)
        })
        .await
    }

    fn is_encrypted(&self) -> bool {
        self.manifest.common.true_crypt_password.is_some()
    }

    /// Bytes of a device that are the file system's.
    fn file_system_bytes(&self, device_bytes: u64) -> u64 {
        match self.is_encrypted() {
            true => luks::payload_bytes(device_bytes),
            false => device_bytes,
        }
    }

    /// The room for this export.
    fn space(&self, target: &Target) -> Result<Space, Error> {
        let file_system = self.manifest.kind.file_system;
        match &self.destination {
            Destination::Folder(_) => {
                let (free, block) = target.free()?;
                Ok(Space::of_folder(file_system, free, block))
            }
            Destination::Device { bytes, .. } => {
                Space::of_device(file_system, self.file_system_bytes(*bytes))
                    .map_err(|error| Error::UnfitTarget(error.to_string()))
            }
        }
    }

    /// The ledger, with every object that the device takes in it.
    async fn planned(
        self: &Arc<Self>,
        ledger: ExportLedger,
        target: &Arc<Target>,
    ) -> Result<ExportLedger, Error> {
        let (this, target) = (Arc::clone(self), Arc::clone(target));
        on_thread(move || {
            if ledger.phase()? == Phase::Listing {
                this.meter.set_stage(Stage::Listing);
                this.meter.set_counts(Counts::default());
                target.drop_all_unfinished()?;
                let planner = Planner {
                    ledger: &ledger,
                    export: &this.manifest.kind,
                    target: Some(&target),
                    space: this.space(&target)?,
                    client: &this.client,
                    retry: &this.retry(this.stop.child_token()),
                    meter: &this.meter,
                    clock: this.clock,
                };
                if matches!(this.destination, Destination::Folder(_)) {
                    earlier::read(&ledger, &target, &this.stop)?;
                }
                planner.run()?;
                this.refuse_small_staging(&ledger, &target)?;
            }
            Ok(ledger)
        })
        .await
    }

    /// Learnt before the first byte, not after hours.
    fn refuse_small_staging(&self, ledger: &ExportLedger, target: &Target) -> Result<(), Error> {
        let (free, _) = target.free()?;
        // An encrypted device's file system waits beside the files.
        let copies = 1 + u64::from(self.is_encrypted());
        let needed = ledger.counts()?.listed_bytes.saturating_mul(copies);
        if matches!(self.destination, Destination::Device { .. }) && needed > free {
            ledger.set_phase(Phase::Listing)?;
            return Err(Error::UnfitTarget(format!(
                "files wait in {} until the device is formatted, and {} bytes are free there where \
                 {} are needed; choose another state folder, or format and mount the device and \
                 give its folder",
                target.path().display(),
                free,
                needed
            )));
        }
        Ok(())
    }

    /// Every file is there: writes the sidecar, and the file system where we make it.
    async fn completed(
        self: &Arc<Self>,
        ledger: ExportLedger,
        target: Arc<Target>,
    ) -> Result<ExportLedger, Error> {
        self.meter.set_stage(Stage::Verifying);
        let this = Arc::clone(self);
        on_thread(move || {
            let next = this.next_manifest(&ledger)?;
            if this.manifest.extensions.remove_deleted {
                let now = (this.clock)().as_millisecond();
                earlier::remove_deleted(&ledger, &target, &this.stop, now)?;
            }
            sidecar::write(&this, &ledger, &target, next.as_deref())?;
            target.drop_unfinished_folder()?;
            target.sync()?;
            if let Destination::Device { path, bytes } = &this.destination {
                image::build(&this, target.path(), (path, *bytes), &ledger)?;
                image::read_back(path, ledger.counts()?.stored, &this)?;
            }
            Ok(ledger)
        })
        .await
    }

    fn next_manifest(&self, ledger: &ExportLedger) -> Result<Option<String>, Error> {
        let rest: Option<Rest> = ledger.rest()?;
        Ok(rest.map(|rest| next_manifest(&self.manifest_text, &self.manifest.kind, &rest)))
    }

    /// Prints and uploads the report, and the next device's manifest beside it.
    async fn report(self: &Arc<Self>, ledger: ExportLedger) -> Result<Exported, Error> {
        self.meter.set_stage(Stage::Reporting);
        let this = Arc::clone(self);
        on_thread(move || {
            let log_bucket = this.manifest.common.log_bucket.clone();
            let log_key = this.log_key();
            let next = this.next_manifest(&ledger)?;
            let next_manifest_key = next.as_ref().and_then(|_| this.next_manifest_key());
            if ledger.phase()? != Phase::Reported {
                let export = &this.manifest.kind;
                crate::report::print(&this.folder, |each| ledger.report_rows(export, each))?;
                let retry = this.retry(this.stop.child_token());
                let put = |key: &str, path: &std::path::Path, content_type: &str| {
                    let meta = ObjectMeta {
                        content_type: Some(content_type.to_owned()),
                        ..ObjectMeta::default()
                    };
                    let to = (&log_bucket, key);
                    let put = uploads::put_file(&this.client, &retry, to, path, &meta);
                    tokio::runtime::Handle::current().block_on(put)
                };
                if let (Some(text), Some(key)) = (&next, &next_manifest_key) {
                    let path = this.folder.path().join("next-manifest.yaml");
                    std::fs::write(&path, text).map_err(|e| Error::state(&path, e))?;
                    put(key, &path, "application/yaml")?;
                }
                put(&log_key, &this.folder.report(), "text/csv; charset=utf-8")?;
                if ledger.phase()? == Phase::Loading {
                    ledger.set_phase(Phase::Reported)?;
                }
            }
            if ledger.phase()? == Phase::Reported {
                // The device has it all now.
                std::fs::remove_dir_all(this.staging()).ok();
            }
            let counts = ledger.counts()?;
            this.meter.set_counts(counts);
            Ok(Exported {
                counts,
                log_bucket,
                log_key,
                next_manifest_key,
            })
        })
        .await
    }
}

/// Runs blocking work on a plain thread.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(spawn_blocking(work).await)
}
