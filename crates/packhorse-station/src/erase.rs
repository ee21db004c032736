//! Erasing the device of a job that is over: the desk's word first, a certificate at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use packhorse_core::id::JobId;
use packhorse_media::erase::{Erasable, EraseError, Erased, Method, Step, Verify};
use packhorse_wire::desk;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::load::CLAIM_PATIENCE;
use crate::{Hardware, LoadError, Parcels, hardware};

/// Ranges of each kind in a certificate: with more, an event could not hold it.
const RANGES_MAX: usize = 400;
/// A desk that is away for longer hears of it when the device is erased again.
const CERTIFICATE_PATIENCE: Duration = Duration::from_secs(600);

/// One device to erase.
#[derive(Clone, Debug)]
pub struct EraseRequest {
    /// A disk or an image file.
    pub device: PathBuf,
    /// Its job, which is over.
    pub job_id: JobId,
    /// How.
    pub method: Method,
    /// How much is read again.
    pub verify: Verify,
    /// Whether the operator has confirmed it; else the manifest must ask for it.
    pub is_confirmed: bool,
    /// Who does it, for the certificate.
    pub operator: Option<String>,
}

/// Where erasing stands.
#[derive(Debug, Default)]
pub struct EraseMeter {
    bytes: AtomicU64,
    at: AtomicU64,
    verifying: AtomicBool,
}

impl EraseMeter {
    /// What goes on, up to which byte, of how many; of none before it begins.
    pub fn read(&self) -> (Step, u64, u64) {
        let step = match self.verifying.load(Ordering::Relaxed) {
            true => Step::Verifying,
            false => Step::Erasing,
        };
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (step, load(&self.at), load(&self.bytes))
    }
}

/// What was done to a device, for whoever must prove it.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// The form of this document.
    pub certificate: &'static str,
    /// The job.
    pub job_id: JobId,
    /// `erased`, or `failed`: then something may be left.
    pub result: &'static str,
    /// The device.
    pub device: CertifiedDevice,
    /// How it was erased.
    pub method: &'static str,
    /// The category of NIST SP 800-88 Rev. 1 that the method belongs to.
    pub nist_sp_800_88: &'static str,
    /// What was read again.
    pub verification: Verification,
    /// Where nothing could be written: first byte, and the one behind the last.
    pub unwritable: Vec<(u64, u64)>,
    /// Where something else than zeros was read, or nothing.
    pub not_zero: Vec<(u64, u64)>,
    /// What this cannot say.
    pub limits: &'static str,
    /// Who did it.
    pub operator: Option<String>,
    /// Begun.
    pub started_at: Timestamp,
    /// Done.
    pub ended_at: Timestamp,
    /// With what.
    pub software: &'static str,
}

/// The device of a certificate.
#[derive(Clone, Debug, Serialize)]
pub struct CertifiedDevice {
    /// Where it was.
    pub path: String,
    /// `disk` or `image file`
    pub kind: &'static str,
    /// Its bytes.
    pub size: u64,
    /// What a disk says of itself.
    pub hardware: Option<Hardware>,
}

/// What was read again.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// `full` or `sample`
    pub kind: &'static str,
    /// Bytes that were read.
    pub bytes: u64,
}

impl Certificate {
    /// Whether nothing is left, as far as it was read again.
    pub fn is_clean(&self) -> bool {
        self.unwritable.is_empty() && self.not_zero.is_empty()
    }
}

impl Parcels {
    /// Erases the device of a job that is over. The desk is told before and after; that it could not be
    /// told afterwards takes nothing from the certificate.
    pub async fn erase(
        &self,
        request: &EraseRequest,
        clock: fn() -> Timestamp,
        meter: &Arc<EraseMeter>,
        stop: &CancellationToken,
    ) -> Result<(Certificate, Result<(), LoadError>), LoadError> {
        let path = request.device.clone();
        let device = on_thread(move || open(&path)).await?;
        let message = desk::Erase {
            device: request.device.to_string_lossy().into_owned(),
            method: method(request.method).0.to_owned(),
            is_confirmed: request.is_confirmed,
        };
        let send = || self.desk.erase(&request.job_id, &message);
        let allowed = self.desk.insist(CLAIM_PATIENCE, stop, send).await;
        allowed.map_err(|error| self.error(error))?;
        let started_at = clock();
        let (size, number) = (device.size(), device.number());
        meter.bytes.store(size, Ordering::Relaxed);
        let (how, again) = (request.method, request.verify);
        let (seen, stopped) = (Arc::clone(meter), stop.clone());
        let erased = on_thread(move || {
            let mut watch = |step, at| {
                let verifying = step == Step::Verifying;
                seen.verifying.store(verifying, Ordering::Relaxed);
                seen.at.store(at, Ordering::Relaxed);
                !stopped.is_cancelled()
            };
            device.erase(how, again, &mut watch)
        })
        .await?;
        let device = CertifiedDevice {
            path: request.device.to_string_lossy().into_owned(),
            kind: if number.is_some() {
                "disk"
            } else {
                "image file"
            },
            size,
            hardware: Hardware::of(&request.device, Path::new("/")),
        };
        let certificate = certify(request, device, erased, (started_at, clock()));
        let message = desk::Erased {
            is_clean: certificate.is_clean(),
            certificate: serde_json::to_string(&certificate).unwrap_or_default(),
        };
        let send = || self.desk.erased(&request.job_id, &message);
        let told = self.desk.insist(CERTIFICATE_PATIENCE, stop, send).await;
        let told = told.map(drop).map_err(|error| self.error(error));
        Ok((certificate, told))
    }
}

/// A disk that is mounted refuses to be opened, but not one of which only a partition is.
fn open(path: &Path) -> Result<Erasable, EraseError> {
    let device = Erasable::open(path)?;
    match device.number() {
        Some(number) if hardware::is_in_use(number, Path::new("/")) => {
            Err(EraseError::InUse(path.to_owned()))
        }
        _ => Ok(device),
    }
}

async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EraseError> + Send + 'static,
) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    match done {
        Ok(done) => done.map_err(LoadError::Erase),
        Err(panic) => Err(LoadError::Worker(panic.to_string())),
    }
}

fn certify(
    request: &EraseRequest,
    device: CertifiedDevice,
    mut erased: Erased,
    (started_at, ended_at): (Timestamp, Timestamp),
) -> Certificate {
    let is_clean = erased.is_clean();
    let (method, nist_sp_800_88, limits) = method(request.method);
    erased.unwritable.truncate(RANGES_MAX);
    erased.not_zero.truncate(RANGES_MAX);
    Certificate {
        certificate: "packhorse-erasure-1",
        job_id: request.job_id.clone(),
        result: if is_clean { "erased" } else { "failed" },
        device,
        method,
        nist_sp_800_88,
        verification: Verification {
            kind: match request.verify {
                Verify::Full => "full",
                Verify::Sample(_) => "sample",
            },
            bytes: erased.verified_bytes,
        },
        unwritable: erased.unwritable,
        not_zero: erased.not_zero,
        limits,
        operator: request.operator.clone(),
        started_at,
        ended_at,
        software: concat!("packhorse ", env!("CARGO_PKG_VERSION")),
    }
}

/// Name, category, and what it leaves open.
fn method(method: Method) -> (&'static str, &'static str, &'static str) {
    match method {
        Method::Overwrite => (
            "overwrite with zeros, one pass",
            "Clear",
            "sectors that the drive has set aside or holds in reserve cannot be addressed and were not \
             written",
        ),
        Method::Discard => (
            "discard (TRIM, or a hole in an image file)",
            "none: a discard alone is no sanitization",
            "the drive was told that nothing on it is needed; what its memory cells hold is up to the \
             drive",
        ),
    }
}
