//! `packhorse device check`: what a load would do, before the disk is shipped.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Manifest, Problem, S3Import};
use packhorse_media::{MediaError, Unlock};
use packhorse_station::{Identified, identify};
use packhorse_transfer::{Check, Checked, Error as TransferError, Meter, Stage};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::output::{self, Bar, Format, Hint, OutputArgs, ProblemPrinted, Source};
use crate::signal::StopSignals;
use crate::{clock, manifest_file};

use super::super::station::read_password;
use super::rate::Rate;
use super::rehearsal::Rehearsal;

/// Find out what a load of a disk would do, without a server or a store
///
/// Lists the whole disk and gives every file its key as a load does, and reports how much would be
/// stored, what is ignored and by which pattern, and what would fail: keys that are too long or
/// collide, names that are not UTF-8, links and special files. Files are not read unless --read is
/// given. The plan is kept in a temporary file (some 400 bytes per entry), not in memory.
///
/// Ends with 0 when a load would store everything, 3 when some files would fail, and 4 when manifest
/// or disk would be refused.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse device check /mnt/disk --manifest manifest.yaml
  packhorse device check disk.img --manifest manifest.yaml --read --rate 100MB/s
  sudo packhorse device check /dev/sdb --manifest manifest.yaml --output json")]
pub(super) struct Args {
    /// The device: a folder, an image file or a block device
    path: PathBuf,
    /// File with the manifest of the import job (YAML), or - for standard input
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Read every byte too, as a load does: finds what cannot be read, and takes as long
    #[arg(long)]
    read: bool,
    /// Say how long the load takes at this speed: 100MB/s, 1Gbit/s, 500files/s; may be repeated
    #[arg(long = "rate", value_name = "SPEED", default_values = ["30MiB/s", "100MiB/s"])]
    rates: Vec<Rate>,
    /// Show so many files of each kind of failure; with 0 they are only counted
    #[arg(long, value_name = "COUNT", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    examples: u32,
    /// Show the keys and headers of so many files, spread over the disk
    #[arg(long, value_name = "COUNT", default_value_t = 3,
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    sample: u32,
    /// Folder for the temporary plan [default: the system's]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Open encrypted volumes with the password in this file; - reads it from standard input, prompt
    /// asks for it
    #[arg(long, value_name = "FILE|prompt")]
    unlock_from: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Why a load would not even begin.
struct Refusal {
    error: anyhow::Error,
    problems: Vec<Problem>,
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        let problems = Vec::new();
        Self { error, problems }
    }
}

/// The outer error is a failure of the check, the inner one its result.
type Found<T> = anyhow::Result<Result<T, Refusal>>;

pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let text = manifest_file::read_bytes(&args.manifest)?;
    let (manifest, warnings) = match read_manifest(&text) {
        Ok(read) => read,
        Err(refusal) => return refuse(&args, &text, refusal),
    };
    if args.output.output == Format::Text && !warnings.is_empty() {
        output::say(&Source::new(&args.manifest, &text).report(&warnings));
    }
    let bucket = manifest.kind.bucket.to_string();
    match rehearse(&args, manifest).await? {
        Ok((device, checked)) => {
            let rehearsal = Rehearsal::new(&bucket, &device, &checked, &warnings, &args.rates);
            output::print(args.output.output, &rehearsal, Rehearsal::to_text)?;
            Ok(match checked.counts.failed {
                0 => Exit::Success,
                _ => Exit::FileErrors,
            })
        }
        Err(refusal) => refuse(&args, &text, refusal),
    }
}

fn refuse(args: &Args, text: &[u8], refusal: Refusal) -> anyhow::Result<Exit> {
    let Refusal { error, problems } = refusal;
    match args.output.output {
        Format::Json => output::json(&serde_json::json!({
            "outcome": "refused",
            "reason": format!("{error:#}"),
            "manifest_problems": ProblemPrinted::all(&problems),
        }))?,
        Format::Text if problems.is_empty() => {}
        Format::Text => output::data(&Source::new(&args.manifest, text).report(&problems))?,
    }
    output::error(&error);
    Ok(Exit::Refused)
}

/// Valid, but no files of a device become objects.
fn of_another_kind(kind: &str) -> Refusal {
    let error = anyhow!("this is a manifest for another kind of job: {kind}");
    let hint = "only S3 imports can be rehearsed: their manifests have `bucket` and `eraseDevice` \
                (`packhorse manifest new --type import`)";
    error.context(Hint(hint.into())).into()
}

fn read_manifest(text: &[u8]) -> Result<(Manifest<S3Import>, Vec<Problem>), Refusal> {
    let read =
        manifest::read(text, JobType::Import).map_err(
            |problems| match manifest_file::other_type(text, JobType::Import) {
                Some(_) => of_another_kind("S3 export"),
                None => Refusal {
                    error: anyhow!("the manifest would be refused"),
                    problems,
                },
            },
        )?;
    let kind = read.manifest.kind.name();
    let manifest = read.manifest.into_s3_import();
    let manifest = manifest.map_err(|_| of_another_kind(&kind.to_string()))?;
    Ok((manifest, read.warnings))
}

/// Works on a thread of its own, with its progress on the screen; SIGINT ends it soon.
async fn rehearse(args: &Args, manifest: Manifest<S3Import>) -> Found<(Identified, Checked)> {
    let work_dir = match &args.work_dir {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .context("make a folder for the plan")?;
    let unlock = unlock(args.unlock_from.as_deref())?;
    let (meter, stop) = (Meter::default(), CancellationToken::new());
    let path = args.path.clone();
    let (read, examples, samples) = (args.read, args.examples, args.sample);
    let (numbers, stopped) = (meter.clone(), stop.clone());
    let working = tokio::task::spawn_blocking(move || {
        let device = match identify(&path, &unlock) {
            Ok(device) => device,
            Err(error) => return unreadable(error),
        };
        let check = Check {
            volumes: device.source_volumes(manifest.extensions.volume),
            manifest: Arc::new(manifest),
            read,
            examples,
            samples,
            meter: numbers,
            stop: stopped,
            clock: clock::now,
        };
        match check.run(work_dir.path()) {
            Ok(checked) => Ok(Ok((device, checked))),
            Err(TransferError::Media(error)) => unreadable(error),
            Err(error) if error.is_of_the_device() => Ok(Err(anyhow::Error::from(error).into())),
            Err(error) => Err(error.into()),
        }
    });
    watched(working, &meter, &stop).await?
}

/// A path that is mistyped or closed to us says nothing about the device.
fn unreadable<T>(error: MediaError) -> Found<T> {
    match error {
        MediaError::NotFound(_) | MediaError::Denied(_) => Err(error.into()),
        MediaError::Unsupported(_)
        | MediaError::Damaged(_)
        | MediaError::Locked(_)
        | MediaError::Io(_) => {
            let refused = anyhow::Error::from(error).context("the device would be refused");
            Ok(Err(refused.into()))
        }
    }
}

/// The password, if one is given, within the usual limits.
pub(super) fn unlock(from: Option<&str>) -> anyhow::Result<Unlock> {
    let password = from.map(read_password).transpose()?;
    Ok(Unlock {
        is_expected: password.is_some(),
        passwords: password.into_iter().collect(),
        ..Unlock::default()
    })
}

/// Shows what the work has come to, and stops it on a signal.
pub(super) async fn watched<T>(
    working: tokio::task::JoinHandle<T>,
    meter: &Meter,
    stop: &CancellationToken,
) -> anyhow::Result<T> {
    let mut signals = StopSignals::listen()?;
    let mut bar = Bar::start();
    let mut working = std::pin::pin!(working);
    let mut tick = tokio::time::interval(crate::loading::TICK);
    let worked = loop {
        tokio::select! {
            worked = &mut working => break worked,
            () = signals.received() => stop.cancel(),
            _ = tick.tick(), if output::on_terminal() => show(&mut bar, meter),
        }
    };
    bar.finish();
    worked.context("check the device")
}

fn show(bar: &mut Bar, meter: &Meter) {
    let counts = meter.counts();
    match meter.stage() {
        Stage::Listing => bar.phase(&format!(
            "listing: {} entries, {}",
            counts.listed,
            output::bytes(counts.listed_bytes)
        )),
        Stage::Loading | Stage::Verifying | Stage::Reporting => bar.phase(&format!(
            "reading: {} of {}",
            output::bytes(meter.sent_bytes()),
            output::bytes(counts.listed_bytes)
        )),
    }
}
