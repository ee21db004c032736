//! `packhorse job cancel`: CancelJob.

use packhorse_wire::actions::CancelJob;
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};

use super::super::Context;
use super::{connect, print_curl};

/// Cancel a job that has not started (CancelJob)
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job cancel 4K7PQ2XB")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    curl: CurlArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Canceled {
    job_id: String,
    success: bool,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let request = CancelJob {
        job_id: args.job_id,
        api_version: None,
    };
    if args.curl.print_curl {
        return print_curl(&args.aws, ctx, &request, None);
    }
    let api = connect(&args.aws, ctx)?;
    let answer = api.call(&request).await?;
    let canceled = Canceled {
        job_id: request.job_id,
        success: answer.success,
    };
    output::print(args.output.output, &canceled, |c| {
        format!("JOB CANCELED      {}", c.job_id)
    })?;
    Ok(Exit::Success)
}
