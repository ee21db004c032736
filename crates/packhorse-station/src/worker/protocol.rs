//! What station and worker say to each other: JSON, one message a line.

use std::io::{BufRead, Read as _, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_core::ledger::Counts;
use packhorse_core::secret::Secret;
use packhorse_media::{MediaError, Unlock};
use packhorse_transfer::{Error as TransferError, Reading};
use packhorse_wire::desk::{Credentials, ObjectStore};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Look, Protections, WorkerLimits};
use crate::desk::chain;
use crate::memory::any_path;

/// Longest message: a manifest of 1 MiB, each of whose characters may be written as six.
const MESSAGE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// From the station.
#[derive(Serialize, Deserialize)]
pub(super) enum Order {
    /// The first.
    Begin(Begin),
    /// Open the device and say what is on it.
    Look(LookOrder),
    /// Load the device that was opened last. Nothing but grants and a stop comes after it.
    Import(Box<ImportOrder>),
    /// The contents that were asked for with this number may leave.
    Grant(u64),
    /// End soon, to be continued.
    Stop,
}

/// What the worker needs before it has seen the device.
#[derive(Serialize, Deserialize)]
pub(super) struct Begin {
    #[serde(with = "any_path")]
    pub(super) device: PathBuf,
    /// Below it are the folders of all jobs, and one for what does not fit into memory.
    #[serde(with = "any_path")]
    pub(super) state_dir: PathBuf,
    pub(super) limits: WorkerLimits,
}

/// How to open the device.
#[derive(Serialize, Deserialize)]
pub(super) struct LookOrder {
    /// The job, where it is known without the device.
    pub(super) job_id: Option<JobId>,
    passwords: Vec<Secret>,
    is_expected: bool,
    containers: Vec<String>,
    memory_bytes: u64,
    time: Duration,
}

impl LookOrder {
    pub(super) fn new(job_id: Option<JobId>, unlock: &Unlock) -> Self {
        Self {
            job_id,
            passwords: unlock.passwords.clone(),
            is_expected: unlock.is_expected,
            containers: unlock.containers.clone(),
            memory_bytes: unlock.memory_bytes,
            time: unlock.time,
        }
    }

    pub(super) fn unlock(self) -> Unlock {
        Unlock {
            passwords: self.passwords,
            is_expected: self.is_expected,
            containers: self.containers,
            memory_bytes: self.memory_bytes,
            time: self.time,
        }
    }
}

/// A leased job.
#[derive(Serialize, Deserialize)]
pub(crate) struct ImportOrder {
    /// The job.
    pub(crate) job_id: JobId,
    /// Its manifest, as the desk gave it.
    pub(crate) manifest: String,
    /// Tells the ledger's rows from those of another manifest or device.
    pub(crate) basis: String,
    /// The volume that the operator chose; it goes before the manifest's.
    pub(crate) volume: Option<u32>,
    /// Where objects go.
    pub(crate) object_store: ObjectStore,
    /// As whom.
    pub(crate) credentials: Credentials,
    /// Whether somebody was here before.
    pub(crate) takes_over: bool,
    /// Bytes of file contents at once.
    pub(crate) memory_bytes: u64,
    /// Requests at once.
    pub(crate) connections: usize,
    /// How long the store may be out of reach.
    pub(crate) retry_for: Duration,
    /// Whether the station must be asked before contents leave.
    pub(crate) is_limited: bool,
}

/// From the worker.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    /// To [`Order::Begin`].
    Confined(Protections),
    /// The worker cannot begin.
    Unfit(String),
    /// To [`Order::Look`].
    Looked(Result<Look, MediaFault>),
    /// Now and then while it loads.
    Progress(Pulse),
    /// So many bytes would leave: asked with a number of its own.
    Ask(u64, u64),
    /// The load is over.
    Ended(Ended),
}

/// A sign of life.
#[derive(Serialize, Deserialize)]
pub(super) struct Pulse {
    /// The meter's numbers.
    pub(super) reading: Reading,
    /// For how long a reader of the device has given nothing.
    pub(super) stalled: Duration,
}

/// How a load ended.
#[derive(Serialize, Deserialize)]
pub(crate) enum Ended {
    /// Its report is in the log bucket.
    Loaded(Reported),
    /// The device gave out; its report is in the log bucket.
    GaveOut {
        /// The job's end.
        code: Progress,
        /// What was seen.
        reason: String,
        /// What was loaded until then.
        report: Reported,
    },
    /// It can be continued.
    Stopped(Fault),
}

/// A report.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reported {
    pub(crate) counts: Counts,
    pub(crate) log_bucket: String,
    pub(crate) log_key: String,
}

/// Why a load stopped, as its worker saw it.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{text}")]
pub struct Fault {
    /// What kind of trouble it is.
    pub(crate) kind: FaultKind,
    text: String,
}

/// What somebody must do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FaultKind {
    /// Nothing: it was asked to.
    Asked,
    /// Another process works on the job.
    Busy,
    /// The station's own disk.
    State,
    /// Anything else.
    Other,
}

impl Fault {
    pub(super) fn new(error: &TransferError) -> Self {
        let kind = match error {
            TransferError::Stopped => FaultKind::Asked,
            TransferError::Busy(_) => FaultKind::Busy,
            TransferError::State { .. } => FaultKind::State,
            _ => FaultKind::Other,
        };
        let text = chain(error);
        Self { kind, text }
    }

    pub(super) fn other(text: impl Into<String>) -> Self {
        Self {
            kind: FaultKind::Other,
            text: text.into(),
        }
    }
}

/// A [`MediaError`] on its way.
#[derive(Serialize, Deserialize)]
pub(super) enum MediaFault {
    NotFound(String),
    Denied(String),
    Unsupported(String),
    Locked(String),
    Damaged(String),
    Io(String),
}

impl From<MediaError> for MediaFault {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::NotFound(what) => Self::NotFound(what),
            MediaError::Denied(what) => Self::Denied(what),
            MediaError::Unsupported(what) => Self::Unsupported(what),
            MediaError::Locked(what) => Self::Locked(what),
            MediaError::Damaged(what) => Self::Damaged(what),
            MediaError::Io(error) => Self::Io(error.to_string()),
        }
    }
}

impl From<MediaFault> for MediaError {
    fn from(fault: MediaFault) -> Self {
        match fault {
            MediaFault::NotFound(what) => Self::NotFound(what),
            MediaFault::Denied(what) => Self::Denied(what),
            MediaFault::Unsupported(what) => Self::Unsupported(what),
            MediaFault::Locked(what) => Self::Locked(what),
            MediaFault::Damaged(what) => Self::Damaged(what),
            MediaFault::Io(what) => Self::Io(std::io::Error::other(what)),
        }
    }
}

/// Reads one message; `None` at the end. A line that is too long or no message is an error.
pub(super) fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> std::io::Result<Option<T>> {
    let mut line = Zeroizing::new(Vec::new());
    from.take(MESSAGE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

/// A message as its line.
pub(super) fn line(message: &impl Serialize) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(serde_json::to_vec(message)?);
    line.push(b'\n');
    Ok(line)
}

/// Where a worker's answers go, from any of its threads.
#[derive(Clone)]
pub(super) struct Answers(Arc<Mutex<Box<dyn Write + Send>>>);

impl Answers {
    pub(super) fn new(to: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(to))))
    }

    pub(super) fn send(&self, answer: &Answer) -> std::io::Result<()> {
        let line = line(answer)?;
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to.write_all(&line)?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;
    use crate::worker::SandboxPolicy;

    #[test]
    fn what_is_sent_is_what_is_read_whatever_the_path() {
        let begin = Begin {
            device: OsStr::from_bytes(b"/dev/\xff\n").into(),
            state_dir: "/state".into(),
            limits: WorkerLimits {
                memory_bytes: 1,
                open_files: 2,
                sandbox: SandboxPolicy::Require,
            },
        };
        let mut sent = line(&Order::Begin(begin)).unwrap().to_vec();
        sent.extend_from_slice(&line(&Order::Grant(7)).unwrap());
        let mut from = sent.as_slice();
        let Ok(Some(Order::Begin(begin))) = read(&mut from) else {
            panic!("it is a beginning");
        };
        assert_eq!(begin.device.as_os_str().as_bytes(), b"/dev/\xff\n");
        assert!(matches!(read(&mut from), Ok(Some(Order::Grant(7)))));
        assert!(matches!(read::<Order>(&mut from), Ok(None)));
    }

    #[test]
    fn a_line_without_an_end_is_refused_and_not_kept() {
        let endless = vec![b'x'; usize::try_from(MESSAGE_BYTES_MAX).unwrap() + 10];
        assert!(read::<Order>(&mut endless.as_slice()).is_err());
    }

    #[test]
    fn an_error_says_the_same_on_the_other_side() {
        for error in [
            MediaError::NotFound("a".into()),
            MediaError::Locked("b".into()),
            MediaError::Io(std::io::Error::other("c")),
        ] {
            let text = error.to_string();
            let sent = line(&MediaFault::from(error)).unwrap();
            let fault: MediaFault = read(&mut sent.as_slice()).unwrap().unwrap();
            assert_eq!(MediaError::from(fault).to_string(), text);
        }
        let stopped = Fault::new(&TransferError::Stopped);
        assert_eq!(stopped.kind, FaultKind::Asked);
    }
}
