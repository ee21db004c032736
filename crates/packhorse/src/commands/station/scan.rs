//! `packhorse station scan`: what is on the devices at hand.

use std::path::{Path, PathBuf};

use packhorse_core::signature_file::{BYTES_MAX, FILE_NAME, SignatureFile};
use packhorse_media::{Device, Unlock, Volume, read_root_file};
use packhorse_station::Hardware;
use serde::Serialize;

use super::Context;
use super::place;
use super::unlock::UnlockArgs;
use crate::exit::Exit;
use crate::output::{self, OutputArgs, bytes, table};

/// Where the kernel lists its disks.
const DISKS: &str = "/sys/block";
/// Disks in memory and loops, which no parcel holds, unless named.
const NOT_SHIPPED: [&str; 5] = ["loop", "ram", "zram", "dm-", "md"];

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
    kind: Option<&'static str>,
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partition_table: Option<&'static str>,
    /// What the disk says of itself.
    hardware: Option<Hardware>,
    volumes: Vec<FoundVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct FoundVolume {
    partition: u32,
    offset: u64,
    size: Option<u64>,
    /// The file system, or what was found in its place.
    found: String,
    /// What it was encrypted with, once opened.
    encryption: Option<&'static str>,
    readable: bool,
    /// Whether a password may make it readable.
    locked: bool,
    job: Option<String>,
}

pub(super) fn run(args: &Args, ctx: &Context) -> anyhow::Result<Exit> {
    let unlock = args.unlock.unlock(&ctx.config()?.station)?;
    let devices = match args.devices.as_slice() {
        [] => disks(),
        named => named.to_vec(),
    };
    let found: Vec<_> = devices.iter().map(|path| look(path, &unlock)).collect();
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

fn disks() -> Vec<PathBuf> {
    let listed = std::fs::read_dir(DISKS).into_iter().flatten().flatten();
    let mut names: Vec<_> = listed
        .filter_map(|disk| disk.file_name().into_string().ok())
        .filter(|name| !NOT_SHIPPED.iter().any(|kind| name.starts_with(kind)))
        .collect();
    names.sort();
    // The kernel writes a slash of a device's name as an exclamation mark.
    let path = |name: String| Path::new("/dev").join(name.replace('!', "/"));
    names.into_iter().map(path).collect()
}

fn look(path: &Path, unlock: &Unlock) -> Found {
    let device = path.display().to_string();
    let hardware = Hardware::of(path, Path::new("/"));
    match place::open(path, unlock.clone()) {
        Ok(opened) => {
            let description = opened.description();
            Found {
                device,
                kind: Some(description.kind.as_str()),
                size: description.size,
                partition_table: Some(description.partition_table.as_str()),
                hardware,
                volumes: volumes(&opened),
                error: None,
            }
        }
        Err(error) => Found {
            device,
            kind: None,
            size: None,
            partition_table: None,
            hardware,
            volumes: Vec::new(),
            error: Some(error.to_string()),
        },
    }
}

fn volumes(device: &Device) -> Vec<FoundVolume> {
    let readable = device.volumes().iter().zip(device.places());
    let readable = readable.map(|(volume, place)| FoundVolume {
        partition: place.index,
        offset: place.offset,
        size: place.size,
        found: volume.format().to_owned(),
        encryption: place.encryption,
        readable: true,
        locked: false,
        job: job(volume.as_ref()),
    });
    let unreadable = device.unreadable().iter().map(|volume| FoundVolume {
        partition: volume.index,
        offset: volume.offset,
        size: Some(volume.size),
        found: volume.found.clone(),
        encryption: None,
        readable: false,
        locked: volume.is_locked,
        job: None,
    });
    let mut all: Vec<_> = readable.chain(unreadable).collect();
    all.sort_by_key(|volume| volume.partition);
    all
}

/// The job that SIGNATURE names, or what is wrong with it.
fn job(volume: &dyn Volume) -> Option<String> {
    match read_root_file(volume, FILE_NAME.as_bytes(), BYTES_MAX) {
        Ok(None) => None,
        Ok(Some(bytes)) => Some(match SignatureFile::parse(&bytes) {
            Ok(file) => file.job_id.to_string(),
            Err(error) => format!("SIGNATURE is wrong: {error}"),
        }),
        Err(error) => Some(format!("SIGNATURE cannot be read: {error}")),
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
                device.kind.unwrap_or_default(),
                device.partition_table.unwrap_or_default()
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
                    true => match volume.encryption {
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
