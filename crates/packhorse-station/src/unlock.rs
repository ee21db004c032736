//! Opening a device that may be encrypted: with what the operator gave, then with what the job's
//! customer gave.

use packhorse_core::id::JobId;
use packhorse_core::signature_file::SignatureFile;
use packhorse_media::{MediaError, Unlock};
use packhorse_wire::desk::{AskPasswords, Locked, Passwords};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, DeskError};
use crate::load::{CLAIM_PATIENCE, LoadRequest, signature_text};
use crate::worker::{Breakdown, Look, Worker};
use crate::{LoadError, Station};

/// The desk takes reasons of a thousand bytes.
const REASON_CHARS_MAX: usize = 240;

/// The name of a job's encrypted container in the root of its device.
pub fn container_name(job_id: &JobId) -> String {
    format!("{job_id}.tc")
}

/// Why a device is not open.
pub(crate) enum Closed {
    /// It cannot be read.
    Media(MediaError),
    /// The desk has heard of it, or cannot.
    Told(LoadError),
}

impl Station {
    /// Opens a device in its worker. When it is locked, the desk is asked for the job's passwords; when
    /// none opens it, the desk is told, and the job goes on waiting.
    pub(crate) async fn open(
        &self,
        worker: &mut Worker,
        desk: &Desk,
        request: &LoadRequest,
        stop: &CancellationToken,
    ) -> Result<Look, Closed> {
        let known = known_job(request);
        let found = look(worker, known, &self.unlock).await?;
        let signature = found.as_ref().ok().and_then(|it| it.signature.clone());
        // A load that goes on knows its job, although SIGNATURE is still locked up.
        let resumed = |error| match &request.resumes {
            Some(load) => Ok((load.job_id.clone(), load.signature_file.clone())),
            None => Err(error),
        };
        let named = signature_text(signature, request).or_else(resumed);
        if !may_be_encrypted(&found, named.is_ok()) {
            return found.map_err(Closed::Media);
        }
        let Ok((job_id, signature_file)) = named else {
            return Err(match found {
                Ok(found) => locked(None, found.device.locked_volumes()),
                Err(MediaError::Locked(reason)) => locked(None, reason),
                Err(error) => Closed::Media(error),
            });
        };
        let device = request.device.display().to_string();
        let ask = AskPasswords {
            signature_file: signature_file.clone(),
            device: device.clone(),
        };
        let told = |error: DeskError| Closed::Told(desk.load_error(error));
        let send = || desk.passwords(&job_id, &ask);
        let given = desk
            .insist(CLAIM_PATIENCE, stop, send)
            .await
            .map_err(told)?;
        let is_expected = given.is_expected || !self.unlock.passwords.is_empty();
        let found = match is_expected {
            true => look(worker, Some(job_id.clone()), &self.with(given, &job_id)).await?,
            // Nobody says that it is encrypted: what can be read is loaded as it is.
            false => found,
        };
        let reason = match found {
            Ok(found) if is_expected && !found.device.was_opened() && found.device.is_locked() => {
                found.device.locked_volumes()
            }
            Ok(found) => return Ok(found),
            Err(MediaError::Locked(reason)) => reason,
            Err(error) => return Err(Closed::Media(error)),
        };
        let message = Locked {
            signature_file,
            device,
            reason: reason.chars().take(REASON_CHARS_MAX).collect(),
        };
        let send = || desk.locked(&job_id, &message);
        desk.insist(CLAIM_PATIENCE, stop, send)
            .await
            .map_err(told)?;
        Err(locked(Some(job_id), reason))
    }

    /// The operator's passwords, then the customer's.
    fn with(&self, given: Passwords, job_id: &JobId) -> Unlock {
        let mut unlock = self.unlock.clone();
        unlock.passwords.extend(given.passwords);
        unlock.is_expected = true;
        unlock.containers.push(container_name(job_id));
        unlock
    }
}

/// The job, where the device need not be read for it.
fn known_job(request: &LoadRequest) -> Option<JobId> {
    let on_paper = || {
        let text = request.signature_file.as_deref()?;
        SignatureFile::parse(text.as_bytes())
            .ok()
            .map(|it| it.job_id)
    };
    let resumed = || request.resumes.as_ref().map(|load| load.job_id.clone());
    request.job_id.clone().or_else(on_paper).or_else(resumed)
}

async fn look(
    worker: &mut Worker,
    job_id: Option<JobId>,
    unlock: &Unlock,
) -> Result<Result<Look, MediaError>, Closed> {
    match worker.look(job_id, unlock).await {
        Ok(look) => Ok(look),
        Err(Breakdown::Device(what)) => Err(Closed::Media(MediaError::Damaged(what))),
        Err(Breakdown::Other(error)) => Err(Closed::Told(error)),
    }
}

fn may_be_encrypted(found: &Result<Look, MediaError>, is_named: bool) -> bool {
    match found {
        Err(error) => matches!(error, MediaError::Locked(_) | MediaError::Unsupported(_)),
        Ok(found) if is_named => {
            !found.device.was_opened() && (found.device.has_unreadable() || found.has_container)
        }
        Ok(found) => found.device.is_locked(),
    }
}

fn locked(job_id: Option<JobId>, reason: String) -> Closed {
    Closed::Told(LoadError::Locked { job_id, reason })
}
