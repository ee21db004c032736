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
    pub fn source_volumes(&self) -> Vec<SourceVolume> {
        source_volumes(&self.device)
    }
}

fn unreadable(error: &ReadError) -> Vec<u8> {
    tracing::warn!(error = %error, "cannot read the SIGNATURE file");
    Vec::new()
}

pub(crate) fn source_volumes(device: &Device) -> Vec<SourceVolume> {
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

fn row_for(volume: &UnreadableVolume) -> Entry {
    Entry {
        path: format!("partition {} ({})", volume.index, volume.found).into_bytes(),
        kind: EntryKind::Other,
        size: volume.size,
        modified: None,
        mode: None,
        owner: None,
        node: 0,
        first_extent: None,
        problem: Some(Verdict::unsupported_volume()),
    }
}
