//! The process that reads one device: how it is started, and how it begins.

use std::io::{stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use packhorse_station::{WORKER_MEMORY_BYTES_MIN, WorkerLimits, Workers};

use crate::clock;
use crate::config::{self, Environment};
use crate::exit::Exit;
use crate::output::{self, Hint};

/// This program, also when its file was replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// The hidden command.
const ARGUMENTS: [&str; 2] = ["station", "worker"];
/// All that a worker learns from the environment.
const LOG: &str = "PACKHORSE_LOG";

/// What a process that reads a device may use.
pub(crate) fn limits(config: &config::Station) -> WorkerLimits {
    WorkerLimits {
        memory_bytes: config
            .memory_bytes
            .saturating_add(config.worker_memory_bytes),
        open_files: config.worker_open_files,
        sandbox: config.sandbox,
    }
}

/// How workers of this station are started.
pub(crate) fn workers(
    config: &config::Station,
    environment: &Environment,
) -> anyhow::Result<Workers> {
    if config.worker_memory_bytes < WORKER_MEMORY_BYTES_MIN {
        return Err(anyhow::anyhow!(
            "{} bytes of memory are too few for a worker",
            config.worker_memory_bytes
        )
        .context(Hint(format!(
            "set station.worker_memory_bytes to {WORKER_MEMORY_BYTES_MIN} or more"
        ))));
    }
    let log = environment.get(LOG);
    Ok(Workers {
        program: program()?,
        arguments: ARGUMENTS.to_vec(),
        environment: log
            .map(|filter| (LOG.to_owned(), filter.to_owned()))
            .into_iter()
            .collect(),
        limits: limits(config),
        stall: Duration::from_secs(config.worker_stall_seconds.max(1)),
        say: output::say_above_bars,
    })
}

fn program() -> std::io::Result<PathBuf> {
    match Path::new(THIS_PROGRAM).exists() {
        true => Ok(THIS_PROGRAM.into()),
        false => std::env::current_exe(),
    }
}

/// A worker's whole life. No thread runs yet.
pub(crate) fn run(environment: &Environment) -> anyhow::Result<Exit> {
    output::start_log(environment.get(LOG).unwrap_or("error"))?;
    crate::choose_tls()?;
    packhorse_station::work(stdin(), stdout(), clock::now)?;
    Ok(Exit::Success)
}
