//! A station has an encrypted device: what opens it, and what to do when nothing does.
//!
//! SIGNATURE may lie inside of what is encrypted, so a password is handed out before it can be seen,
//! on the operator's word that the device is this job's. Each handing out is an event of the job.

use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::{Change, JobType};
use packhorse_core::manifest::{self, UnlockPolicy};
use packhorse_store::{Error, Job};
use packhorse_wire::desk::{AskPasswords, Locked, Passwords, RefusalCode, Waiting};
use packhorse_wire::xml;

use super::claim::{check_device, check_signature, find};
use super::refusals::{Failure, refuse, store_failure};
use crate::context::Context;

/// Longest reason that a customer is shown.
const REASON_BYTES_MAX: usize = 1000;

/// What the customer gave, the newest first.
pub(super) async fn passwords(
    context: &Context,
    station: &str,
    id: &JobId,
    message: AskPasswords,
) -> Result<Passwords, Failure> {
    check_device(&message.device)?;
    let job = waiting(context, station, id, message.signature_file.as_deref()).await?;
    // An export formats its device: what is on it is not opened.
    if job.job_type == JobType::Export {
        return Ok(Passwords {
            is_expected: false,
            passwords: Vec::new(),
        });
    }
    let (text, job_type) = (job.manifest.clone(), job.job_type);
    let read = move || manifest::read(text.expose(), job_type);
    let read = tokio::task::spawn_blocking(read).await;
    let Ok(Ok(reading)) = read else {
        tracing::error!(job.id = %id, "the manifest of a job cannot be read");
        return Err(Failure::Broken);
    };
    let is_asked = reading.manifest.extensions.unlock == UnlockPolicy::Ask;
    let common = reading.manifest.common;
    let given = [
        job.lock.password,
        common.true_crypt_password,
        common.pin_code,
    ];
    let passwords: Vec<_> = given.into_iter().flatten().collect();
    if !passwords.is_empty() {
        let actor = Actor::Station(station.to_owned());
        let now = context.now();
        let noted = context
            .store
            .record_password_given(id, actor, &message.device, now);
        noted.await.map_err(store_failure)?;
        tracing::info!(job.id = %id, station, "a station was given the password of a device");
    }
    Ok(Passwords {
        is_expected: is_asked || !passwords.is_empty(),
        passwords,
    })
}

/// Nothing opened it: the customer is told why, and the job goes on waiting.
pub(super) async fn locked(
    context: &Context,
    station: &str,
    id: &JobId,
    message: Locked,
) -> Result<Waiting, Failure> {
    check_device(&message.device)?;
    let reason = &message.reason;
    if reason.len() > REASON_BYTES_MAX || xml::unwritable(reason).is_some() {
        let text = format!("a reason is a text of at most {REASON_BYTES_MAX} bytes");
        return Err(refuse(RefusalCode::BadRequest, text));
    }
    let job = waiting(context, station, id, message.signature_file.as_deref()).await?;
    if job.job_type == JobType::Export {
        let text = format!("job {id} is an export: its device is formatted, not opened");
        return Err(refuse(RefusalCode::UnsupportedKind, text));
    }
    let actor = Actor::Station(station.to_owned());
    let locked = context.store.lock_job(id, reason, actor, context.now());
    let progress = locked.await.map_err(store_failure)?;
    tracing::info!(job.id = %id, station, reason, "a device is locked");
    Ok(Waiting { progress })
}

/// A job that this station may load, should the device open.
async fn waiting(
    context: &Context,
    station: &str,
    id: &JobId,
    signature_file: Option<&str>,
) -> Result<Job, Failure> {
    let job = find(context, id).await?;
    if let Some(text) = signature_file {
        check_signature(context, &job, text)?;
    }
    let state = job.state.after(Change::Claim).map(drop);
    state.map_err(|forbidden| store_failure(Error::State(forbidden)))?;
    match &job.lease {
        Some(lease) if lease.station != station && lease.until > context.now() => {
            let until = lease.until;
            Err(store_failure(Error::Leased { until }))
        }
        _ => Ok(job),
    }
}
