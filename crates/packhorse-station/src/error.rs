//! Why a device was not loaded.

use std::path::PathBuf;

use packhorse_core::id::JobId;
use packhorse_core::manifest::{JobKind, Problem};
use packhorse_media::MediaError;
use packhorse_media::erase::EraseError;
use packhorse_transfer::Error as TransferError;
use packhorse_wire::desk::{Refusal, RefusalCode};

use crate::worker::{Fault, FaultKind};

/// A load that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The device cannot be read.
    #[error("cannot read the device")]
    Device(#[source] MediaError),
    /// The device has no SIGNATURE file, and no job was named.
    #[error("the device has no SIGNATURE file in its root")]
    MissingSignature,
    /// The SIGNATURE file cannot be used.
    #[error("the SIGNATURE file of the device is invalid: {0}")]
    InvalidSignature(String),
    /// The device is encrypted and nothing that was given opens it. Its job goes on waiting.
    #[error("the device is locked: {reason}")]
    Locked {
        /// The job, which shows the customer why; none when nobody said whose device it is.
        job_id: Option<JobId>,
        /// What was found.
        reason: String,
    },
    /// What is at the device's path now belongs to another job.
    #[error("the device there is now that of job {found}, not of {expected}")]
    OtherDevice {
        /// The job to continue.
        expected: JobId,
        /// The job that the SIGNATURE names.
        found: JobId,
    },
    /// The device has its SIGNATURE on paper, and what is at its path now is another one.
    #[error("the device there is not the one that job {expected} was being loaded from")]
    ChangedDevice {
        /// The job to continue.
        expected: JobId,
    },
    /// The station insists on serial numbers, and the device shows none.
    #[error("the device shows no serial number that deviceId could be compared with")]
    NoSerial,
    /// The desk says no.
    #[error("the desk refuses the device")]
    Refused(#[source] Refusal),
    /// The desk says no to what the operator asked for.
    #[error("the desk refuses")]
    Declined(#[source] Refusal),
    /// The job was aborted with one of the abort codes.
    #[error("job {job_id} has ended with {code}: {reason}")]
    Aborted {
        /// The job, which cannot be loaded any more.
        job_id: JobId,
        /// `DeviceError`, `UnsupportedFileFormat`, …
        code: &'static str,
        /// What the station saw.
        reason: String,
    },
    /// The desk does not know this station's key.
    #[error("the server does not know this station key")]
    Unauthorized,
    /// The desk cannot be reached, or does not answer as a desk does.
    #[error("cannot talk to the server at {server}: {what}")]
    Desk {
        /// Its address.
        server: String,
        /// What went wrong.
        what: String,
    },
    /// Another claim came after ours: this worker stopped.
    #[error("the lease was lost: another station has claimed the job")]
    LeaseLost,
    /// The manifest of the lease cannot be read: server and station differ in version.
    #[error("this station cannot read the job's manifest: {}", first_problem(.0))]
    Manifest(Vec<Problem>),
    /// The desk gave a lease on a job that this station cannot do.
    #[error("this station does S3 imports and exports, and the job is of another kind: {0}")]
    UnsupportedKind(JobKind),
    /// The engine stopped; `station resume` goes on.
    #[error("the load stopped")]
    Transfer(#[source] TransferError),
    /// The worker stopped; `station resume` goes on.
    #[error("the load stopped")]
    Stopped(#[source] Fault),
    /// The process that reads the device cannot do so.
    #[error("cannot use a worker process for the device: {0}")]
    Worker(String),
    /// Somebody, or a kernel short of memory, ended the process that reads the device.
    #[error("the worker process of the device was killed with signal {0}")]
    WorkerKilled(i32),
    /// The device was not erased, or not all of it.
    #[error("the device is not erased")]
    Erase(#[source] EraseError),
    /// The station's own disk.
    #[error("cannot use {}", path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl LoadError {
    /// Whether the device was refused: trying again changes nothing before somebody acts.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Device(error) => {
                matches!(
                    error,
                    MediaError::Unsupported(_) | MediaError::Damaged(_) | MediaError::Locked(_)
                )
            }
            Self::MissingSignature
            | Self::InvalidSignature(_)
            | Self::Locked { .. }
            | Self::NoSerial
            | Self::OtherDevice { .. }
            | Self::ChangedDevice { .. }
            | Self::Refused(_)
            | Self::Declined(_)
            | Self::Aborted { .. } => true,
            Self::Erase(error) => matches!(
                error,
                EraseError::InUse(_) | EraseError::NotErasable(_) | EraseError::NoDiscard(_)
            ),
            Self::Unauthorized
            | Self::Desk { .. }
            | Self::LeaseLost
            | Self::Manifest(_)
            | Self::UnsupportedKind(_)
            | Self::Transfer(_)
            | Self::Stopped(_)
            | Self::Worker(_)
            | Self::WorkerKilled(_)
            | Self::State { .. } => false,
        }
    }

    /// Whether the same device may be loaded later without anybody touching it: somebody far away acts,
    /// or a machine comes back.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Locked { .. }
            | Self::Unauthorized
            | Self::Desk { .. }
            | Self::LeaseLost
            | Self::Transfer(_)
            | Self::Stopped(_)
            | Self::Worker(_)
            | Self::WorkerKilled(_)
            | Self::State { .. } => true,
            Self::Refused(refusal) | Self::Declined(refusal) => {
                matches!(refusal.code, RefusalCode::NoOwnerKey | RefusalCode::Leased)
            }
            Self::Device(_)
            | Self::MissingSignature
            | Self::InvalidSignature(_)
            | Self::OtherDevice { .. }
            | Self::ChangedDevice { .. }
            | Self::NoSerial
            | Self::Aborted { .. }
            | Self::Erase(_)
            | Self::Manifest(_)
            | Self::UnsupportedKind(_) => false,
        }
    }

    /// What the operator can do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Device(MediaError::Unsupported(_) | MediaError::Damaged(_)) => {
                "nothing was changed; if the parcel names its job, --job ID records on it that the \
                 device cannot be read"
            }
            Self::Device(_) => {
                "check the path and the cable; 'station load' takes a folder, an image file or a \
                 block device"
            }
            Self::MissingSignature => {
                "the customer gets the file from CreateJob or GetStatus (SignatureFileContents); \
                 if the parcel names its job, --job ID records MissingSignature on it"
            }
            Self::Locked {
                job_id: Some(_), ..
            } => {
                "keep the device: the customer reads the reason in GetStatus and gives the password \
                 with UpdateJob or 'packhorse job unlock ID'; then load it again. An operator who \
                 has it gives it with --unlock-from"
            }
            Self::Locked { job_id: None, .. } => {
                "its SIGNATURE may be inside: name the job with --job ID, so that the customer's \
                 password is used, or give one with --unlock-from"
            }
            Self::NoSerial => {
                "connect it without an adapter that hides it, or load it with \
                 station.device_id = \"warn\""
            }
            Self::Refused(refusal) => refused_hint(refusal.code),
            Self::Declined(refusal) => match refusal.code {
                RefusalCode::UnknownJob => refused_hint(refusal.code),
                _ => "nothing was changed; 'packhorse job status ID' shows where the job stands",
            },
            Self::Erase(error) => erase_hint(error),
            Self::InvalidSignature(_) => {
                "'packhorse job status ID' shows the customer the state of the job and the \
                 contents of its SIGNATURE file"
            }
            Self::OtherDevice { .. } | Self::ChangedDevice { .. } => {
                "connect the job's device and run 'packhorse station load' on its path"
            }
            Self::Aborted { .. } => "the customer sees the code in GetStatus; send the device back",
            Self::Unauthorized => "make one with 'packhorse station-key create NAME'",
            Self::Desk { .. } => "check --server and that 'packhorse serve' is running there",
            Self::LeaseLost => "let the other station finish, or load the device again here",
            Self::Manifest(_) | Self::UnsupportedKind(_) => {
                "use the same version of packhorse on server and station"
            }
            Self::Transfer(TransferError::Busy(_))
            | Self::Stopped(Fault {
                kind: FaultKind::Busy,
                ..
            }) => "let that process finish; 'packhorse job status ID' shows how far it is",
            Self::State { .. }
            | Self::Transfer(TransferError::State { .. })
            | Self::Stopped(Fault {
                kind: FaultKind::State,
                ..
            }) => {
                "choose a folder that can be written with --state-dir, or mend this one; a load \
                 already begun goes on with 'packhorse station resume'"
            }
            Self::Transfer(TransferError::UnfitTarget(_) | TransferError::Format(_)) => {
                "nothing was written to the device; mend that, then run 'packhorse station resume'"
            }
            Self::Transfer(TransferError::Target { .. }) => {
                "check that the device is connected, not in use and writable, then run 'packhorse \
                 station resume'"
            }
            Self::Worker(_) => {
                "'packhorse config check' shows station.worker_memory_bytes, station.worker_open_files \
                 and station.sandbox; nothing was changed"
            }
            Self::Transfer(_) | Self::Stopped(_) | Self::WorkerKilled(_) => {
                "nothing is lost: mend the cause, then run 'packhorse station resume'"
            }
        }
    }
}

fn refused_hint(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::MissingSignature | RefusalCode::InvalidSignature => {
            "the customer gets the right file from GetStatus (SignatureFileContents)"
        }
        RefusalCode::UnknownJob => "check the job id, and that this is the job's server",
        RefusalCode::OtherDeviceId => {
            "compare the parcel with its label; the customer can mend deviceId with UpdateJob, and \
             station.device_id = \"warn\" accepts other devices"
        }
        RefusalCode::UnsupportedKind => {
            "keep the device: a station of a later version may do it; the customer can cancel the \
             job, or change its manifest with UpdateJob"
        }
        RefusalCode::WrongState => "the device goes back; for another load a new job is needed",
        RefusalCode::NoOwnerKey => {
            "let the job's account have a key: 'packhorse account enable NAME', or 'account rotate \
             NAME' for a new one"
        }
        RefusalCode::Leased => "let the other station finish; a lost lease lapses after a minute",
        RefusalCode::StaleEpoch | RefusalCode::BadRequest => {
            "use the same version of packhorse on server and station"
        }
    }
}

fn erase_hint(error: &EraseError) -> &'static str {
    match error {
        EraseError::Open { .. } => "check the path, the cable and the right to write to the device",
        EraseError::InUse(_) => "unmount it first; nothing was changed",
        EraseError::NotErasable(_) => "name the disk or the image file itself; nothing was changed",
        EraseError::NoDiscard(_) => "use --method overwrite",
        EraseError::Io { .. } | EraseError::Stopped(_) => {
            "the same command begins again; a disk that cannot be erased has to be destroyed"
        }
    }
}

fn first_problem(problems: &[Problem]) -> String {
    problems
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}
