//! Opening a device that may be encrypted: with what the operator gave, then with what the job's
//! customer gave.

use packhorse_core::id::JobId;
use packhorse_core::ledger::EntryKind;
use packhorse_media::{Device, MediaError, Unlock};
use packhorse_wire::desk::{AskPasswords, Locked, Passwords};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, DeskError};
use crate::identify::{Identified, identify};
use crate::load::{CLAIM_PATIENCE, LoadRequest, signature_text};
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

/// A device as a first look finds it.
struct Look {
    found: Result<Identified, MediaError>,
    /// Its job and the text of its SIGNATURE.
    named: Result<(JobId, Option<String>), LoadError>,
    may_be_encrypted: bool,
}

impl Look {
    /// Blocks.
    fn take(request: &LoadRequest, unlock: &Unlock) -> Self {
        let found = identify(&request.device, unlock);
        let signature = found.as_ref().ok().and_then(|it| it.signature.clone());
        // A load that goes on knows its job, although SIGNATURE is still locked up.
        let resumed = |error| match &request.resumes {
            Some(load) => Ok((load.job_id.clone(), load.signature_file.clone())),
            None => Err(error),
        };
        let named = signature_text(signature, request).or_else(resumed);
        let may_be_encrypted = match (&found, &named) {
            (Err(error), _) => {
                matches!(error, MediaError::Locked(_) | MediaError::Unsupported(_))
            }
            (Ok(found), Ok((job_id, _))) => {
                !was_opened(&found.device)
                    && (!found.device.unreadable().is_empty()
                        || has_container(&found.device, &container_name(job_id)))
            }
            (Ok(found), Err(_)) => is_locked(&found.device),
        };
        Self {
            found,
            named,
            may_be_encrypted,
        }
    }
}

fn was_opened(device: &Device) -> bool {
    device.places().iter().any(|it| it.encryption.is_some())
}

fn is_locked(device: &Device) -> bool {
    device.unreadable().iter().any(|volume| volume.is_locked)
}

fn has_container(device: &Device, name: &str) -> bool {
    device.volumes().iter().any(|volume| {
        let found = volume.root_entry(name.as_bytes()).ok().flatten();
        found.is_some_and(|entry| entry.kind == EntryKind::File)
    })
}

/// What is said of the volumes that stay locked.
fn locked_volumes(device: &Device) -> String {
    let locked = device.unreadable().iter().filter(|volume| volume.is_locked);
    let texts = locked.map(|volume| format!("partition {}: {}", volume.index, volume.found));
    texts.collect::<Vec<_>>().join("; ")
}

impl Station {
    /// Opens a device. When it is locked, the desk is asked for the job's passwords; when none opens
    /// it, the desk is told, and the job goes on waiting.
    pub(crate) async fn open(
        &self,
        desk: &Desk,
        request: &LoadRequest,
        stop: &CancellationToken,
    ) -> Result<Identified, Closed> {
        let look = self.look(request, self.unlock.clone()).await?;
        if !look.may_be_encrypted {
            return look.found.map_err(Closed::Media);
        }
        let Ok((job_id, signature_file)) = look.named else {
            return Err(match look.found {
                Ok(found) => locked(None, locked_volumes(&found.device)),
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
            true => self.look(request, self.with(given, &job_id)).await?.found,
            // Nobody says that it is encrypted: what can be read is loaded as it is.
            false => look.found,
        };
        let reason = match found {
            Ok(found) if is_expected && !was_opened(&found.device) && is_locked(&found.device) => {
                locked_volumes(&found.device)
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

    async fn look(&self, request: &LoadRequest, unlock: Unlock) -> Result<Look, Closed> {
        let request = request.clone();
        let look = tokio::task::spawn_blocking(move || Look::take(&request, &unlock)).await;
        look.map_err(|panic| Closed::Media(MediaError::Damaged(panic.to_string())))
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

fn locked(job_id: Option<JobId>, reason: String) -> Closed {
    Closed::Told(LoadError::Locked { job_id, reason })
}
