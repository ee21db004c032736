//! `packhorse job plan`: how many disks an export needs, before any is shipped.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use packhorse_core::id::JobId;
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, S3Export};
use packhorse_objects::client::Client;
use packhorse_transfer::{DiskPlan, ExportPlan, Limits, Meter};
use packhorse_wire::desk::{Credentials, ObjectStore};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::aws::{Access, AwsArgs};
use crate::exit::Exit;
use crate::output::{self, Format, Hint, OutputArgs, ProblemPrinted, Source};
use crate::signal::StopSignals;
use crate::{clock, manifest_file};

use super::super::Context;

/// The plan belongs to no job.
const NO_JOB: &str = "11111111";

/// Tell how many disks an export needs, and with which key each begins
///
/// Lists the buckets of an export manifest with your own key, and fills disks of the given size in the
/// order of the export, counting what the file system itself takes. Nothing is created. One job and
/// one disk hold one line; the manifest for each further disk comes with the report of the one before.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse job plan export.yaml --disk-size 4TB --s3-endpoint http://127.0.0.1:9000
  packhorse job plan export.yaml --disk-size 500GiB --output json | jq length")]
pub(super) struct Args {
    /// File with the manifest of the export (YAML), or - for standard input
    manifest: PathBuf,
    /// Size of each disk: 4TB, 500GB, 64GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    disk_size: u64,
    /// URL of the object store [env: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL]
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<String>,
    /// Profile of ~/.aws/credentials and ~/.aws/config [env: AWS_PROFILE]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// One disk, as it is printed.
#[derive(Serialize)]
struct Disk {
    disk: u64,
    objects: u64,
    bytes: u64,
    recovered: u64,
    too_large: u64,
    first_bucket: Option<String>,
    first_key: Option<String>,
}

impl From<DiskPlan> for Disk {
    fn from(plan: DiskPlan) -> Self {
        let (first_bucket, first_key) = plan.first.unzip();
        Self {
            disk: plan.number,
            objects: plan.objects,
            bytes: plan.bytes,
            recovered: plan.recovered,
            too_large: plan.too_large,
            first_bucket,
            first_key,
        }
    }
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let text = manifest_file::read_bytes(&args.manifest)?;
    let reading = match manifest::read(&text, JobType::Export) {
        Ok(reading) => reading,
        Err(problems) => {
            match args.output.output {
                Format::Json => output::json(&ProblemPrinted::all(&problems))?,
                Format::Text => {
                    output::data(&Source::new(&args.manifest, &text).report(&problems))?
                }
            }
            output::error(&anyhow!("the manifest would be refused"));
            return Ok(Exit::Refused);
        }
    };
    let export = reading.manifest.into_s3_export();
    let export = export
        .map_err(|kind| anyhow!("this is the manifest of an {kind}"))?
        .kind;
    let client = client(&args, ctx)?;
    let disks = plan(&args, export, client).await?;
    output::print(args.output.output, &disks, |disks| table(disks))?;
    Ok(match disks.iter().all(|disk| disk.too_large == 0) {
        true => Exit::Success,
        false => Exit::FileErrors,
    })
}

fn client(args: &Args, ctx: &Context) -> anyhow::Result<Client> {
    let environment = &ctx.environment;
    let endpoint = args
        .s3_endpoint
        .as_deref()
        .or_else(|| environment.get("AWS_ENDPOINT_URL_S3"))
        .or_else(|| environment.get("AWS_ENDPOINT_URL"))
        .ok_or_else(|| {
            anyhow!("no object store is named").context(Hint(
                "give --s3-endpoint URL or set AWS_ENDPOINT_URL_S3; `packhorse serve` prints it \
                 when it has a store of its own"
                    .into(),
            ))
        })?;
    let aws = AwsArgs {
        endpoint: Some(endpoint.to_owned()),
        profile: args.profile.clone(),
    };
    let access = Access::find(&aws, environment)?;
    let store = ObjectStore {
        endpoint: access.endpoint,
        region: access.region,
        path_style: true,
    };
    let credentials = Credentials {
        access_key_id: access.access_key_id,
        secret_access_key: access.secret_access_key,
    };
    Client::new(&store, &credentials).context("use the object store")
}

async fn plan(args: &Args, export: S3Export, client: Client) -> anyhow::Result<Vec<Disk>> {
    let work_dir = tempfile::tempdir().context("make a folder for the plan")?;
    let job_id = JobId::parse(NO_JOB).map_err(|error| anyhow!("{error}"))?;
    let stop = CancellationToken::new();
    let (stopped, device_bytes) = (stop.clone(), args.disk_size);
    let mut working = tokio::task::spawn_blocking(move || {
        let plan = ExportPlan {
            export: &export,
            device_bytes,
            client: &client,
            work_dir: work_dir.path(),
            limits: Limits::default(),
            meter: Meter::default(),
            stop: stopped,
            clock: clock::now,
        };
        let mut disks = Vec::new();
        plan.run(&job_id, |disk| disks.push(Disk::from(disk)))?;
        Ok::<_, packhorse_transfer::Error>(disks)
    });
    let mut signals = StopSignals::listen()?;
    let planned = tokio::select! {
        planned = &mut working => planned,
        () = signals.received() => {
            stop.cancel();
            working.await
        }
    };
    planned
        .context("plan the export")?
        .context("plan the export")
}

fn table(disks: &[Disk]) -> String {
    let line = |disk: &Disk| {
        let first = disk.first_bucket.iter().zip(&disk.first_key).next();
        let first = first.map_or_else(
            || "nothing".to_owned(),
            |(bucket, key)| format!("{bucket}/{key}"),
        );
        let mut line = format!(
            "disk {}  {} objects, {}, from {}",
            disk.disk,
            disk.objects,
            output::bytes(disk.bytes),
            output::visible(&first)
        );
        if disk.recovered > 0 {
            line.push_str(&format!("; {} in the recovery directory", disk.recovered));
        }
        if disk.too_large > 0 {
            line.push_str(&format!(
                "; {} are too large for any such disk",
                disk.too_large
            ));
        }
        line
    };
    disks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A number of bytes: digits, perhaps a fraction, and a unit.
fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 11] = [
        ("", 1.0),
        ("b", 1.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("tb", 1e12),
        ("kib", 1024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("tib", 1_099_511_627_776.0),
        ("pb", 1e15),
    ];
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: Option<f64> = number.parse().ok();
    let unit = UNITS
        .iter()
        .find(|(name, _)| unit.trim().eq_ignore_ascii_case(name));
    match number.zip(unit) {
        Some((number, (_, unit))) if number * unit >= 1.0 => Ok((number * unit) as u64),
        _ => Err("write a size like 4TB, 500GB or 64GiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, bytes) in [
            ("4TB", 4_000_000_000_000),
            ("1.5 GiB", 3 << 29),
            ("512", 512),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "TB", "0", "-1GB", "4 parsecs", "1.2.3GB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
