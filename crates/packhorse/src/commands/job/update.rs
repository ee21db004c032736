//! `packhorse job update`: UpdateJob.

use std::path::PathBuf;

use packhorse_wire::actions::UpdateJob;
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};

use super::super::Context;
use super::{TypeArg, connect, manifest_to_send, print_curl};

/// Replace the manifest of a job that has not started (UpdateJob)
///
/// A disk that is prepared already stays valid: the SIGNATURE does not change. --print-curl needs
/// --type, since it asks nobody what the job does.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job update 4K7PQ2XB manifest.yaml
  packhorse job update 4K7PQ2XB manifest.yaml --validate-only
  packhorse job update 4K7PQ2XB manifest.yaml --type import --print-curl")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    /// File with the new manifest (YAML), or - for standard input
    manifest: PathBuf,
    /// What the job does from now on; default: what it did before
    #[arg(
        long = "type",
        value_enum,
        ignore_case = true,
        required_if_eq("print_curl", "true")
    )]
    job_type: Option<TypeArg>,
    /// Only check the manifest: nothing is changed
    #[arg(long)]
    validate_only: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    curl: CurlArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Updated {
    job_id: String,
    success: bool,
    validate_only: bool,
    warning_message: Option<String>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let manifest = manifest_to_send(&args.manifest, args.curl)?;
    let job_type = match args.job_type {
        Some(job_type) => job_type.into(),
        None => {
            let api = connect(&args.aws, ctx)?;
            api.get_status(&args.job_id).await?.job_type
        }
    };
    let request = UpdateJob {
        job_id: args.job_id,
        job_type,
        manifest,
        validate_only: args.validate_only,
        api_version: None,
    };
    if args.curl.print_curl {
        return print_curl(&args.aws, ctx, &request, Some(&args.manifest));
    }
    let api = connect(&args.aws, ctx)?;
    let update = api.call(&request).await?;
    let updated = Updated {
        job_id: request.job_id,
        success: update.success,
        validate_only: args.validate_only,
        warning_message: update.warning_message,
    };
    output::print(args.output.output, &updated, text)?;
    Ok(Exit::Success)
}

fn text(updated: &Updated) -> String {
    let mut text = match updated.validate_only {
        true => format!("MANIFEST VALID    {}", updated.job_id),
        false => format!("JOB UPDATED       {}", updated.job_id),
    };
    if let Some(warning) = &updated.warning_message {
        text.push_str(&format!("\nwarning           {}", output::visible(warning)));
    }
    text
}
