//! A device's worker: the process that reads one device, and nothing else, behind every protection
//! that the kernel gives.
//!
//! ```text
//! station (desk, station key, leases)  -- orders, one JSON line each -->  worker (device, job folder,
//!                                      <-- answers ----------------------  object store)
//! ```
//!
//! Whatever parses bytes of a device does so in the worker. It learns passwords and the lease's
//! credentials from the pipe, never from arguments or environment, and not the station's key at all.
//! When it breaks down or hangs, the station ends that job with a report and goes on with the others.
//! When the station dies, the pipe ends and the worker kills itself, so that nobody holds the job's
//! folder and a later process can go on.

mod confine;
mod import;
mod inside;
mod look;
mod outside;
mod protocol;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use confine::{Landlock, Protections, confine_to_reading};
pub use inside::{WorkerError, work};
pub(crate) use look::Look;
pub use look::{DeviceLook, VolumeLook, look_at};
pub(crate) use outside::{Breakdown, Worker};
pub use protocol::Fault;
pub(crate) use protocol::{Ended, FaultKind, ImportOrder, Reported};

/// Least memory of a worker beside the file contents: the program itself, its threads' stacks, the
/// caches of ledger and parsers.
pub const WORKER_MEMORY_BYTES_MIN: u64 = 128 * 1024 * 1024;

/// How workers are started, and what each may use.
#[derive(Clone, Debug)]
pub struct Workers {
    /// This program, or the one to run in its place.
    pub program: PathBuf,
    /// What makes it call [`work`].
    pub arguments: Vec<&'static str>,
    /// The whole environment of a worker.
    pub environment: Vec<(String, String)>,
    /// What the kernel must hold it to.
    pub limits: WorkerLimits,
    /// A call into a file system's reader that gives neither an entry nor bytes nor asks for the next
    /// piece of the device for this long hangs.
    pub stall: Duration,
    /// Passes on what a worker says on its standard error.
    pub say: fn(&str),
}

/// What the kernel must hold a worker to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WorkerLimits {
    /// Memory, file contents included.
    pub memory_bytes: u64,
    /// Files and connections open at once.
    pub open_files: u64,
    /// Whether a kernel without Landlock will do.
    pub sandbox: SandboxPolicy,
}

/// What is done where the kernel cannot keep a worker to its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxPolicy {
    /// Devices are loaded with what protections there are.
    #[default]
    Best,
    /// No device is read.
    Require,
}
