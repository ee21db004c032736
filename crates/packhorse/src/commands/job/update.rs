//! `packhorse job update`: UpdateJob.

use std::path::PathBuf;

use packhorse_wire::actions::UpdateJob;
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::exit::Exit;
use crate::manifest_file;
use crate::output::{self, OutputArgs};

use super::super::Context;
use super::{TypeArg, connect};

/// Replace the manifest of a job that has not started (UpdateJob)
///
/// A disk that is prepared already stays valid: the SIGNATURE does not change.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job update 4K7PQ2XB manifest.yaml
  packhorse job update 4K7PQ2XB manifest.yaml --validate-only")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    /// File with the new manifest (YAML), or - for standard input
    manifest: PathBuf,
    /// What the job does from now on; default: what it did before
    #[arg(long = "type", value_enum, ignore_case = true)]
    job_type: Option<TypeArg>,
    /// Only check the manifest: nothing is changed
    #[arg(long)]
    validate_only: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
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
    let manifest = manifest_file::read(&args.manifest)?;
    let api = connect(&args.aws, ctx)?;
    let job_type = match args.job_type {
        Some(job_type) => job_type.into(),
        None => api.get_status(&args.job_id).await?.job_type,
    };
    let request = UpdateJob {
        job_id: args.job_id,
        job_type,
        manifest,
        validate_only: args.validate_only,
        api_version: None,
    };
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
