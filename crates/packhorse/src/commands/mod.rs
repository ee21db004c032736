//! The commands, one file each: what they take, and `run`, which does it.

mod account;
mod admin;
mod config;
mod device;
mod job;
mod manifest;
mod quickstart;
mod serve;
mod station;
mod station_key;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment};
use crate::exit::Exit;
use crate::output;

/// Shown under `packhorse --help`.
const EXAMPLES: &str = "\
EXAMPLES:
  See the whole thing work, on a sample or on your own files:
    packhorse quickstart
    packhorse quickstart /mnt/photos --keep ./packhorse-data

  Run a server, give a customer a key and a station a key:
    packhorse serve --data-dir /var/lib/packhorse
    packhorse account create alice --data-dir /var/lib/packhorse
    packhorse station-key create dock1 --data-dir /var/lib/packhorse

  As the customer, create a job and put its SIGNATURE on the disk:
    packhorse manifest new > manifest.yaml
    packhorse job create manifest.yaml --type import --device /mnt/disk

  At the dock, load the disk:
    packhorse station load /dev/sdb --server http://127.0.0.1:8080

EXIT CODES:
  0 done   1 failed   2 wrong command line   3 loaded, some files failed   4 refused";

/// Ship a disk, get objects: AWS Import/Export (2010-06-01), open and self-hosted.
#[derive(Parser)]
#[command(name = "packhorse", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Configuration file (TOML); flags and PACKHORSE_SECTION__KEY variables beat it
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Quickstart(quickstart::Args),
    Serve(serve::Args),
    Account(account::Args),
    StationKey(station_key::Args),
    Admin(admin::Args),
    Station(station::Args),
    Job(job::Args),
    Device(device::Args),
    Manifest(manifest::Args),
    Config(config::Args),
}

impl Cli {
    /// Whether this process reads one device and does nothing else.
    pub(crate) fn is_worker(&self) -> bool {
        matches!(&self.command, Command::Station(args) if args.is_worker())
    }
}

/// What every command gets beside its own arguments.
pub(crate) struct Context {
    environment: Environment,
    config_file: Option<PathBuf>,
}

impl Context {
    /// The configuration before the command's own flags.
    fn config(&self) -> anyhow::Result<Config> {
        Config::load(self.config_file.as_deref(), &self.environment)
    }
}

/// Runs the command that the command line names.
pub(crate) async fn run(cli: Cli, environment: Environment) -> anyhow::Result<Exit> {
    let quiet = !matches!(cli.command, Command::Serve(_));
    let filter = environment.get("PACKHORSE_LOG");
    output::start_log(filter.unwrap_or(if quiet { "error" } else { "info" }))?;
    let ctx = Context {
        environment,
        config_file: cli.config,
    };
    // Commands that need no configuration refuse a wrong one all the same; quickstart has none.
    if !matches!(cli.command, Command::Quickstart(_)) {
        ctx.config()?;
    }
    match cli.command {
        Command::Quickstart(args) => quickstart::run(args, &ctx).await,
        Command::Serve(args) => serve::run(args, &ctx).await,
        Command::Account(args) => account::run(args, &ctx).await,
        Command::StationKey(args) => station_key::run(args, &ctx).await,
        Command::Admin(args) => admin::run(args, &ctx).await,
        Command::Station(args) => station::run(args, &ctx).await,
        Command::Job(args) => job::run(args, &ctx).await,
        Command::Device(args) => device::run(args, &ctx).await,
        Command::Manifest(args) => manifest::run(args),
        Command::Config(args) => config::run(args, &ctx),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn without_examples(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !help.contains("EXAMPLES:") || !help.contains("packhorse ") {
            missing.push(path.clone());
        }
        for sub in command.get_subcommands() {
            without_examples(sub, &path, missing);
        }
    }

    #[test]
    fn the_command_line_is_consistent_and_every_command_shows_an_example() {
        Cli::command().debug_assert();
        let mut missing = Vec::new();
        without_examples(&Cli::command(), "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }
}
