//! `packhorse station scan`: what is on the devices at hand.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use packhorse_station::{DeviceLook, Hardware, LoadError, VolumeLook, disks, look_at};
use serde::Serialize;

use super::Context;
use super::unlock::UnlockArgs;
use crate::exit::Exit;
use crate::output::{self, Hint, OutputArgs, bytes, table};
use crate::worker;

/// Show devices, their volumes, file systems and jobs, without mounting
///
/// Without DEVICE every disk of this machine that can be opened is shown. Nothing is written and
/// nothing is mounted. A volume with a SIGNATURE file shows the job that it names.
///
/// Ends with 0 when every device named has a volume that can be read, else with 4.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station scan
  packhorse station scan /dev/sdb disk.qcow2
  packhorse station scan disk.001 --output json")]
pub(super) struct Args {
    /// Folders, image files or block devices [default: the disks of this machine]
    #[arg(value_name = "DEVICE")]
    devices: Vec<PathBuf>,
    #[command(flatten)]
    unlock: UnlockArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Found {
    device: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_table: Option<String>,
    /// What the disk says of itself.
    hardware: Option<Hardware>,
    volumes: Vec<VolumeLook>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let config = ctx.config()?.station;
    let unlock = args.unlock.unlock(&config)?;
    let workers = worker::workers(&config, &ctx.environment)?;
    // A worker writes nothing for a look, and has no other place to write to.
    let scratch = tempfile::tempdir().context("make a temporary folder")?;
    let devices = match args.devices.as_slice() {
        [] => disks(Path::new("/")),
        named => named.to_vec(),
    };
    let mut found = Vec::new();
    for path in &devices {
        let look = look_at(&workers, path, scratch.path(), unlock.clone()).await;
        found.push(Found::new(path, look)?);
    }
    if found.is_empty() {
        output::say("no disks were found; name a folder, an image file or a block device");
    }
    let is_refused = !args.devices.is_empty() && found.iter().any(|found| found.error.is_some());
    output::print(args.output.output, &found, |found| text(found))?;
    Ok(if is_refused {
        Exit::Refused
    } else {
        Exit::Success
    })
}

impl Found {
    /// A device that cannot be read is a line of its own; a station that cannot start workers fails.
    fn new(path: &Path, look: Result<DeviceLook, LoadError>) -> anyhow::Result<Self> {
        let device = path.to_string_lossy().into_owned();
        let hardware = Hardware::of(path, Path::new("/"));
        match look {
            Ok(look) => Ok(Self {
                device,
                kind: Some(look.kind),
                size: look.size,
                partition_table: Some(look.partition_table),
                hardware,
                volumes: look.volumes,
                error: None,
            }),
            Err(LoadError::Device(error)) => Ok(Self {
                device,
                kind: None,
                size: hardware.as_ref().and_then(|it| it.size),
                partition_table: None,
                hardware,
                volumes: Vec::new(),
                error: Some(error.to_string()),
            }),
            Err(error) => {
                let hint = Hint(error.hint().to_owned());
                Err(anyhow::Error::from(error).context(hint))
            }
        }
    }
}

/// `WD Elements, serial WX31D45678, usb`.
fn words(hardware: &Hardware) -> Vec<String> {
    let serial = hardware.serial.as_ref();
    let serial = serial.map(|serial| format!("serial {serial}"));
    let bus = hardware.bus.map(str::to_owned);
    [hardware.model.clone(), serial, bus]
        .into_iter()
        .flatten()
        .collect()
}

fn text(found: &[Found]) -> String {
    let mut rows = Vec::new();
    for device in found {
        let size = |size: Option<u64>| size.map_or_else(String::new, bytes);
        let head = |what: String| {
            let device_size = size(device.size);
            [
                device.device.clone(),
                String::new(),
                device_size,
                what,
                String::new(),
            ]
        };
        let hardware = device.hardware.iter().flat_map(words);
        let hardware = hardware.collect::<Vec<_>>().join(", ");
        rows.push(match &device.error {
            Some(error) => head(error.clone()),
            None => head(format!(
                "{}, partition table: {}",
                device.kind.as_deref().unwrap_or_default(),
                device.partition_table.as_deref().unwrap_or_default()
            )),
        });
        if !hardware.is_empty() {
            let blank = String::new;
            rows.push([blank(), blank(), blank(), hardware, blank()]);
        }
        for volume in &device.volumes {
            rows.push([
                String::new(),
                volume.partition.to_string(),
                size(volume.size),
                match volume.readable {
                    true => match &volume.encryption {
                        Some(encryption) => format!("{} in {encryption}", volume.found),
                        None => volume.found.clone(),
                    },
                    false => format!("cannot be read: {}", volume.found),
                },
                volume.job.clone().unwrap_or_default(),
            ]);
        }
    }
    table(["DEVICE", "PARTITION", "SIZE", "FOUND", "JOB"], &rows)
}
