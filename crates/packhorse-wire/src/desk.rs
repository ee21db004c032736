//! What a station and the desk say to each other: JSON over `/desk/v1/`, authenticated with
//! `Authorization: Bearer <station key>`.
//!
//! | request | answer |
//! |---|---|
//! | `POST /desk/v1/claim` [`Claim`] | 200 [`Lease`] |
//! | `POST /desk/v1/jobs/{id}/renew` [`Renew`] | 200 [`Renewed`] |
//! | `POST /desk/v1/jobs/{id}/finish` [`Finish`] | 200 [`Finished`]; the same finish again answers alike |
//! | `POST /desk/v1/jobs/{id}/abort` [`Abort`] | 200 [`Finished`] |
//! | `POST /desk/v1/jobs/{id}/give-up` [`GiveUp`] | 200 [`Finished`]; the same again answers alike |
//! | `POST /desk/v1/jobs/{id}/receive` [`Receive`] | 200 [`Whereabouts`]; the same again answers alike |
//! | `POST /desk/v1/jobs/{id}/return` [`Return`] | 200 [`Whereabouts`]; the same again answers alike |
//! | `POST /desk/v1/jobs/{id}/passwords` [`AskPasswords`] | 200 [`Passwords`] |
//! | `POST /desk/v1/jobs/{id}/locked` [`Locked`] | 200 [`Waiting`] |
//! | `POST /desk/v1/jobs/{id}/erase` [`Erase`] | 200 [`Erasing`]; may be asked again |
//! | `POST /desk/v1/jobs/{id}/erased` [`Erased`] | 200 [`Erasing`] |
//!
//! A refusal is a 4xx with a [`Refusal`]; 401 without a known station key; 5xx may be tried again.

use serde::{Deserialize, Serialize};

use packhorse_core::id::{Epoch, JobId};
use packhorse_core::job::{JobType, Location, Progress};
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;

/// Asks for the job of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The job that the operator says the parcel belongs to. With it, a missing or wrong SIGNATURE
    /// aborts the job; without it, the job is the one that the SIGNATURE names, and a wrong
    /// SIGNATURE changes nothing, since anybody can write somebody else's job id into a file.
    pub job_id: Option<JobId>,
    /// The text of the SIGNATURE file, if the device has one.
    pub signature_file: Option<String>,
    /// What the station knows the device by (serial number, path).
    pub device: String,
    /// The serial number that the manifest's deviceId must be, if the station insists on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// A job, lent to a station.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// Import or export.
    pub job_type: JobType,
    /// Shown with every later message.
    pub epoch: Epoch,
    /// The lease lapses this long after the last renewal.
    pub ttl_seconds: u64,
    /// The manifest in force.
    pub manifest: String,
    /// Where objects go.
    pub object_store: ObjectStore,
    /// The job owner's key at the object store.
    pub credentials: Credentials,
}

/// An S3 endpoint as a station must speak to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectStore {
    /// `http://host:port` or `https://…`
    pub endpoint: String,
    /// Part of every signature.
    pub region: String,
    /// Bucket in the path, not in the host name.
    pub path_style: bool,
}

/// A key pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Secret,
}

/// Keeps the lease and says how far the load is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// From the lease.
    pub epoch: Epoch,
    /// Totals so far.
    pub counts: Counts,
}

/// The lease goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Renewed {
    /// Counted from now.
    pub ttl_seconds: u64,
}

/// The load is over and its report is in the log bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// From the lease.
    pub epoch: Epoch,
    /// Final totals; failures make the job SuccessWithErrors.
    pub counts: Counts,
    /// Where the report is.
    pub log_bucket: String,
    /// Its key.
    pub log_key: String,
}

/// The job cannot be loaded: one of the abort codes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// From the lease. Without one a station may end only a job that nobody has claimed yet: the
    /// operator named it for a device that cannot even be opened.
    pub epoch: Option<Epoch>,
    /// `DeviceError`, `UnsupportedFileFormat`, …
    pub code: Progress,
    /// For the event log: what the station saw.
    pub reason: String,
    /// Totals so far.
    pub counts: Counts,
    /// Where the report is, if one was written.
    pub log: Option<LogObject>,
}

/// Asks for what may open an encrypted device, before its job can be claimed: its SIGNATURE may lie
/// inside.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskPasswords {
    /// The text of the SIGNATURE file, if one can be read; without it the operator named the job.
    pub signature_file: Option<String>,
    /// What the station knows the device by.
    pub device: String,
}

/// What may open the device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passwords {
    /// To be tried in this order.
    pub passwords: Vec<Secret>,
    /// Whether the customer says that the device is encrypted, with a password or without.
    pub is_expected: bool,
}

/// The device is encrypted and nothing that was given opens it. The job goes on waiting.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// As in [`AskPasswords`].
    pub signature_file: Option<String>,
    /// What the station knows the device by.
    pub device: String,
    /// What it found, for the customer.
    pub reason: String,
}

/// The job waits for a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// `Pending`, or `InProgress` after a load that was interrupted.
    pub progress: Progress,
}

/// Asks whether the device of a job that is over may be erased, and notes that it will be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// What the station knows the device by.
    pub device: String,
    /// How it will be erased.
    pub method: String,
    /// Whether the operator has confirmed it; else the manifest must ask for it.
    pub is_confirmed: bool,
}

/// The job whose device may be, or was, erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasing {
    /// How the job ended.
    pub progress: Progress,
    /// Whether the customer has asked for it (`eraseDevice: yes`).
    pub is_asked: bool,
}

/// The device was erased, or could not be: the certificate says which.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Whether nothing is left on it.
    pub is_clean: bool,
    /// The certificate: one line of JSON.
    pub certificate: String,
}

/// A report in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogObject {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// The operator gives a job up that cannot be loaded, and that no station is loading.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveUp {
    /// One of the abort codes.
    pub code: Progress,
    /// For the event log: what the operator knows.
    pub reason: String,
}

/// The parcel with the job's device arrived.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// For the event log: in which bay it lies, what it looks like.
    pub note: Option<String>,
}

/// The job's device was handed to a carrier.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Return {
    /// Who carries it.
    pub carrier: String,
    /// The carrier's number for it.
    pub tracking_number: String,
}

/// Where the job stands after its parcel came or went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// Where the device is.
    pub location: Location,
    /// How far the load is.
    pub progress: Progress,
}

/// The job's final state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Finished {
    /// `Complete`, `SuccessWithErrors` or the abort code.
    pub progress: Progress,
}

/// Why the desk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalCode {
    /// The message itself is wrong.
    BadRequest,
    /// No such job.
    UnknownJob,
    /// No SIGNATURE file, and the operator named no job.
    MissingSignature,
    /// The SIGNATURE file is not this job's, or cannot be read.
    InvalidSignature,
    /// Canceled, expired, loaded or aborted before.
    WrongState,
    /// The manifest's deviceId is not the device's serial number, and the station insists on it.
    OtherDeviceId,
    /// A job that stations do not do, such as an export.
    UnsupportedKind,
    /// The job's account has no enabled access key to load with.
    NoOwnerKey,
    /// Another station holds the lease.
    Leased,
    /// The lease was lost: another claim came after it.
    StaleEpoch,
}

/// A refusal.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people: what is wrong and what to do.
    pub message: String,
}
