//! Loading one device, from SIGNATURE to the desk's last word.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use packhorse_core::id::JobId;
use packhorse_core::job::{JobType, Progress};
use packhorse_core::ledger::Counts;
use packhorse_core::manifest::{self, Manifest, S3Import};
use packhorse_core::secret::Secret;
use packhorse_core::serial;
use packhorse_core::signature_file::SignatureFile;
use packhorse_media::{MediaError, Unlock};
use packhorse_transfer::{Error as TransferError, JobFolder, Limits, Throttle};
use packhorse_wire::desk::{Abort, Claim, Finish, Lease, LogObject};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, chain};
use crate::export::Claimed;
use crate::hardware::Hardware;
use crate::memory::Unfinished;
use crate::unlock::Closed;
use crate::worker::Worker;
use crate::{Live, LoadError, Workers};

/// A desk that is just being restarted is waited for this long before a load begins.
pub(crate) const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
/// How long a worker may survive its station, and how often that is looked at.
const DEATH_PATIENCE: Duration = Duration::from_secs(5);
const DEATH_LOOK_EVERY: Duration = Duration::from_millis(20);
/// The identity of a device on which nothing can be read.
const BLANK: &str = "blank";

/// A station: whom it serves and where it keeps its state.
#[derive(Clone, Debug)]
pub struct Station {
    /// The server's address.
    pub server: String,
    /// What the desk knows this station by.
    pub key: Secret,
    /// Ledgers, one folder per job.
    pub state_dir: PathBuf,
    /// What one load may use.
    pub limits: Limits,
    /// Whether deviceId must be the serial number.
    pub device_id: DeviceIdPolicy,
    /// Passwords that the operator gave for encrypted devices, and what trying them may cost.
    pub unlock: Unlock,
    /// How fast contents may leave, all loads together.
    pub throttle: Throttle,
    /// The processes that read devices.
    pub workers: Workers,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// What is done with the manifest's deviceId.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceIdPolicy {
    /// It is not compared.
    Ignore,
    /// A device with another serial number is loaded, and the log says so.
    #[default]
    Warn,
    /// Only the device with this serial number is loaded.
    Require,
}

/// One device to load.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// A folder, an image file or a block device.
    pub device: PathBuf,
    /// The job that the operator says the parcel belongs to.
    pub job_id: Option<JobId>,
    /// The SIGNATURE of a device that has it on paper instead of in its root.
    pub signature_file: Option<String>,
    /// The one volume to load, counted from 1 among those that can be read; it goes before the
    /// manifest's.
    pub volume: Option<u32>,
    /// The load that this one continues. What is at a device's path may have been changed since:
    /// then nothing is loaded.
    pub resumes: Option<Unfinished>,
}

impl LoadRequest {
    /// A device with its SIGNATURE in its root.
    pub fn new(device: PathBuf) -> Self {
        Self {
            device,
            job_id: None,
            signature_file: None,
            volume: None,
            resumes: None,
        }
    }

    /// Refuses what is not the device of the load to be continued. A SIGNATURE in its root proves a
    /// device; one on paper does not, so then it must be the same one.
    fn refuse_another(
        &self,
        job_id: &JobId,
        identity: &str,
        is_signed: bool,
    ) -> Result<(), LoadError> {
        let Some(load) = &self.resumes else {
            return Ok(());
        };
        let expected = load.job_id.clone();
        if load.job_id != *job_id {
            return Err(LoadError::OtherDevice {
                expected,
                found: job_id.clone(),
            });
        }
        if self.signature_file.is_some() && load.identity != identity && !is_signed {
            return Err(LoadError::ChangedDevice { expected });
        }
        Ok(())
    }
}

/// A load that came to its end.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// The job.
    pub job_id: JobId,
    /// `Complete` or `SuccessWithErrors`.
    pub progress: Progress,
    /// Final totals.
    pub counts: Counts,
    /// The report's bucket.
    pub log_bucket: String,
    /// The report's key.
    pub log_key: String,
    /// The key of the manifest for the next device, in the report's bucket, when an export has
    /// filled this one.
    pub next_manifest_key: Option<String>,
}

impl Station {
    /// Loads a device. Cancelling `stop` ends it soon, to be continued.
    pub async fn load(
        &self,
        request: &LoadRequest,
        live: &Live,
        stop: &CancellationToken,
    ) -> Result<LoadReport, LoadError> {
        let desk = Desk::new(&self.server, self.key.clone())?;
        let mut worker = Worker::start(&self.workers, &request.device, &self.state_dir).await?;
        drop(live.protections.set(worker.protections().clone()));
        let (look, signature) = match self.open(&mut worker, &desk, request, stop).await {
            Ok(mut look) => {
                let signature = look.signature.take();
                (Ok(look), signature)
            }
            Err(Closed::Told(error)) => return Err(error),
            // An export formats the device, so it may be blank; then its SIGNATURE is on paper.
            Err(Closed::Media(error @ MediaError::Unsupported(_)))
                if request.signature_file.is_some() =>
            {
                (Err(error), None)
            }
            Err(Closed::Media(error)) => {
                return Err(self.unreadable(&desk, request, error, stop).await);
            }
        };
        let is_signed = signature
            .as_deref()
            .is_some_and(|bytes| names(bytes, request));
        let (named, signature) = signature_text(signature, request)?;
        let identity = match &look {
            Ok(look) => look.identity.clone(),
            Err(_) => BLANK.to_owned(),
        };
        request.refuse_another(&named, &identity, is_signed)?;
        self.refuse_second_worker(&named).await?;
        let serial = Hardware::of(&request.device, Path::new("/")).and_then(|it| it.serial);
        let claim = Claim {
            device_id: match self.device_id {
                DeviceIdPolicy::Require => Some(serial.clone().ok_or(LoadError::NoSerial)?),
                DeviceIdPolicy::Ignore | DeviceIdPolicy::Warn => None,
            },
            job_id: request.job_id.clone(),
            signature_file: signature,
            device: request.device.display().to_string(),
        };
        // Remembered before the desk knows: a crash in between must leave something to resume.
        let folder = JobFolder::new(&self.state_dir, &named);
        let before = Unfinished::of(&folder)?;
        let remembered = Unfinished {
            job_id: named,
            device: absolute(&request.device),
            identity,
            signature_file: request.signature_file.clone(),
            volume: request.volume,
        };
        remembered.save(&folder)?;
        let send = || desk.claim(&claim);
        let lease = match desk.insist(CLAIM_PATIENCE, stop, send).await {
            Ok(lease) => lease,
            Err(error) => {
                Unfinished::after_refusal(&folder, before, &error)?;
                return Err(desk.load_error(error));
            }
        };
        drop(live.job_id.set(lease.job_id.clone()));
        let protections = worker.protections();
        tracing::info!(
            job.id = %lease.job_id, device = claim.device, ?serial, %protections, "claimed"
        );
        if self.device_id == DeviceIdPolicy::Warn {
            warn_of_other_device(&lease, serial.as_deref());
        }
        if lease.job_type == JobType::Export {
            let signature = claim.signature_file;
            let claimed = Claimed {
                request,
                remembered,
                signature,
            };
            // Nothing that lies on the device is read any more, and what is read back of it this
            // process has written itself.
            worker.gone_by_order().await;
            let meter = &live.meter;
            return self.export_leased(&desk, claimed, lease, meter, stop).await;
        }
        if let Err(error) = look {
            // The path may be a mistake; only an operator who named the job ends it.
            if request.job_id.is_none() {
                Unfinished::forget(&folder)?;
                return Err(LoadError::Device(error));
            }
            return Err(self.blank(&desk, &lease, &folder, &error, stop).await);
        }
        self.load_leased(&desk, worker, &remembered, lease, &live.meter, stop)
            .await
    }

    /// Loads that a crash or a stop interrupted; an error for each whose record cannot be read.
    pub fn unfinished(&self) -> Result<Vec<Result<Unfinished, LoadError>>, LoadError> {
        Unfinished::all(&self.state_dir)
    }

    /// A claim takes the lease from whoever has it on this station: not while that one works. The
    /// worker of a station that was just killed has a moment to follow it.
    async fn refuse_second_worker(&self, job_id: &JobId) -> Result<(), LoadError> {
        let folder = JobFolder::new(&self.state_dir, job_id);
        let begun = tokio::time::Instant::now();
        while folder.is_busy().map_err(LoadError::Transfer)? {
            if begun.elapsed() > DEATH_PATIENCE {
                let path = folder.path().to_owned();
                return Err(LoadError::Transfer(TransferError::Busy(path)));
            }
            tokio::time::sleep(DEATH_LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Tells the desk that a job is done.
    pub(crate) async fn finish(
        &self,
        desk: &Desk,
        lease: &Lease,
        folder: &JobFolder,
        finish: Finish,
        stop: &CancellationToken,
    ) -> Result<LoadReport, LoadError> {
        let send = || desk.finish(&lease.job_id, &finish);
        let finished = desk.insist(self.limits.retry_for, stop, send).await;
        let finished = finished.map_err(|error| desk.load_error(error))?;
        Unfinished::forget(folder)?;
        Ok(LoadReport {
            job_id: lease.job_id.clone(),
            progress: finished.progress,
            counts: finish.counts,
            log_bucket: finish.log_bucket,
            log_key: finish.log_key,
            next_manifest_key: None,
        })
    }

    /// Ends an import whose device turned out to hold nothing.
    async fn blank(
        &self,
        desk: &Desk,
        lease: &Lease,
        folder: &JobFolder,
        error: &MediaError,
        stop: &CancellationToken,
    ) -> LoadError {
        let abort = Abort {
            epoch: Some(lease.epoch),
            code: media_code(error),
            reason: chain(error),
            counts: Counts::default(),
            log: None,
        };
        let aborted = self.send_abort(desk, &lease.job_id, abort, stop).await;
        match (&aborted, Unfinished::forget(folder)) {
            (LoadError::Aborted { .. }, Err(error)) => error,
            _ => aborted,
        }
    }

    /// Ends a job whose device turned out unreadable in the middle.
    pub(crate) async fn abort(
        &self,
        desk: &Desk,
        lease: &Lease,
        folder: &JobFolder,
        (code, reason): (Progress, String),
        (counts, log): (Counts, LogObject),
        stop: &CancellationToken,
    ) -> LoadError {
        let abort = Abort {
            epoch: Some(lease.epoch),
            code,
            reason,
            counts,
            log: Some(log),
        };
        let aborted = self.send_abort(desk, &lease.job_id, abort, stop).await;
        match (&aborted, Unfinished::forget(folder)) {
            (LoadError::Aborted { .. }, Err(error)) => error,
            _ => aborted,
        }
    }

    /// A device that cannot even be opened. If the operator said whose it is, and it is the format
    /// or the device that fails (not the path), the job ends with the code for it.
    async fn unreadable(
        &self,
        desk: &Desk,
        request: &LoadRequest,
        error: MediaError,
        stop: &CancellationToken,
    ) -> LoadError {
        let Some(job_id) = &request.job_id else {
            return LoadError::Device(error);
        };
        if matches!(
            error,
            MediaError::NotFound(_) | MediaError::Denied(_) | MediaError::Locked(_)
        ) {
            return LoadError::Device(error);
        }
        let abort = Abort {
            epoch: None,
            code: media_code(&error),
            reason: chain(&error),
            counts: Counts::default(),
            log: None,
        };
        self.send_abort(desk, job_id, abort, stop).await
    }

    /// Tells the desk that a job ends without a load; gives what to tell the operator.
    pub(crate) async fn send_abort(
        &self,
        desk: &Desk,
        job_id: &JobId,
        abort: Abort,
        stop: &CancellationToken,
    ) -> LoadError {
        let send = || desk.abort(job_id, &abort);
        match desk.insist(self.limits.retry_for, stop, send).await {
            Ok(_) => LoadError::Aborted {
                job_id: job_id.clone(),
                code: abort.code.code(),
                reason: abort.reason,
            },
            Err(error) => desk.load_error(error),
        }
    }
}

/// How a job ends whose device gave out in the middle.
pub(crate) fn abort_code(error: &TransferError) -> Progress {
    match error {
        TransferError::Media(error) => media_code(error),
        _ => Progress::DeviceError,
    }
}

fn media_code(error: &MediaError) -> Progress {
    match error {
        MediaError::Unsupported(_) | MediaError::Locked(_) => Progress::UnsupportedFileFormat,
        MediaError::NotFound(_)
        | MediaError::Denied(_)
        | MediaError::Damaged(_)
        | MediaError::Io(_) => Progress::DeviceError,
    }
}

/// Says in the log when the device is not the one that the customer announced.
fn warn_of_other_device(lease: &Lease, serial: Option<&str>) {
    let (Some(serial), Ok(manifest)) = (serial, read_manifest(lease)) else {
        return;
    };
    let announced = &manifest.common.device_id;
    if !serial::is_same(announced, serial) {
        tracing::warn!(
            job.id = %lease.job_id,
            device_id = announced,
            serial,
            "the serial number of the device is not the manifest's deviceId"
        );
    }
}

/// What the rows of a ledger depend on.
pub(crate) fn basis(manifest: &str, identity: &str) -> String {
    let hash = Sha256::new().chain_update((manifest.len() as u64).to_be_bytes());
    hex::encode(
        hash.chain_update(manifest)
            .chain_update(identity)
            .finalize(),
    )
}

/// Whether a SIGNATURE that is on the device itself names the job to be continued.
fn names(signature: &[u8], request: &LoadRequest) -> bool {
    let named = SignatureFile::parse(signature).map(|signed| signed.job_id);
    let expected = request.resumes.as_ref().map(|load| &load.job_id);
    named.is_ok_and(|named| Some(&named) == expected)
}

/// The job that the device names, and the text for the desk. A file that cannot be a SIGNATURE is
/// refused here already when no job was named: there is nothing the desk could look up.
pub(crate) fn signature_text(
    found: Option<Vec<u8>>,
    request: &LoadRequest,
) -> Result<(JobId, Option<String>), LoadError> {
    let on_paper = request
        .signature_file
        .as_ref()
        .map(|text| text.clone().into_bytes());
    let Some(bytes) = on_paper.or(found) else {
        return match &request.job_id {
            Some(job_id) => Ok((job_id.clone(), None)),
            None => Err(LoadError::MissingSignature),
        };
    };
    let signed = SignatureFile::parse(&bytes);
    let text = Some(String::from_utf8_lossy(&bytes).into_owned());
    let named = match (&request.job_id, signed) {
        (Some(job_id), _) => job_id.clone(),
        (None, Ok(signed)) => signed.job_id,
        (None, Err(error)) => return Err(LoadError::InvalidSignature(error.to_string())),
    };
    Ok((named, text))
}

pub(crate) fn read_manifest(lease: &Lease) -> Result<Arc<Manifest<S3Import>>, LoadError> {
    let reading = manifest::read(&lease.manifest, lease.job_type).map_err(LoadError::Manifest)?;
    let import = reading.manifest.into_s3_import();
    import.map(Arc::new).map_err(LoadError::UnsupportedKind)
}

/// The device's path for a later process, which may run in another directory.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
