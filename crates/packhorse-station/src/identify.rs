//! What is on a device, as far as a station must know before it claims a job.

use std::path::Path;
use std::sync::Arc;

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_core::signature_file::{BYTES_MAX, FILE_NAME};
use packhorse_media::device::UnreadableVolume;
use packhorse_media::{Device, Entry, MediaError, ReadError, Unlock, Volume};
use packhorse_transfer::SourceVolume;

/// An open device.
#[derive(Debug)]
pub struct Identified {
    /// What it is and holds.
    pub device: Device,
    /// Its SIGNATURE file, from the first volume that has one; empty when it cannot be read.
    pub signature: Option<Vec<u8>>,
}

/// Opens a device and reads its SIGNATURE file; encrypted volumes are opened as `unlock` says. Blocks.
pub fn identify(path: &Path, unlock: &Unlock) -> Result<Identified, MediaError> {
    let device = packhorse_media::open_device_with(path, unlock)?;
    let mut signature = None;
    for volume in device.volumes().iter().chain(device.carriers()) {
        let name = FILE_NAME.as_bytes();
        match packhorse_media::read_root_file(volume.as_ref(), name, BYTES_MAX) {
            Ok(None) => continue,
            Ok(found) => signature = found,
            // Damaged beyond reading is not missing: the desk will call it invalid.
            Err(error) => signature = Some(unreadable(&error)),
        }
        break;
    }
    Ok(Identified { device, signature })
}

impl Identified {
    /// The volumes as the engine wants them. Files of a device with one volume stand at the root; of
    /// several volumes each has a folder of its own. A volume that cannot be read is one failed row.
    ///
    /// With `only` it is that one alone, counted from 1 among those that can be read, and its files
    /// stand at the root.
    pub fn source_volumes(&self, only: Option<u32>) -> Vec<SourceVolume> {
        source_volumes(&self.device, only)
    }
}

fn unreadable(error: &ReadError) -> Vec<u8> {
    tracing::warn!(error = %error, "cannot read the SIGNATURE file");
    Vec::new()
}

pub(crate) fn source_volumes(device: &Device, only: Option<u32>) -> Vec<SourceVolume> {
    if let Some(number) = only {
        return vec![only_volume(device, number)];
    }
    let several = device.volumes().len() > 1;
    let folder = |index: usize| {
        if several {
            format!("volume{}/", index + 1)
        } else {
            String::new()
        }
    };
    let readable = device
        .volumes()
        .iter()
        .enumerate()
        .map(|(index, volume)| SourceVolume {
            folder: folder(index),
            content: Ok(Arc::<dyn Volume>::clone(volume)),
        });
    let unreadable = device.unreadable().iter().map(|volume| SourceVolume {
        folder: String::new(),
        content: Err(Box::new(row_for(volume))),
    });
    readable.chain(unreadable).collect()
}

/// The volume that the customer named; one that is not there is a failed row.
fn only_volume(device: &Device, number: u32) -> SourceVolume {
    let index = usize::try_from(number).unwrap_or(0).checked_sub(1);
    let volume = index.and_then(|index| device.volumes().get(index));
    SourceVolume {
        folder: String::new(),
        content: match volume {
            Some(volume) => Ok(Arc::<dyn Volume>::clone(volume)),
            None => Err(Box::new(absent(
                format!("volume {number} of {}", device.volumes().len()),
                0,
            ))),
        },
    }
}

fn row_for(volume: &UnreadableVolume) -> Entry {
    let path = format!("partition {} ({})", volume.index, volume.found);
    absent(path, volume.size)
}

/// The row of a volume that cannot be read.
fn absent(path: String, size: u64) -> Entry {
    Entry {
        path: path.into_bytes(),
        kind: EntryKind::Other,
        size,
        modified: None,
        mode: None,
        owner: None,
        node: 0,
        first_extent: None,
        problem: Some(Verdict::unsupported_volume()),
    }
}
