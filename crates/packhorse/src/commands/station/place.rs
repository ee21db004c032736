//! `DEVICE[:PATH]`: a place on a device, as commands that look at one take it.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use packhorse_core::signature_file::SignatureFile;
use packhorse_media::{Device, MediaError, Unlock, Volume};
use packhorse_station::{Identified, confine_to_reading, container_name, identify};

use crate::config;
use crate::output::path;
use crate::worker;

/// A device, and a path on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) device: PathBuf,
    /// Names joined by `/`, without a slash at either end; empty for the root.
    pub(super) path: String,
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(split(text, |device| device.exists()))
    }
}

/// The longest beginning that exists and is followed by a colon is the device: names on the device
/// may hold colons, and so may the device's own.
fn split(text: &str, exists: impl Fn(&std::path::Path) -> bool) -> Place {
    let whole = Place {
        device: text.into(),
        path: String::new(),
    };
    if exists(&whole.device) {
        return whole;
    }
    let cuts = text.match_indices(':').rev();
    let mut found = cuts.map(|(at, _)| (PathBuf::from(&text[..at]), &text[at + 1..]));
    match found.find(|(device, _)| exists(device)) {
        Some((device, path)) => Place {
            device,
            path: path.trim_matches('/').to_owned(),
        },
        None => whole,
    }
}

/// A volume, and what stands in front of its paths: nothing on a device with one volume, else its
/// folder, as in keys and reports.
pub(super) struct Chosen {
    pub(super) volume: Arc<dyn Volume>,
    pub(super) folder: String,
    /// The path within the volume.
    pub(super) path: String,
}

/// The volumes that `place` leads to: one, or all of them for the root of a device with several. From
/// here on this thread can read the device and nothing else.
pub(super) fn choose(
    place: &Place,
    unlock: Unlock,
    config: &config::Station,
) -> anyhow::Result<Vec<Chosen>> {
    confine_to_reading(&place.device, &worker::limits(config))?;
    let device =
        open(&place.device, unlock).with_context(|| format!("open {}", path(&place.device)))?;
    let several = device.volumes().len() > 1;
    let chosen: Vec<_> = all(&device, several)
        .filter_map(|(volume, folder)| {
            let inner = match several && !place.path.is_empty() {
                true => format!("{}/", place.path).strip_prefix(&folder)?.to_owned(),
                false => place.path.clone(),
            };
            Some(Chosen {
                volume,
                path: inner.trim_end_matches('/').to_owned(),
                folder,
            })
        })
        .collect();
    if chosen.is_empty() {
        bail!(
            "{} has {} volumes; paths on it begin with volume1/ to volume{}/",
            path(&place.device),
            device.volumes().len(),
            device.volumes().len()
        );
    }
    Ok(chosen)
}

/// Opens a device, and the container on it of the job that its SIGNATURE names.
fn open(path: &Path, mut unlock: Unlock) -> Result<Device, MediaError> {
    let Identified { device, signature } = identify(path, &unlock)?;
    let signed = signature.and_then(|bytes| SignatureFile::parse(&bytes).ok());
    match signed {
        Some(file) if !unlock.passwords.is_empty() => {
            unlock.containers.push(container_name(&file.job_id));
            Ok(identify(path, &unlock)?.device)
        }
        _ => Ok(device),
    }
}

fn all(device: &Device, several: bool) -> impl Iterator<Item = (Arc<dyn Volume>, String)> {
    (1..).zip(device.volumes()).map(move |(number, volume)| {
        let folder = match several {
            true => format!("volume{number}/"),
            false => String::new(),
        };
        (Arc::clone(volume), folder)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_parts_device_and_path_where_the_device_exists() {
        let check = |text: &str, device: &str, path: &str| {
            let exists = |path: &std::path::Path| path.to_str() == Some(device);
            let expected = Place {
                device: device.into(),
                path: path.to_owned(),
            };
            assert_eq!(split(text, exists), expected, "{text}");
        };
        check("disk.img", "disk.img", "");
        check("disk.img:", "disk.img", "");
        check("disk.img:/a/b/", "disk.img", "a/b");
        check("disk.img:a:b", "disk.img", "a:b");
        check("by-path/pci-0:1:2", "by-path/pci-0:1:2", "");
        check("by-path/pci-0:1:a", "by-path/pci-0:1", "a");
        assert_eq!(split("gone:a", |_| false).device, PathBuf::from("gone:a"));
    }
}
