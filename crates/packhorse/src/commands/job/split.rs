//! `packhorse job create` for an export with `split`: one job for each device.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use packhorse_core::export::part_manifest;
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Manifest, S3Export, Split};
use packhorse_transfer::DiskPlan;
use packhorse_wire::actions::{CancelJob, CreateJob};
use serde::Serialize;

use crate::api::Api;
use crate::exit::Exit;
use crate::output::{self, Hint};
use crate::signature;

use super::super::Context;
use super::create::{Args, refuse_if_taken};
use super::{connect, plan};

/// An export that is to be split, and what it is split into.
pub(super) struct Splitting {
    manifest: Manifest<S3Export>,
    split: Split,
}

/// One of the jobs, as it is printed.
#[derive(Serialize)]
struct Part {
    disk: u64,
    job_id: String,
    objects: u64,
    bytes: u64,
    too_large: u64,
    signature_file_contents: String,
    warning_message: Option<String>,
    /// Where its SIGNATURE was written.
    written: Option<PathBuf>,
}

#[derive(Serialize)]
struct Created {
    validate_only: bool,
    jobs: Vec<Part>,
}

/// Whether the text is an export that asks to be split. What is wrong with a manifest the server says.
pub(super) fn asked(text: &str, job_type: JobType) -> Option<Splitting> {
    if job_type != JobType::Export {
        return None;
    }
    let manifest = manifest::read(text, job_type).ok()?.manifest;
    let split = manifest.extensions.split?;
    let manifest = manifest.into_s3_export().ok()?;
    Some(Splitting { manifest, split })
}

/// Plans the devices and creates a job for each; if one is refused, none is left.
pub(super) async fn run(
    args: &Args,
    ctx: &Context,
    text: &str,
    splitting: Splitting,
) -> anyhow::Result<Exit> {
    if args.device.is_some() || args.curl.print_curl {
        let refused = anyhow!("an export with `split` is more than one job").context(Hint(
            "give --signature-file PATH: PATH.1, PATH.2 … are written".into(),
        ));
        output::error(&refused);
        return Ok(Exit::Refused);
    }
    let Splitting { manifest, split } = splitting;
    let client = plan::client(
        args.s3_endpoint.as_deref(),
        args.aws.profile.as_deref(),
        ctx,
    )?;
    let disks = plan::plan(manifest, split.bytes, client).await?;
    if disks.len() as u64 > u64::from(split.devices) {
        let (needed, size) = (disks.len(), output::bytes(split.bytes));
        let refused = anyhow!(
            "the export needs {needed} devices of {size}, and `split` allows {}; no job was created",
            split.devices
        )
        .context(Hint("`packhorse job plan` says what each would hold".into()));
        output::error(&refused);
        return Ok(Exit::Refused);
    }
    let parts = disks.iter().map(|disk| {
        part_manifest(text, &disk.operations).ok_or_else(|| {
            anyhow!("the places of `operations` and `split` in the manifest cannot be told")
                .context(Hint(
                    "write each member of `operations` and `packhorse` in a line of its own".into(),
                ))
        })
    });
    let manifests: Vec<String> = parts.collect::<anyhow::Result<_>>()?;
    let api = connect(&args.aws, ctx)?;
    for disk in &disks {
        if let Some(path) = signature_path(args, disk.number) {
            refuse_if_taken(&api, &path).await?;
        }
    }
    let mut created = Created {
        validate_only: args.validate_only,
        jobs: Vec::new(),
    };
    for (disk, manifest) in disks.into_iter().zip(manifests) {
        match create(args, &api, disk, manifest).await {
            Ok(part) => created.jobs.push(part),
            Err(error) => {
                cancel(&api, &created).await;
                return Err(error);
            }
        }
    }
    output::print(args.output.output, &created, text_of)?;
    Ok(Exit::Success)
}

fn signature_path(args: &Args, disk: u64) -> Option<PathBuf> {
    let mut name = args.signature_file.clone()?.into_os_string();
    name.push(format!(".{disk}"));
    Some(name.into())
}

async fn create(args: &Args, api: &Api, disk: DiskPlan, manifest: String) -> anyhow::Result<Part> {
    let request = CreateJob {
        job_type: JobType::Export,
        manifest,
        manifest_addendum: None,
        validate_only: args.validate_only,
        api_version: None,
    };
    let what = || format!("create the job of disk {}", disk.number);
    let job = api.call(&request).await.with_context(what)?;
    let written = match signature_path(args, disk.number) {
        Some(path) => Some(signature::write_file(&path, &job.signature_file_contents)),
        None => None,
    };
    let mut part = Part {
        disk: disk.number,
        job_id: job.job_id,
        objects: disk.objects,
        bytes: disk.bytes,
        too_large: disk.too_large,
        signature_file_contents: job.signature_file_contents,
        warning_message: job.warning_message,
        written: None,
    };
    match written.transpose() {
        Ok(written) => part.written = written,
        Err(error) => {
            withdraw(api, &part.job_id).await;
            return Err(error);
        }
    }
    Ok(part)
}

/// Half of an export is of no use: the jobs that were made go again.
async fn cancel(api: &Api, created: &Created) {
    if !created.validate_only {
        for part in &created.jobs {
            withdraw(api, &part.job_id).await;
        }
    }
}

async fn withdraw(api: &Api, job_id: &str) {
    let request = CancelJob {
        job_id: job_id.to_owned(),
        api_version: None,
    };
    match api.call(&request).await {
        Ok(_) => output::say(&format!("job {job_id} was canceled again")),
        Err(error) => output::say(&format!(
            "job {job_id} was created and could not be canceled: {}",
            output::visible(&error.to_string())
        )),
    }
}

fn text_of(created: &Created) -> String {
    let mut lines = Vec::new();
    for part in &created.jobs {
        let verb = match created.validate_only {
            true => "MANIFEST VALID   ",
            false => "JOB CREATED      ",
        };
        lines.push(format!(
            "{verb} {}  disk {}: {} objects, {}",
            part.job_id,
            part.disk,
            part.objects,
            output::bytes(part.bytes)
        ));
        if part.too_large > 0 {
            lines.push(format!(
                "warning           {} of its objects are too large for any such disk",
                part.too_large
            ));
        }
        if let Some(warning) = part.warning_message.as_ref().filter(|_| part.disk == 1) {
            lines.push(format!("warning           {}", output::visible(warning)));
        }
        match &part.written {
            Some(path) => {
                let path = output::visible(&path.display().to_string());
                lines.push(format!("SIGNATURE         {path}"));
            }
            None if created.validate_only => {}
            None => lines.push(output::visible(&part.signature_file_contents)),
        }
    }
    lines.join("\n")
}
