//! `packhorse station-key create`.

use anyhow::Context as _;
use serde::Serialize;

use crate::clock;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::storage::{self, IfAbsent, StorageArgs};

use super::Context;

/// Make the keys that stations authenticate with
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station-key create dock1 --data-dir /var/lib/packhorse")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a station known and print its key
    ///
    /// The key is shown once, as JSON: the server keeps only its digest. Works straight on the
    /// database, also while a server runs.
    #[command(after_help = "\
EXAMPLES:
  packhorse station-key create dock1 --data-dir /var/lib/packhorse
  export PACKHORSE_STATION_KEY=$(packhorse station-key create dock1 \\
      --data-dir /var/lib/packhorse | jq -r .key)")]
    Create(CreateArgs),
}

#[derive(clap::Args)]
struct CreateArgs {
    /// Name of the station, as it will stand in the jobs' event logs
    name: String,
    #[command(flatten)]
    storage: StorageArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Json, value_name = "FORMAT")]
    output: Format,
}

/// What is printed.
#[derive(Serialize)]
struct Created {
    station: String,
    key: String,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let Command::Create(args) = args.command;
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let storage = storage::open(&config, &ctx.environment, IfAbsent::Create).await?;
    let key = storage.store.create_station(&args.name, clock::now()).await;
    let key = key.with_context(|| format!("create station {}", args.name))?;
    let created = Created {
        station: key.station,
        key: key.key.expose().to_owned(),
    };
    output::print(args.output, &created, |created| {
        format!("station  {}\nkey      {}", created.station, created.key)
    })?;
    Ok(Exit::Success)
}
