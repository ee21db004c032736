//! `packhorse job status`: GetStatus.

use crate::api::JobStatus;
use crate::aws::AwsArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};

use super::super::Context;
use super::connect;

/// Show where a job stands (GetStatus)
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job status 4K7PQ2XB
  packhorse job status 4K7PQ2XB --manifest
  packhorse job status 4K7PQ2XB --output json | jq -r .progress_code")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    /// Print the manifest in force as well
    #[arg(long)]
    manifest: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let status = connect(&args.aws, ctx)?.get_status(&args.job_id).await?;
    output::print(args.output.output, &status, |status| text(status, args.manifest))?;
    Ok(Exit::Success)
}

fn text(status: &JobStatus, with_manifest: bool) -> String {
    let errors = status.error_count.to_string();
    let log = match (&status.log_bucket, &status.log_key) {
        (Some(bucket), Some(key)) => format!("s3://{bucket}/{key}"),
        _ => String::new(),
    };
    let rows = [
        ("job", status.job_id.as_str()),
        ("type", &status.job_type),
        ("created", &status.creation_date),
        ("device", &status.location_code),
        ("", &status.location_message),
        ("progress", &status.progress_code),
        ("", &status.progress_message),
        ("errors", &errors),
        ("report", &log),
        ("carrier", status.carrier.as_deref().unwrap_or_default()),
        ("tracking", status.tracking_number.as_deref().unwrap_or_default()),
    ];
    let mut lines: Vec<String> = rows
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name:10}{}", output::visible(value)))
        .collect();
    if with_manifest {
        lines.push("manifest".to_owned());
        lines.push(output::visible(status.current_manifest.trim_end()));
    }
    lines.join("\n")
}
