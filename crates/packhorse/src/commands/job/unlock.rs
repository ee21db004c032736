//! `packhorse job unlock`: UnlockJob.

use packhorse_wire::actions::UnlockJob;
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};

use super::super::Context;
use super::super::station::read_password;
use super::connect;

/// Give the password of an encrypted device that waits for it (UnlockJob)
///
/// The server keeps it encrypted until the job is over, and hands it to the station that has the
/// device. UnlockJob is an addition to the AWS API.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job unlock 4K7PQ2XB
  packhorse job unlock 4K7PQ2XB --unlock-from password.txt
  pass show disk | packhorse job unlock 4K7PQ2XB --unlock-from -")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    /// File with the password; - reads standard input, prompt asks for it
    #[arg(long, value_name = "FILE|prompt", default_value = "prompt")]
    unlock_from: String,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Unlocked {
    job_id: String,
    success: bool,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let request = UnlockJob {
        job_id: args.job_id,
        password: read_password(&args.unlock_from)?,
        api_version: None,
    };
    let api = connect(&args.aws, ctx)?;
    let answer = api.call(&request).await?;
    let unlocked = Unlocked {
        job_id: request.job_id,
        success: answer.success,
    };
    output::print(args.output.output, &unlocked, |unlocked| {
        format!(
            "PASSWORD KEPT     {} (until the job is over)",
            unlocked.job_id
        )
    })?;
    Ok(Exit::Success)
}
