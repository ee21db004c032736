//! `packhorse device …`: the disk, before it is shipped.

mod check;
mod prepare;
mod rate;
mod rehearsal;
mod verify;

use crate::exit::Exit;

use super::Context;

/// Check and prepare a disk for shipping, and verify one that came back
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse device check /mnt/disk --manifest manifest.yaml
  packhorse device prepare /mnt/disk --job 4K7PQ2XB
  packhorse device verify /mnt/exported-disk")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    Prepare(prepare::Args),
    Verify(verify::Args),
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check(args) => check::run(args).await,
        Command::Prepare(args) => prepare::run(args, ctx).await,
        Command::Verify(args) => verify::run(args).await,
    }
}
