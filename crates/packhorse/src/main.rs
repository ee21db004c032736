//! The one executable of Packhorse: command line, configuration and wiring of the rooms.

mod api;
mod aws;
mod clock;
mod commands;
mod config;
mod curl;
mod exit;
mod loading;
mod manifest_file;
mod output;
mod serving;
mod signal;
mod signature;
mod storage;
mod whole_file;
mod worker;

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Parser as _;

use crate::commands::Cli;
use crate::config::Environment;
use crate::exit::Exit;

fn main() -> ExitCode {
    output::conclude(run())
}

/// reqwest and hyper are built without a TLS backend of their own: one for the whole process.
fn choose_tls() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("install the TLS backend"))
}

fn run() -> anyhow::Result<Exit> {
    let cli = Cli::parse();
    let environment = Environment::read()?;
    if cli.is_worker() {
        return worker::run(&environment);
    }
    choose_tls()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the async runtime")?;
    let result = runtime.block_on(commands::run(cli, environment));
    // A thread may be waiting for a device that does not answer: a second signal must not.
    runtime.shutdown_background();
    result
}
