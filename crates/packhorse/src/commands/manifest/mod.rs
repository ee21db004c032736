//! `packhorse manifest …`: manifests without a server.

mod check;
mod interview;
mod new;

use packhorse_core::manifest;

use crate::exit::Exit;
use crate::output;

/// Write and check manifests
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse manifest new > manifest.yaml
  packhorse manifest new --interactive > manifest.yaml
  packhorse manifest check manifest.yaml --type import
  packhorse manifest schema > manifest.schema.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    New(new::Args),
    /// Print a JSON Schema of manifests, for editors
    ///
    /// Editors that know YAML complete and check a manifest with it as it is typed. What depends on
    /// several options, or on the place of the facility, only `manifest check` tells.
    #[command(after_help = "\
EXAMPLES:
  packhorse manifest schema > manifest.schema.json
  sed -i '1i # yaml-language-server: $schema=manifest.schema.json' manifest.yaml")]
    Schema,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check(args) => check::run(&args),
        Command::New(args) => new::run(&args),
        Command::Schema => {
            output::data(&format!("{:#}", manifest::schema()))?;
            Ok(Exit::Success)
        }
    }
}
