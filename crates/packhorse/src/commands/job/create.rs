//! `packhorse job create`: CreateJob, and the SIGNATURE file that goes with it.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use packhorse_wire::actions::CreateJob;
use packhorse_wire::fault::ErrorAnswer;
use serde::Serialize;

use crate::api::Api;
use crate::aws::AwsArgs;
use crate::curl::CurlArgs;
use crate::exit::Exit;
use crate::output::{self, Hint, OutputArgs};
use crate::signature;

use super::super::Context;
use super::{TypeArg, artifacts, connect, manifest_to_send, print_curl, split};

/// Create a job from a manifest (CreateJob)
///
/// The answer holds the job id and the text of the SIGNATURE file, which must lie in the root of the
/// disk before it is shipped: --device writes it there, --signature-file writes it elsewhere. With
/// neither, the text is printed. Nothing is created when the file could not be written, or when a
/// SIGNATURE is there of another job that is not over.
///
/// An export whose manifest has `packhorse: {split: 3 x 4TB}` becomes one job for each disk that it
/// needs: your object store is listed first, and no job is left if one is refused.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job create manifest.yaml --type import --validate-only
  packhorse job create manifest.yaml --type import --device /mnt/disk
  packhorse job create manifest.yaml --type import --signature-file ./SIGNATURE
  packhorse job create manifest.yaml --type import --print-curl
  packhorse job create export.yaml --type export --s3-endpoint URL --signature-file ./SIGNATURE
  packhorse job create - --type import --output json < manifest.yaml | jq -r .job_id")]
pub(crate) struct Args {
    /// File with the manifest (YAML), or - for standard input
    manifest: PathBuf,
    /// What the job does
    #[arg(long = "type", value_enum, ignore_case = true)]
    job_type: TypeArg,
    /// Only check the manifest: nothing is created
    #[arg(long)]
    pub(super) validate_only: bool,
    /// Write the SIGNATURE file into the root of this mounted disk
    #[arg(long, value_name = "DIR", conflicts_with_all = ["validate_only", "print_curl"])]
    pub(super) device: Option<PathBuf>,
    /// Write the SIGNATURE file under this name
    #[arg(long, value_name = "PATH", conflicts_with_all = ["validate_only", "print_curl"])]
    pub(super) signature_file: Option<PathBuf>,
    /// URL of the object store, for exports with split [env: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL")]
    pub(super) s3_endpoint: Option<String>,
    #[command(flatten)]
    pub(super) aws: AwsArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) curl: CurlArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Created {
    job_id: String,
    job_type: &'static str,
    validate_only: bool,
    signature: String,
    signature_file_contents: String,
    warning_message: Option<String>,
    aws_shipping_address: Option<String>,
    artifacts: Vec<artifacts::Printed>,
    /// Where SIGNATURE files were written.
    written: Vec<PathBuf>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let manifest = manifest_to_send(&args.manifest, args.curl)?;
    if let Some(splitting) = split::asked(&manifest, args.job_type.into()) {
        return split::run(&args, ctx, &manifest, splitting).await;
    }
    let request = CreateJob {
        job_type: args.job_type.into(),
        manifest,
        manifest_addendum: None,
        validate_only: args.validate_only,
        api_version: None,
    };
    if args.curl.print_curl {
        return print_curl(&args.aws, ctx, &request, Some(&args.manifest));
    }
    let api = connect(&args.aws, ctx)?;
    // Before the job exists: what cannot be signed needs none.
    for target in targets(&args)? {
        refuse_if_taken(&api, &target).await?;
    }
    let job = api.call(&request).await?;
    let mut created = Created {
        job_id: job.job_id,
        job_type: job.job_type.code(),
        validate_only: args.validate_only,
        signature: job.signature,
        signature_file_contents: job.signature_file_contents,
        warning_message: job.warning_message,
        aws_shipping_address: job.aws_shipping_address,
        artifacts: artifacts::printed(job.artifacts),
        written: Vec::new(),
    };
    let written = write_signature(&args, &created.signature_file_contents);
    // The job exists: its id is printed even when the SIGNATURE could not be written.
    let failure = match written {
        Ok(written) => {
            created.written = written;
            None
        }
        Err(failure) => Some(failure),
    };
    output::print(args.output.output, &created, text)?;
    match failure {
        Some(failure) => Err(failure.context(format!(
            "job {} was created, but its SIGNATURE was not written",
            created.job_id
        ))),
        None => Ok(Exit::Success),
    }
}

/// The SIGNATURE files that are to be written.
fn targets(args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    let mut targets = args.signature_file.clone().into_iter().collect::<Vec<_>>();
    if let Some(device) = &args.device {
        targets.push(signature::path_on_device(device)?);
    }
    Ok(targets)
}

/// Refuses to replace the SIGNATURE of a job that still waits for its device.
pub(super) async fn refuse_if_taken(api: &Api, target: &Path) -> anyhow::Result<()> {
    let Some(id) = signature::look_before_writing(target)? else {
        return Ok(());
    };
    let shown = target.display();
    let state = match api.get_status(&id.to_string()).await {
        Ok(status) if status.progress_code.is_final() => return Ok(()),
        Ok(status) => format!("is {}", status.progress_code.code()),
        Err(error) if error.downcast_ref::<ErrorAnswer>().is_some() => {
            "is not known to this account".to_owned()
        }
        Err(error) => return Err(error),
    };
    Err(
        anyhow!("{shown} is the SIGNATURE of job {id}, which {state}").context(Hint(format!(
            "change that job with `packhorse job update {id} MANIFEST`, cancel it with `packhorse \
             job cancel {id}`, or remove the file; no new job was created"
        ))),
    )
}

fn write_signature(args: &Args, contents: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    if let Some(device) = &args.device {
        written.push(signature::write_to_device(device, contents)?);
    }
    if let Some(path) = &args.signature_file {
        written.push(signature::write_file(path, contents)?);
    }
    Ok(written)
}

fn text(created: &Created) -> String {
    let mut lines = vec![match created.validate_only {
        true => format!("MANIFEST VALID    {}", created.job_id),
        false => format!("JOB CREATED       {}", created.job_id),
    }];
    if let Some(warning) = &created.warning_message {
        lines.push(format!("warning           {}", output::visible(warning)));
    }
    lines.extend(
        created
            .written
            .iter()
            .map(|p| p.display().to_string())
            .map(|path| format!("SIGNATURE         {}", output::visible(&path))),
    );
    if created.written.is_empty() && !created.validate_only {
        lines.push("put this into the root of the disk, in a file named SIGNATURE:".to_owned());
        lines.push(output::visible(&created.signature_file_contents));
    }
    lines.extend(artifacts::lines(&created.artifacts));
    lines.join("\n")
}
