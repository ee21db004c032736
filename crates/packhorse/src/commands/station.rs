//! `packhorse station …`: the machine at the dock.

mod desk;
mod erase;
mod listing;
mod parcel;
mod place;
mod run;
mod scan;
mod unlock;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use jiff::tz::TimeZone;
use packhorse_core::id::JobId;
use packhorse_core::signature_file;
use packhorse_station::{LoadError, LoadRequest, Station, Unfinished};
use packhorse_transfer::{Limits, MEMORY_BYTES_MIN, Throttle};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{Config, Environment, Rate};
use crate::exit::Exit;
use crate::loading;
use crate::output::{self, Hint, OutputArgs};
use crate::signal::StopSignals;
use crate::worker;

use super::Context;

use unlock::UnlockArgs;
pub(crate) use unlock::read as read_password;

/// Ledgers of this station, below the user's state folder.
const STATE_FOLDER: &str = "packhorse/station";

/// Load devices at the dock, and look at them
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  export PACKHORSE_STATION_KEY=…
  packhorse station load /dev/sdb --server http://127.0.0.1:8080
  packhorse station run --devices '/srv/inbox/*.img'
  packhorse station resume --server http://127.0.0.1:8080
  packhorse station erase /dev/sdb --job 4K7PQ2XB
  packhorse station receive 4K7PQ2XB
  packhorse station return 4K7PQ2XB --carrier UPS --tracking-number 1Z999AA10123456784
  packhorse station scan
  packhorse station ls /dev/sdb:photos")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Load(LoadArgs),
    Run(run::Args),
    Resume(ResumeArgs),
    Erase(erase::Args),
    Receive(parcel::ReceiveArgs),
    Return(parcel::ReturnArgs),
    Abort(parcel::AbortArgs),
    Scan(scan::Args),
    Ls(listing::LsArgs),
    Cat(listing::CatArgs),
    #[command(hide = true)]
    Worker(WorkerArgs),
}

/// Read one device for a station, which starts this command and talks to it
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station load /dev/sdb    # starts one")]
struct WorkerArgs {}

impl Args {
    /// Whether this process reads one device and does nothing else.
    pub(super) fn is_worker(&self) -> bool {
        matches!(self.command, Command::Worker(_))
    }
}

/// Load one device into the object store and end
///
/// The device is a mounted folder, an image file or a block device; images and block devices are read
/// without mounting them. Its SIGNATURE file names the job; the server lends the job and the store's
/// credentials. Every entry of the device becomes one row of the report. Run again after a crash or
/// Ctrl-C, it goes on where it stopped.
///
/// An encrypted device is opened with the password that the customer gave, or with --unlock-from; name
/// its job with --job when its SIGNATURE is inside. When no password opens it, the job goes on waiting
/// and tells the customer why.
///
/// Ends with 0 when all is stored, 3 when some files failed (the report names them), 4 when the
/// device is refused (SIGNATURE, state of the job, no file system that can be read, locked), 1 when
/// it failed and may be tried again.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station load /dev/sdb --server http://127.0.0.1:8080 --station-key \"$KEY\"
  packhorse station load disk.img --server http://127.0.0.1:8080
  packhorse station load /mnt/disk --server http://127.0.0.1:8080 --job 4K7PQ2XB
  packhorse station load disk.img --server http://127.0.0.1:8080 --signature-file ./SIGNATURE
  packhorse station load /dev/sdb --server http://127.0.0.1:8080 --job 4K7PQ2XB --unlock-from prompt")]
struct LoadArgs {
    /// Folder, image file or block device
    device: PathBuf,
    /// The job that the parcel belongs to: a missing or wrong SIGNATURE then ends that job
    #[arg(long, value_name = "ID", value_parser = JobId::parse)]
    job: Option<JobId>,
    /// Take the SIGNATURE from this file, for a device that has it on paper instead of in its root
    #[arg(long, value_name = "FILE")]
    signature_file: Option<PathBuf>,
    /// Load only this volume of the device, counted from 1 among those that can be read; it goes
    /// before `packhorse: volume:` of the manifest
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    volume: Option<u32>,
    #[command(flatten)]
    station: StationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Finish the loads that a crash or a stop interrupted
///
/// Goes through the station's state folder. With --output json each load is one line.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station resume --server http://127.0.0.1:8080")]
struct ResumeArgs {
    #[command(flatten)]
    station: StationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Which station this is.
#[derive(clap::Args)]
struct StationArgs {
    #[command(flatten)]
    desk: desk::DeskArgs,
    /// Folder of the job ledgers [env: PACKHORSE_STATION__STATE_DIR] [default:
    /// ~/.local/state/packhorse/station]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Bytes of file contents in memory at once [env: PACKHORSE_STATION__MEMORY_BYTES] [default:
    /// 50331648]; at least 16 MiB. One part of a file larger than 10,000 times
    /// this may exceed it
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u64>,
    /// How fast contents may leave, all loads of this process together: 20MB/s, 100Mbit/s, or by the
    /// hour of this machine: "22:00-06:00 max, else 20MB/s" [env: PACKHORSE_STATION__LIMIT_RATE]
    #[arg(long, value_name = "RATE")]
    limit_rate: Option<Rate>,
    /// Requests with contents of files under way at once, at the most: how many there are follows what
    /// the store can take
    #[arg(long, value_name = "COUNT", default_value_t = 256,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Seconds that the object store or the server may be out of reach before the load stops
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    retry_for: u64,
    #[command(flatten)]
    unlock: UnlockArgs,
}

impl StationArgs {
    /// The station, as configuration and flags say.
    fn station(self, mut config: Config, environment: &Environment) -> anyhow::Result<Station> {
        let (server, key) = self.desk.resolve(&config)?;
        if let Some(path) = self.state_dir {
            config.station.state_dir = Some(path);
        }
        if let Some(bytes) = self.memory_bytes {
            config.station.memory_bytes = bytes;
        }
        if let Some(rate) = self.limit_rate {
            config.station.limit_rate = Some(rate);
        }
        let config = config.station;
        if config.memory_bytes < MEMORY_BYTES_MIN {
            return Err(anyhow!(
                "{} bytes of memory are too few: a file of up to {MEMORY_BYTES_MIN} is sent as a whole",
                config.memory_bytes
            )
            .context(Hint(format!("give --memory-bytes {MEMORY_BYTES_MIN} or more"))));
        }
        let unlock = self.unlock.unlock(&config)?;
        let workers = worker::workers(&config, environment)?;
        let state_dir = config
            .state_dir
            .or_else(|| Some(environment.state_home()?.join(STATE_FOLDER)))
            .ok_or_else(|| anyhow!("no state folder is configured: give --state-dir DIR"))?;
        Ok(Station {
            server,
            key,
            state_dir,
            limits: Limits {
                memory_bytes: config.memory_bytes,
                connections: usize::from(self.connections),
                retry_for: Duration::from_secs(self.retry_for),
            },
            device_id: config.device_id,
            unlock,
            workers,
            throttle: match &config.limit_rate {
                Some(rate) => Throttle::new(rate.plan(), clock::now, TimeZone::system()),
                None => Throttle::default(),
            },
            clock: clock::now,
        })
    }
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    match args.command {
        Command::Load(args) => load(args, ctx).await,
        Command::Resume(args) => resume(args, ctx).await,
        Command::Run(args) => run::run(args, ctx).await,
        Command::Erase(args) => erase::run(args, ctx).await,
        Command::Receive(args) => parcel::receive(args, ctx).await,
        Command::Return(args) => parcel::send_back(args, ctx).await,
        Command::Abort(args) => parcel::abort(args, ctx).await,
        Command::Scan(args) => scan::run(args, ctx).await,
        Command::Ls(args) => listing::ls(&args, ctx),
        Command::Cat(args) => listing::cat(&args, ctx),
        Command::Worker(_) => anyhow::bail!("a worker begins before the others"),
    }
}

async fn load(args: LoadArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let station = args.station.station(ctx.config()?, &ctx.environment)?;
    let signature_file = match &args.signature_file {
        Some(path) => {
            let read = read_signature(path);
            Some(read.with_context(|| format!("read SIGNATURE from {}", path.display()))?)
        }
        None => None,
    };
    let request = LoadRequest {
        job_id: args.job,
        signature_file,
        volume: args.volume,
        ..LoadRequest::new(args.device)
    };
    let stop = CancellationToken::new();
    until_second_signal(&stop, load_one(&station, &request, args.output, &stop)).await
}

async fn resume(args: ResumeArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let station = args.station.station(ctx.config()?, &ctx.environment)?;
    let unfinished = station.unfinished()?;
    if unfinished.is_empty() {
        output::say("there is nothing to resume");
    }
    let stop = CancellationToken::new();
    until_second_signal(&stop, resume_all(&station, unfinished, args.output, &stop)).await
}

async fn resume_all(
    station: &Station,
    unfinished: Vec<Result<Unfinished, LoadError>>,
    args: OutputArgs,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    let mut exits = Vec::new();
    for load in unfinished {
        let load = match load {
            Ok(load) => load,
            Err(error) => {
                output::error(&error.into());
                exits.push(Exit::Failed);
                continue;
            }
        };
        output::say(&format!(
            "resuming job {} from {}",
            load.job_id,
            output::path(&load.device)
        ));
        let request = load.request();
        // One device that is gone must not keep the others waiting.
        exits.push(match load_one(station, &request, args, stop).await {
            Ok(exit) => exit,
            Err(error) if stop.is_cancelled() => return Err(error),
            Err(error) => {
                output::error(&error);
                Exit::Failed
            }
        });
    }
    Ok(worst(&exits))
}

/// The exit code for several loads: what may be tried again counts most, then what was refused.
fn worst(exits: &[Exit]) -> Exit {
    let order = [Exit::Failed, Exit::Refused, Exit::FileErrors];
    order
        .into_iter()
        .find(|exit| exits.contains(exit))
        .unwrap_or(Exit::Success)
}

async fn load_one(
    station: &Station,
    request: &LoadRequest,
    args: OutputArgs,
    stop: &CancellationToken,
) -> anyhow::Result<Exit> {
    match loading::load(station, request, stop).await {
        Ok(loaded) => {
            output::print(args.output, &loaded, loading::Loaded::to_text)?;
            Ok(loaded.exit())
        }
        Err(error) => loading::refused_or_failed(error),
    }
}

/// The text of a SIGNATURE that lies elsewhere than on the device; its contents are the desk's to
/// judge.
fn read_signature(path: &std::path::Path) -> anyhow::Result<String> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > signature_file::BYTES_MAX as u64 {
        anyhow::bail!("it has {bytes} bytes, which no SIGNATURE file has");
    }
    Ok(std::fs::read_to_string(path)?)
}

/// Runs a load. A signal cancels `stop`: the load ends soon, to be resumed. A second signal ends it
/// at once, which loses nothing either.
async fn until_second_signal(
    stop: &CancellationToken,
    load: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let mut load = std::pin::pin!(load);
    tokio::select! {
        result = &mut load => return result,
        () = signals.received() => {}
    }
    output::say("stopping; `packhorse station resume` goes on; a second signal ends at once");
    stop.cancel();
    tokio::select! {
        result = &mut load => result,
        () = signals.received() => Ok(Exit::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_loads_decides() {
        assert_eq!(worst(&[]), Exit::Success);
        assert_eq!(worst(&[Exit::Success, Exit::FileErrors]), Exit::FileErrors);
        assert_eq!(worst(&[Exit::Refused, Exit::FileErrors]), Exit::Refused);
        assert_eq!(
            worst(&[Exit::Refused, Exit::Failed, Exit::Success]),
            Exit::Failed
        );
    }
}
