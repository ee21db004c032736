//! A station has a device and asks for its job.
//!
//! Anybody can write somebody else's job id into a file. So a SIGNATURE that is not true changes
//! nothing, unless the operator says whose parcel the device came in: then it ends that job, as
//! the original did.

use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_core::manifest;
use packhorse_core::serial;
use packhorse_core::signature_file::{Signature, SignatureFile};
use packhorse_store::{Claim as Wish, ClaimedJob, Error, Job};
use packhorse_wire::desk::{Claim, Credentials, Lease, RefusalCode};

use super::LEASE_TTL;
use super::refusals::{Failure, refuse, store_failure, unknown_job};
use crate::context::Context;

/// Longest name of a device: a path or a serial number.
const DEVICE_BYTES_MAX: usize = 1024;

/// What is wrong with a device's SIGNATURE.
struct Flaw {
    code: RefusalCode,
    abort: Progress,
    text: String,
}

impl Flaw {
    fn missing() -> Self {
        Self {
            code: RefusalCode::MissingSignature,
            abort: Progress::MissingSignature,
            text: "the device has no SIGNATURE file".to_owned(),
        }
    }

    fn invalid(text: impl Into<String>) -> Self {
        Self {
            code: RefusalCode::InvalidSignature,
            abort: Progress::InvalidSignature,
            text: text.into(),
        }
    }

    fn refusal(self) -> Failure {
        refuse(self.code, self.text)
    }
}

pub(super) async fn run(context: &Context, station: &str, claim: Claim) -> Result<Lease, Failure> {
    check_device(&claim.device)?;
    let file = read_file(claim.signature_file.as_deref());
    let job = match &claim.job_id {
        Some(id) => {
            let job = find(context, id).await?;
            match file.and_then(|file| check(context, &job, &file)) {
                Ok(()) => job,
                Err(flaw) => return Err(reject_device(context, station, &job, flaw).await),
            }
        }
        None => {
            let file = file.map_err(Flaw::refusal)?;
            let job = find(context, &file.job_id).await?;
            match check(context, &job, &file) {
                Ok(()) => job,
                Err(flaw) => return Err(note_flaw(context, station, &job, flaw).await),
            }
        }
    };
    if let Some(serial) = &claim.device_id {
        check_device_id(&job, serial).await?;
    }
    let wish = Wish {
        job: job.id.clone(),
        job_type: job.job_type,
        station: station.to_owned(),
        device: claim.device,
        ttl: LEASE_TTL,
    };
    let claimed = context.store.claim(wish, context.now()).await;
    let claimed = claimed.map_err(|error| match error {
        // An update made it another kind of job since it was looked up.
        Error::Conflict => {
            let text = format!("job {} was changed a moment ago: try again", job.id);
            refuse(RefusalCode::UnsupportedKind, text)
        }
        error => store_failure(error),
    })?;
    tracing::info!(job.id = %claimed.job.id, station, epoch = claimed.epoch.0, "a job was claimed");
    Ok(lease(context, claimed))
}

/// Whether the customer announced the device that is there. Changes nothing: the operator may have
/// taken the wrong one from the shelf.
async fn check_device_id(job: &Job, serial: &str) -> Result<(), Failure> {
    let (text, job_type) = (job.manifest.clone(), job.job_type);
    let read = tokio::task::spawn_blocking(move || manifest::read(text.expose(), job_type)).await;
    let Ok(Ok(reading)) = read else {
        tracing::error!(job.id = %job.id, "the manifest of a job cannot be read");
        return Err(Failure::Broken);
    };
    let announced = &reading.manifest.common.device_id;
    if serial::is_same(announced, serial) {
        return Ok(());
    }
    let text = format!(
        "the manifest of job {} announces the device {announced:?}, and this one says that it is \
         {serial:?}",
        job.id
    );
    Err(refuse(RefusalCode::OtherDeviceId, text))
}

pub(super) fn check_device(name: &str) -> Result<(), Failure> {
    if name.len() > DEVICE_BYTES_MAX {
        let text = format!("the name of a device has at most {DEVICE_BYTES_MAX} bytes");
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    Ok(())
}

/// Refuses a SIGNATURE that is not the job's; changes nothing.
pub(super) fn check_signature(context: &Context, job: &Job, text: &str) -> Result<(), Failure> {
    let file = read_file(Some(text)).map_err(Flaw::refusal)?;
    check(context, job, &file).map_err(Flaw::refusal)
}

fn read_file(text: Option<&str>) -> Result<SignatureFile, Flaw> {
    let text = text.ok_or_else(Flaw::missing)?;
    SignatureFile::parse(text.as_bytes()).map_err(|error| Flaw::invalid(error.to_string()))
}

/// Whether the file was made for this job.
fn check(context: &Context, job: &Job, file: &SignatureFile) -> Result<(), Flaw> {
    if file.job_id != job.id {
        return Err(Flaw::invalid("the SIGNATURE file is for another job"));
    }
    let expected = Signature::sign(&context.signature_key, job.account, job.id.as_str());
    if expected.matches(&file.signature) {
        Ok(())
    } else {
        Err(Flaw::invalid(
            "the signature in the SIGNATURE file is not this job's",
        ))
    }
}

pub(super) async fn find(context: &Context, id: &JobId) -> Result<Job, Failure> {
    let found = context.store.find_job(id).await.map_err(store_failure)?;
    found.ok_or_else(unknown_job)
}

/// The operator vouches for the parcel, so the job ends; unless its device was accepted before.
async fn reject_device(context: &Context, station: &str, job: &Job, flaw: Flaw) -> Failure {
    let actor = Actor::Station(station.to_owned());
    let now = context.now();
    let aborted = context
        .store
        .abort_unclaimed(&job.id, flaw.abort, &flaw.text, actor, now);
    match aborted.await {
        Ok(code) => {
            tracing::info!(job.id = %job.id, station, code = code.code(), "a job was aborted");
            let (text, code) = (flaw.text, code.code());
            refuse(
                flaw.code,
                format!("{text}; job {} has ended with {code}", job.id),
            )
        }
        Err(error) => store_failure(error),
    }
}

/// Nobody vouches, so the job goes on; only its log says that somebody tried.
async fn note_flaw(context: &Context, station: &str, job: &Job, flaw: Flaw) -> Failure {
    let actor = Actor::Station(station.to_owned());
    let now = context.now();
    let noted = context
        .store
        .record_refusal(&job.id, actor, &flaw.text, now);
    match noted.await {
        Ok(()) => flaw.refusal(),
        Err(error) => store_failure(error),
    }
}

fn lease(context: &Context, claimed: ClaimedJob) -> Lease {
    let ClaimedJob {
        job,
        epoch,
        owner_key,
    } = claimed;
    Lease {
        job_id: job.id,
        job_type: job.job_type,
        epoch,
        ttl_seconds: LEASE_TTL.as_secs(),
        manifest: job.manifest.expose().to_owned(),
        object_store: context.settings.object_store.clone(),
        credentials: Credentials {
            access_key_id: owner_key.id,
            secret_access_key: owner_key.secret,
        },
    }
}
