//! `packhorse job plan`: how many disks an export needs, before any is shipped.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use packhorse_core::id::JobId;
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Manifest, S3Export};
use packhorse_core::size;
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
    /// Size of each disk: 4TB, 500GB, 64GiB [default: that of the manifest's split]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    disk_size: Option<u64>,
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
    let manifest = reading.manifest.into_s3_export();
    let manifest = manifest.map_err(|kind| anyhow!("this is the manifest of an {kind}"))?;
    let split = manifest.extensions.split.map(|split| split.bytes);
    let size = args.disk_size.or(split).ok_or_else(|| {
        anyhow!("the size of the disks is not known").context(Hint(
            "give --disk-size 4TB, or write `packhorse: {split: 3 x 4TB}` into the manifest".into(),
        ))
    })?;
    let client = client(args.s3_endpoint.as_deref(), args.profile.as_deref(), ctx)?;
    let disks = plan(manifest, size, client).await?;
    let disks: Vec<Disk> = disks.into_iter().map(Disk::from).collect();
    output::print(args.output.output, &disks, |disks| table(disks))?;
    Ok(match disks.iter().all(|disk| disk.too_large == 0) {
        true => Exit::Success,
        false => Exit::FileErrors,
    })
}

/// The object store, with the user's own key.
pub(super) fn client(
    s3_endpoint: Option<&str>,
    profile: Option<&str>,
    ctx: &Context,
) -> anyhow::Result<Client> {
    let environment = &ctx.environment;
    let endpoint = s3_endpoint
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
        profile: profile.map(str::to_owned),
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

/// The disks of an export, in order. SIGINT ends it soon.
pub(super) async fn plan(
    manifest: Manifest<S3Export>,
    device_bytes: u64,
    client: Client,
) -> anyhow::Result<Vec<DiskPlan>> {
    let work_dir = tempfile::tempdir().context("make a folder for the plan")?;
    let job_id = JobId::parse(NO_JOB).map_err(|error| anyhow!("{error}"))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let mut working = tokio::task::spawn_blocking(move || {
        let plan = ExportPlan {
            export: &manifest.kind,
            device_bytes,
            is_encrypted: manifest.common.true_crypt_password.is_some(),
            client: &client,
            work_dir: work_dir.path(),
            limits: Limits::default(),
            meter: Meter::default(),
            stop: stopped,
            clock: clock::now,
        };
        let mut disks = Vec::new();
        plan.run(&job_id, |disk| disks.push(disk))?;
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

fn size(text: &str) -> Result<u64, String> {
    size::parse(text).ok_or_else(|| "write a size like 4TB, 500GB or 64GiB".to_owned())
}
