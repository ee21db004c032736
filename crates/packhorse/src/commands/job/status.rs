//! `packhorse job status`: GetStatus.

use packhorse_wire::actions::{GetStatus, GetStatusAnswer};
use serde::Serialize;

use crate::aws::AwsArgs;
use crate::clock;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};

use super::super::Context;
use super::{artifacts, connect, print_curl};

/// Show where a job stands (GetStatus)
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job status 4K7PQ2XB
  packhorse job status 4K7PQ2XB --manifest
  packhorse job status 4K7PQ2XB --print-curl
  packhorse job status 4K7PQ2XB --output json | jq -r .progress_code")]
pub(crate) struct Args {
    /// The job
    #[arg(value_name = "ID")]
    job_id: String,
    /// Print the manifest in force as well
    #[arg(long)]
    manifest: bool,
    /// Show the manifest's passwords and pins, which are otherwise `(redacted)`
    #[arg(long)]
    with_secrets: bool,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    curl: CurlArgs,
}

/// GetStatus's answer, as it is printed.
#[derive(Serialize)]
pub(super) struct JobStatus {
    job_id: String,
    job_type: &'static str,
    creation_date: String,
    location_code: &'static str,
    location_message: String,
    progress_code: &'static str,
    progress_message: String,
    error_count: u64,
    log_bucket: Option<String>,
    log_key: Option<String>,
    carrier: Option<String>,
    tracking_number: Option<String>,
    signature: String,
    signature_file_contents: String,
    current_manifest: String,
    aws_shipping_address: Option<String>,
    artifacts: Vec<artifacts::Printed>,
}

impl From<GetStatusAnswer> for JobStatus {
    fn from(answer: GetStatusAnswer) -> Self {
        Self {
            job_id: answer.job_id,
            job_type: answer.job_type.code(),
            creation_date: clock::whole_seconds(answer.creation_date),
            location_code: answer.location_code.code(),
            location_message: answer.location_message,
            progress_code: answer.progress_code.code(),
            progress_message: answer.progress_message,
            error_count: answer.error_count,
            log_bucket: answer.log_bucket,
            log_key: answer.log_key,
            carrier: answer.carrier,
            tracking_number: answer.tracking_number,
            signature: answer.signature,
            signature_file_contents: answer.signature_file_contents,
            current_manifest: answer.current_manifest,
            aws_shipping_address: answer.aws_shipping_address,
            artifacts: artifacts::printed(answer.artifacts),
        }
    }
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    if args.curl.print_curl {
        return print_curl(
            &args.aws,
            ctx,
            &request_for(args.job_id, args.with_secrets),
            None,
        );
    }
    let api = connect(&args.aws, ctx)?;
    let request = request_for(args.job_id, args.with_secrets);
    let status = JobStatus::from(api.call(&request).await?);
    output::print(args.output.output, &status, |status| {
        text(status, args.manifest)
    })?;
    Ok(Exit::Success)
}

/// What is asked about a job.
pub(super) fn request_for(job_id: String, manifest_secrets: bool) -> GetStatus {
    GetStatus {
        job_id,
        manifest_secrets,
        api_version: None,
    }
}

fn text(status: &JobStatus, with_manifest: bool) -> String {
    let errors = status.error_count.to_string();
    let log = match (&status.log_bucket, &status.log_key) {
        (Some(bucket), Some(key)) => format!("s3://{bucket}/{key}"),
        _ => String::new(),
    };
    let rows = [
        ("job", status.job_id.as_str()),
        ("type", status.job_type),
        ("created", &status.creation_date),
        ("device", status.location_code),
        ("", &status.location_message),
        ("progress", status.progress_code),
        ("", &status.progress_message),
        ("errors", &errors),
        ("report", &log),
        ("carrier", status.carrier.as_deref().unwrap_or_default()),
        (
            "tracking",
            status.tracking_number.as_deref().unwrap_or_default(),
        ),
    ];
    let mut lines: Vec<String> = rows
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name:10}{}", output::visible(value)))
        .collect();
    lines.extend(artifacts::lines(&status.artifacts));
    if with_manifest {
        lines.push("manifest".to_owned());
        lines.push(output::visible(status.current_manifest.trim_end()));
    }
    lines.join("\n")
}
