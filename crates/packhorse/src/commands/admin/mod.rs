//! `packhorse admin …`: move, dump, check the database and everything around it.

mod audit;
mod copy;
mod disk;
mod doctor;
mod objects;

use crate::exit::Exit;

use super::Context;

/// Look after a server: move or dump its database, check it, find out what is wrong
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse admin doctor --config /etc/packhorse.toml
  packhorse admin audit verify --data-dir /var/lib/packhorse
  packhorse admin migrate --data-dir /var/lib/packhorse --to postgres://packhorse@db/packhorse
  packhorse admin export --data-dir /var/lib/packhorse > packhorse.jsonl")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Doctor(doctor::Args),
    Audit(audit::Args),
    Migrate(copy::MigrateArgs),
    Export(copy::ExportArgs),
    Import(copy::ImportArgs),
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    match args.command {
        Command::Doctor(args) => doctor::run(args, ctx).await,
        Command::Audit(args) => audit::run(args, ctx).await,
        Command::Migrate(args) => copy::migrate(args, ctx).await,
        Command::Export(args) => copy::export(args, ctx).await,
        Command::Import(args) => copy::import(args, ctx).await,
    }
}
