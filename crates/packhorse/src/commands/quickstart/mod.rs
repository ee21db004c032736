//! `packhorse quickstart`: the main job, whole, in one process, on the user's own files.
//!
//! Everything in it is the real thing: a server and an object store on TCP ports, a signed
//! CreateJob, a SIGNATURE, a station that speaks HTTP to the desk and S3 to the store.

mod device;
mod place;
mod proof;
mod report;
mod sample;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use packhorse_core::job::JobType;
use packhorse_media::Unlock;
use packhorse_objects::client::Client;
use packhorse_station::{DeviceIdPolicy, LoadRequest, Station, Workers};
use packhorse_store::AccessKey;
use packhorse_transfer::{Limits, Throttle};
use packhorse_wire::actions::{CreateJob, CreateJobAnswer};
use packhorse_wire::desk;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::aws::Access;
use crate::clock;
use crate::config::{self, Config, Environment};
use crate::exit::Exit;
use crate::loading::{self, Loaded};
use crate::manifest_file;
use crate::output::{self, OutputArgs};
use crate::serving::Serving;
use crate::signal::StopSignals;
use crate::worker;

use super::Context;
use device::Device;
use place::Place;
use proof::Proof;
use report::Report;

/// Account, bucket and station are all called this.
const NAME: &str = "quickstart";
/// A store in the same process that is silent this long will not come back.
const RETRY_FOR: Duration = Duration::from_secs(30);
/// In every signature here.
const REGION: &str = "us-east-1";

/// See the whole thing work: a folder, image or disk becomes objects in a real S3 store
///
/// Starts a server, an object store and a station in one process on free loopback ports, creates an
/// account and a bucket, creates a job with a signed CreateJob, loads the device, verifies every file
/// against the store and reads the report back from the bucket.
///
/// PATH is a folder, an image file or a block device of your own; it is only read. Because nothing is
/// written to it, its SIGNATURE file is handed to the station beside it. Without PATH a sample is made
/// and loaded, with the SIGNATURE in its root as on every shipped disk; its manifest uses every option
/// that becomes a header, and each of these headers is read back from the store and shown.
///
/// Configuration files and PACKHORSE_* variables have no influence. Ends with 0 when every file was
/// stored and verified, 3 when some files failed (their rows are shown).
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse quickstart
  packhorse quickstart /mnt/photos
  packhorse quickstart disk.img --keep ./packhorse-data
  packhorse quickstart ~/Documents --serve")]
pub(crate) struct Args {
    /// Folder, image file or block device to load; default: a sample
    path: Option<PathBuf>,
    /// Keep manifest, objects, ledger and report.csv in this folder, which must be new or empty;
    /// default: a temporary folder, removed at the end
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Stay up afterwards, until Ctrl-C, and print what boto3 needs to look around
    #[arg(long)]
    serve: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed at the end.
#[derive(Serialize)]
struct Summary {
    #[serde(flatten)]
    loaded: Loaded,
    rows: u64,
    bucket: &'static str,
    objects: u64,
    verified: bool,
    api: String,
    s3: String,
    kept: Option<PathBuf>,
    report: Option<PathBuf>,
    /// The headers that prove the options of the sample's manifest; none for the user's own files.
    proofs: Vec<Proof>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let place = Arc::new(Place::open(args.keep.as_deref(), &ctx.environment)?);
    let workers = worker::workers(&config::Station::default(), &ctx.environment)?;
    let stop = CancellationToken::new();
    let result = {
        let mut story = std::pin::pin!(tell(&args, &place, &workers, &stop));
        tokio::select! {
            result = &mut story => result,
            () = signals.received() => {
                output::say("stopping; a second signal ends at once");
                stop.cancel();
                tokio::select! {
                    result = &mut story => result,
                    () = signals.received() => Ok(Exit::Failed),
                }
            }
        }
    };
    if let Some(place) = Arc::into_inner(place) {
        place.close()?;
    }
    result
}

/// The whole story, from the device to the report.
async fn tell(
    args: &Args,
    place: &Arc<Place>,
    workers: &Workers,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let device = choose(args.path.clone(), Arc::clone(place)).await?;
    step("device", &device.to_string());

    let serving = start_server(place).await?;
    let told = tell_with_server(args, (place, workers), &device, &serving, stop).await;
    if let (Ok((_, key)), true, false) = (&told, args.serve, stop.is_cancelled()) {
        output::data(&look_around(&serving, key, place))?;
        stop.cancelled().await;
    }
    serving.stop().await?;
    told.map(|(exit, _)| exit)
}

async fn tell_with_server(
    args: &Args,
    (place, workers): (&Place, &Workers),
    device: &Device,
    serving: &Serving,
    stop: &CancellationToken,
) -> anyhow::Result<(Exit, AccessKey)> {
    let key = serving
        .storage()
        .store
        .create_account(NAME, None, clock::now())
        .await?;
    step("account", &format!("{NAME}, access key {}", key.id));
    let store = object_store(serving, &key)?;
    store
        .create_bucket(NAME)
        .await
        .context("create the bucket")?;
    step("bucket", &format!("s3://{NAME}"));

    let job = create_job(serving, &key, place, device).await?;
    step(
        "job",
        &format!(
            "{} created from {}",
            job.job_id,
            manifest_path(place).display()
        ),
    );
    let (signature, request) = device.sign(&job.signature_file_contents, place)?;
    step("SIGNATURE", &signature.display().to_string());

    let loaded = load(serving, place, workers, &request, stop).await?;
    step(
        "loaded",
        "every stored file was confirmed by the store and compared with its listing",
    );
    let path = place.path("report.csv");
    let fetched = report::fetch(&store, &loaded.log_bucket, &loaded.log_key, &path).await;
    fetched.context("fetch the report from the bucket")?;
    let report = Report::read(&path).context("read the report")?;
    let objects = report::count_objects(&store, NAME)
        .await
        .context("list the bucket")?;
    report
        .check(&loaded, objects)
        .context("compare report, station and bucket")?;

    let proofs = match device.is_sample() {
        true => {
            let bucket = format!("{}/{NAME}", serving.s3().unwrap_or_default());
            let proofs = proof::prove(&bucket, &loaded.log_key).await;
            proofs.context("compare the headers with the manifest")?
        }
        false => Vec::new(),
    };

    let exit = loaded.exit();
    let summary = Summary {
        rows: report.rows(),
        bucket: NAME,
        objects,
        verified: exit == Exit::Success,
        api: serving.api().to_owned(),
        s3: serving.s3().unwrap_or_default().to_owned(),
        kept: place.is_kept().then(|| place.root().to_owned()),
        report: place.is_kept().then_some(path),
        proofs,
        loaded,
    };
    output::print(args.output.output, &summary, |summary| {
        text(summary, &report, args.serve)
    })?;
    Ok((exit, key))
}

async fn choose(path: Option<PathBuf>, place: Arc<Place>) -> anyhow::Result<Device> {
    let choosing = move || Device::choose(path.as_deref(), &place);
    tokio::task::spawn_blocking(choosing)
        .await
        .context("look at the device")?
}

/// Server and embedded store on free ports.
async fn start_server(place: &Place) -> anyhow::Result<Serving> {
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config::default();
    config.server.data_dir = Some(place.path("data"));
    config.server.listen = free_port;
    config.server.s3_listen = free_port;
    let serving = Serving::start(&config, &Environment::default()).await?;
    let s3 = serving
        .s3()
        .ok_or_else(|| anyhow!("the embedded object store did not start"))?;
    step("server", serving.api());
    step("store", &format!("{s3} (S3, embedded)"));
    Ok(serving)
}

fn object_store(serving: &Serving, key: &AccessKey) -> anyhow::Result<Client> {
    let store = desk::ObjectStore {
        endpoint: serving.s3().unwrap_or_default().to_owned(),
        region: REGION.to_owned(),
        path_style: true,
    };
    let credentials = desk::Credentials {
        access_key_id: key.id.clone(),
        secret_access_key: key.secret.clone(),
    };
    Client::new(&store, &credentials).context("set up S3")
}

/// CreateJob over the signed wire, as `job create` does it.
async fn create_job(
    serving: &Serving,
    key: &AccessKey,
    place: &Place,
    device: &Device,
) -> anyhow::Result<CreateJobAnswer> {
    let mut manifest = manifest_file::minimal(NAME, NAME);
    if device.is_sample() {
        manifest.push_str(proof::OPTIONS);
    }
    let path = manifest_path(place);
    std::fs::write(&path, &manifest).with_context(|| format!("write {}", path.display()))?;
    let api = Api::new(Access {
        endpoint: serving.api().to_owned(),
        region: REGION.to_owned(),
        access_key_id: key.id.clone(),
        secret_access_key: key.secret.clone(),
    })?;
    let request = CreateJob {
        job_type: JobType::Import,
        manifest,
        manifest_addendum: None,
        validate_only: false,
        api_version: None,
    };
    api.call(&request).await.context("create the job")
}

fn manifest_path(place: &Place) -> PathBuf {
    place.path("manifest.yaml")
}

async fn load(
    serving: &Serving,
    place: &Place,
    workers: &Workers,
    request: &LoadRequest,
    stop: &CancellationToken,
) -> anyhow::Result<Loaded> {
    let station = Station {
        server: serving.api().to_owned(),
        key: serving
            .storage()
            .store
            .create_station(NAME, clock::now())
            .await?
            .key,
        state_dir: place.path("station"),
        limits: Limits {
            retry_for: RETRY_FOR,
            ..Limits::default()
        },
        device_id: DeviceIdPolicy::Ignore,
        unlock: Unlock::default(),
        throttle: Throttle::default(),
        workers: workers.clone(),
        clock: clock::now,
    };
    match loading::load(&station, request, stop).await {
        Ok(loaded) => Ok(loaded),
        Err(_) if stop.is_cancelled() => bail!("stopped before the load was complete"),
        Err(error) => Err(error).context("load the device"),
    }
}

/// One line of the story.
fn step(name: &str, text: &str) {
    output::say(&format!("{name:10}{}", output::visible(text)));
}

fn text(summary: &Summary, report: &Report, stays_up: bool) -> String {
    let verdict = match summary.loaded.failed {
        0 => "Every file was stored and verified.".to_owned(),
        1 => "One entry was not stored; its row is below.".to_owned(),
        failed => format!("{failed} entries were not stored; their rows are below."),
    };
    let mut text = format!(
        "\n{verdict}\n\n{}\nbucket    s3://{}: {} objects, the report among them\n\n{}\n",
        summary.loaded.to_text(),
        summary.bucket,
        summary.objects,
        report.to_text(),
    );
    if !summary.proofs.is_empty() {
        text.push_str(&format!("\n{}", proof::to_text(&summary.proofs)));
    }
    match (&summary.kept, stays_up) {
        (Some(kept), _) => text.push_str(&kept_text(kept, summary)),
        (None, true) => {}
        (None, false) => text.push_str(
            "\nThe data was temporary and is removed now. Next:\n  \
             packhorse quickstart PATH --keep DIR    keep objects, ledger and report\n  \
             packhorse quickstart PATH --serve       look at the objects with any S3 client\n  \
             packhorse --help                        run the parts yourself",
        ),
    }
    text.trim_end().to_owned()
}

fn kept_text(kept: &Path, summary: &Summary) -> String {
    let report = summary.report.as_deref().unwrap_or(Path::new(""));
    let [kept, report] = [kept, report].map(shown);
    format!(
        "\nKept in {kept}: data (database and objects), station (ledger), manifest.yaml, report.csv.\n\
         All {} rows: {}\n\
         Look at the objects again, with a new key:\n  \
           packhorse account rotate {NAME} --data-dir {kept}/data\n  \
           packhorse serve --data-dir {kept}/data\n",
        summary.rows, report,
    )
}

/// A path of the user's, which may have anything in its name.
fn shown(path: &Path) -> String {
    output::visible(&path.display().to_string()).replace('\n', "\\n")
}

/// What a customer needs, in the form that boto3 takes it.
fn look_around(serving: &Serving, key: &AccessKey, place: &Place) -> String {
    format!(
        "\nStaying up until Ctrl-C; data in {}.\n\n\
         export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY={}\n\
         export AWS_DEFAULT_REGION={REGION}\n\
         export AWS_ENDPOINT_URL_S3={}\n\
         export AWS_ENDPOINT_URL_IMPORTEXPORT={}\n\n\
         python3 -c 'import boto3; print(boto3.client(\"importexport\").list_jobs()[\"Jobs\"])'\n\
         aws s3 ls s3://{NAME} --recursive\n\
         packhorse job list",
        shown(place.root()),
        key.id,
        key.secret.expose(),
        serving.s3().unwrap_or_default(),
        serving.api(),
    )
}
