//! What the kernel is asked to hold a worker to: limits on memory, files and core dumps, no new
//! privileges, and (Landlock) the device, the job's folder and the object store's port alone.
//!
//! Landlock binds a thread and those it starts, so all this happens before a worker starts any.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, NetPort, RestrictionStatus, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::{SandboxPolicy, WorkerLimits};
use crate::LoadError;
use crate::desk::chain;

/// The newest Landlock whose rights are named here; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;
/// What finding a server's address takes: the resolver's configuration and the libraries that it
/// loads late. Nothing here belongs to a user.
const RESOLVER: [&str; 14] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/run/systemd/resolve",
    "/usr/share/zoneinfo",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
];
/// Names are asked for over TCP when an answer is long.
pub(super) const DNS_PORT: u16 = 53;

/// What the kernel gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protections {
    /// Landlock: `full`, `partial` (an older kernel: some rights it cannot take away) or `none`.
    pub landlock: Landlock,
    /// Whether no program can be run with more rights.
    pub no_new_privileges: bool,
    /// Bytes of memory at the most.
    pub memory_bytes: u64,
    /// Open files at the most.
    pub open_files: u64,
}

/// How far the kernel keeps a worker to its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Landlock {
    /// Files, connections and signals.
    Full,
    /// Some of it.
    Partial,
    /// Not at all.
    #[default]
    None,
}

impl std::fmt::Display for Protections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let landlock = match self.landlock {
            Landlock::Full => "Landlock",
            Landlock::Partial => "Landlock in part",
            Landlock::None => "no Landlock",
        };
        let privileges = match self.no_new_privileges {
            true => ", no new privileges",
            false => "",
        };
        let (memory, files) = (self.memory_bytes >> 20, self.open_files);
        write!(
            f,
            "{landlock}{privileges}, {memory} MiB, {files} files, no core dumps"
        )
    }
}

/// Why a worker does not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfineError {
    #[error("cannot set the limits of the process")]
    Limits(#[from] rustix::io::Errno),
    #[error("cannot restrict the process: {0}")]
    Landlock(#[from] RulesetError),
    #[error(
        "the kernel has no Landlock, and station.sandbox is \"require\": nothing would keep the worker \
         to the device"
    )]
    NoLandlock,
}

/// What a worker may touch.
pub(super) struct Reach<'a> {
    /// The files of the device, or its folder.
    pub(super) device: &'a [PathBuf],
    /// Where it writes.
    pub(super) writes: &'a [PathBuf],
    /// The ports that it may connect to; any before the store is known.
    pub(super) ports: Option<&'a [u16]>,
}

/// Keeps the calling thread to reading one device, and the whole process to these limits: for a command
/// that shows what is on it and does nothing else.
pub fn confine_to_reading(device: &Path, limits: &WorkerLimits) -> Result<Protections, LoadError> {
    let files = packhorse_media::files_of(device);
    let reach = Reach {
        device: &files,
        writes: &[],
        ports: Some(&[]),
    };
    confine(limits, &reach).map_err(|error| LoadError::Worker(chain(&error)))
}

/// Before the device is opened.
pub(super) fn confine(
    limits: &WorkerLimits,
    reach: &Reach<'_>,
) -> Result<Protections, ConfineError> {
    limit(Resource::Core, 0)?;
    let memory_bytes = limit(Resource::Data, limits.memory_bytes)?;
    let open_files = limit(Resource::Nofile, limits.open_files)?;
    let status = narrow(reach)?;
    let landlock = match status.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::None,
    };
    if landlock == Landlock::None && limits.sandbox == SandboxPolicy::Require {
        return Err(ConfineError::NoLandlock);
    }
    Ok(Protections {
        landlock,
        no_new_privileges: status.no_new_privs,
        memory_bytes,
        open_files,
    })
}

/// Sets a limit for good, as low as the one that is there already at least.
fn limit(resource: Resource, value: u64) -> Result<u64, rustix::io::Errno> {
    let most = getrlimit(resource).maximum;
    let value = most.map_or(value, |most| most.min(value));
    let both = Rlimit {
        current: Some(value),
        maximum: Some(value),
    };
    setrlimit(resource, both)?;
    Ok(value)
}

/// Takes away everything beyond `reach`; what was taken away before stays so.
pub(super) fn narrow(reach: &Reach<'_>) -> Result<RestrictionStatus, RulesetError> {
    let reads = AccessFs::from_read(LANDLOCK) & !AccessFs::Execute;
    let resolver = RESOLVER.iter().map(Path::new);
    let devices = reach.device.iter().map(PathBuf::as_path);
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::AbstractUnixSocket)?
        .scope(Scope::Signal)?;
    if reach.ports.is_some() {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp)?;
    }
    let mut ruleset = ruleset
        .create()?
        .add_rules(path_beneath_rules(resolver.chain(devices), reads))?
        .add_rules(path_beneath_rules(
            reach.writes,
            AccessFs::from_all(LANDLOCK) & !(AccessFs::Execute | AccessFs::IoctlDev),
        ))?;
    for port in reach.ports.into_iter().flatten() {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// What is taken away is taken from the thread that a test runs in; the limits stay wide.
    fn in_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(work).join().unwrap()
    }

    const WIDE: WorkerLimits = WorkerLimits {
        memory_bytes: u64::MAX >> 1,
        open_files: u64::MAX >> 1,
        sandbox: SandboxPolicy::Best,
    };

    #[test]
    fn a_confined_thread_reads_its_device_and_reaches_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let (device, other) = (place.path().join("disk.001"), place.path().join("other"));
        let piece = place.path().join("disk.002");
        for path in [&device, &piece, &other] {
            std::fs::write(path, "x").unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        in_a_thread(move || {
            let protections = confine_to_reading(&device, &WIDE).unwrap();
            assert!(File::open(&device).is_ok() && File::open(&piece).is_ok());
            if protections.landlock == Landlock::None {
                return;
            }
            assert!(protections.no_new_privileges);
            for refused in [
                File::open(&other),
                File::create(&device),
                File::create(place.path().join("new")),
            ] {
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
            }
            if protections.landlock == Landlock::Full {
                let refused = TcpStream::connect(address).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
                assert!(TcpListener::bind("127.0.0.1:0").is_err());
            }
        });
    }

    #[test]
    fn a_worker_with_a_job_writes_that_jobs_folder_alone() {
        let place = tempfile::tempdir().unwrap();
        let (own, foreign) = (place.path().join("own"), place.path().join("foreign"));
        for folder in [&own, &foreign] {
            std::fs::create_dir(folder).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        in_a_thread(move || {
            let state = [place.path().to_owned()];
            let before = Reach {
                device: &[],
                writes: &state,
                ports: None,
            };
            let protections = confine(&WIDE, &before).unwrap();
            std::fs::write(foreign.join("early"), "x").unwrap();
            let writes = [own.clone()];
            let ports = [address.port()];
            let after = Reach {
                device: &[],
                writes: &writes,
                ports: Some(&ports),
            };
            narrow(&after).unwrap();
            std::fs::write(own.join("job.db"), "x").unwrap();
            std::fs::rename(own.join("job.db"), own.join("job.db.old")).unwrap();
            assert!(TcpStream::connect(address).is_ok());
            if protections.landlock != Landlock::None {
                assert!(std::fs::write(foreign.join("late"), "x").is_err());
                assert!(std::fs::read(foreign.join("early")).is_err());
            }
        });
    }
}
