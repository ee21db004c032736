//! `packhorse admin audit verify`.

use anyhow::Context as _;
use serde::Serialize;

use crate::exit::Exit;
use crate::output::{self, OutputArgs};
use crate::storage::{self, IfAbsent, StorageArgs};

use super::Context;

/// Check the jobs' events
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse admin audit verify --data-dir /var/lib/packhorse")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Follow every job's chain of events and name the jobs where it is broken
    ///
    /// Each event carries the hash of the one before, and the job knows the last: an event that was
    /// changed, removed or cut off shows. Works while servers run. Exit code 1 when a chain is broken.
    #[command(after_help = "\
EXAMPLES:
  packhorse admin audit verify --data-dir /var/lib/packhorse
  packhorse admin audit verify --database postgres://packhorse@db/packhorse --output json")]
    Verify(VerifyArgs),
}

#[derive(clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Verified {
    jobs: u64,
    events: u64,
    broken: Vec<String>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let Command::Verify(args) = args.command;
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let storage = storage::open(&config, &ctx.environment, IfAbsent::Refuse).await?;
    let audit = storage.store.audit().await.context("read the events")?;
    let verified = Verified {
        jobs: audit.jobs,
        events: audit.events,
        broken: audit.broken.iter().map(ToString::to_string).collect(),
    };
    output::print(args.output.output, &verified, text)?;
    Ok(match verified.broken.is_empty() {
        true => Exit::Success,
        false => Exit::Failed,
    })
}

fn text(verified: &Verified) -> String {
    let Verified {
        jobs,
        events,
        broken,
    } = verified;
    let mut text = format!(
        "{jobs} jobs, {events} events, {} chains broken",
        broken.len()
    );
    for id in broken {
        text.push_str(&format!("\n{id}: events were changed or removed"));
    }
    text
}
