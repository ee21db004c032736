//! `packhorse config check`.

use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, Format, OutputArgs};

use super::Context;

/// Look at the configuration
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse config check --config /etc/packhorse.toml")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the effective configuration (environment, file, defaults) without secrets
    ///
    /// Reads the file and the PACKHORSE_SECTION__KEY variables as every other command does, so an
    /// unknown key or a wrong value is reported here first. Keys that are not set and have no
    /// default are left out of the TOML form.
    #[command(after_help = "\
EXAMPLES:
  packhorse config check --config /etc/packhorse.toml
  PACKHORSE_SERVER__LISTEN=0.0.0.0:8080 packhorse config check
  packhorse config check --output json | jq .server")]
    Check(OutputArgs),
}

pub(super) fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let Command::Check(OutputArgs { output }) = args.command;
    let config = ctx.config()?;
    warn_without_effect(&config);
    match output {
        Format::Json => output::json(&config)?,
        Format::Text => output::data(config.to_toml()?.trim_end())?,
    }
    Ok(Exit::Success)
}

/// Says which keys are set in vain.
pub(super) fn warn_without_effect(config: &Config) {
    for name in config.without_effect() {
        output::say(&format!(
            "warning: {name} is set, but this version does not act upon it"
        ));
    }
}
