//! `packhorse job …`: the AWS API from the command line.

mod artifacts;
mod cancel;
mod create;
mod label;
mod list;
mod plan;
mod split;
mod status;
mod unlock;
mod update;
mod watch;

use std::path::Path;

use packhorse_wire::actions::Action;

use crate::api::Api;
use crate::aws::{Access, AwsArgs, Place};
use crate::curl::{self, CurlArgs};
use crate::exit::Exit;
use crate::manifest_file;
use crate::output;

use super::Context;

/// Create, change and follow jobs through the AWS API
///
/// Speaks the AWS Import/Export API (2010-06-01) with Signature Version 4 to --endpoint. Keys are
/// found as AWS's own tools find them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile of
/// ~/.aws/credentials and ~/.aws/config.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  export PACKHORSE_ENDPOINT=http://127.0.0.1:8080
  export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
  packhorse job create manifest.yaml --type import --device /mnt/disk
  packhorse job list
  packhorse job label 4K7PQ2XB --save label.pdf
  packhorse job watch 4K7PQ2XB
  packhorse job unlock 4K7PQ2XB --unlock-from password.txt
  packhorse job plan export.yaml --disk-size 4TB --s3-endpoint http://127.0.0.1:9000
  packhorse job status 4K7PQ2XB --print-curl | sh")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(create::Args),
    Update(update::Args),
    Cancel(cancel::Args),
    Status(status::Args),
    List(list::Args),
    Label(label::Args),
    Watch(watch::Args),
    Unlock(unlock::Args),
    Plan(plan::Args),
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    match args.command {
        Command::Create(args) => create::run(args, ctx).await,
        Command::Update(args) => update::run(args, ctx).await,
        Command::Cancel(args) => cancel::run(args, ctx).await,
        Command::Status(args) => status::run(args, ctx).await,
        Command::List(args) => list::run(args, ctx).await,
        Command::Label(args) => label::run(args, ctx).await,
        Command::Watch(args) => watch::run(args, ctx).await,
        Command::Unlock(args) => unlock::run(args, ctx).await,
        Command::Plan(args) => plan::run(args, ctx).await,
    }
}

/// `--type` as the original spells it, in any case.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum TypeArg {
    /// From the disk into a bucket
    Import,
    /// From buckets onto the disk
    Export,
}

impl From<TypeArg> for packhorse_core::job::JobType {
    fn from(arg: TypeArg) -> Self {
        match arg {
            TypeArg::Import => Self::Import,
            TypeArg::Export => Self::Export,
        }
    }
}

/// The API, as flags, environment and profile files say.
pub(super) fn connect(args: &AwsArgs, ctx: &Context) -> anyhow::Result<Api> {
    Api::new(Access::find(args, &ctx.environment)?)
}

/// The manifest of a request. A curl command reads standard input itself when it is run; a file is
/// read all the same, so that one that cannot be sent is refused now.
fn manifest_to_send(path: &Path, curl: CurlArgs) -> anyhow::Result<String> {
    if curl.print_curl && path.as_os_str() == manifest_file::STDIN {
        return Ok(String::new());
    }
    manifest_file::read(path)
}

/// Prints the curl command that asks for `action`, instead of asking.
fn print_curl<A: Action>(
    args: &AwsArgs,
    ctx: &Context,
    action: &A,
    manifest: Option<&Path>,
) -> anyhow::Result<Exit> {
    let place = Place::find(args, &ctx.environment)?;
    output::data(&curl::command(&place, action, manifest)?)?;
    Ok(Exit::Success)
}
