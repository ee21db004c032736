//! What a quickstart loads: the sample, or the user's own folder, image or disk, which is only read.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use packhorse_station::LoadRequest;

use super::place::Place;
use super::sample;
use crate::{output, signature};

/// A device to load.
pub(super) struct Device {
    path: PathBuf,
    /// Ours to write to.
    is_sample: bool,
    /// For people: `folder`, `image file`, …
    what: &'static str,
    entries: u64,
    bytes: u64,
}

impl Device {
    /// The device at `path`, or the sample. Lists it once, so that what cannot be read or does not
    /// fit is said before anything is started. Blocks.
    pub(super) fn choose(path: Option<&Path>, place: &Place) -> anyhow::Result<Self> {
        let (path, is_sample) = match path {
            Some(path) => {
                let path = path
                    .canonicalize()
                    .with_context(|| format!("find {}", path.display()))?;
                place.refuse_within(&path)?;
                (path, false)
            }
            None => {
                let path = place.path("device");
                std::fs::create_dir(&path).context("make the sample")?;
                sample::write(&path).context("make the sample")?;
                (path, true)
            }
        };
        let device = packhorse_media::open_device(&path)
            .with_context(|| format!("open {}", path.display()))?;
        let (mut entries, mut bytes) = (0, 0_u64);
        for volume in device.volumes() {
            let mut count = |entry: packhorse_media::Entry| {
                entries += 1;
                bytes = bytes.saturating_add(entry.size);
                ControlFlow::Continue(())
            };
            volume
                .walk(&mut count)
                .with_context(|| format!("list {}", path.display()))?;
        }
        place.refuse_without_room(bytes)?;
        let what = if is_sample {
            "sample"
        } else {
            device.description().kind.as_str()
        };
        Ok(Self {
            path,
            is_sample,
            what,
            entries,
            bytes,
        })
    }

    /// Whether it was made here.
    pub(super) fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// Puts the SIGNATURE where the station finds it and says where that is. The sample gets it in
    /// its root, as every device should; a user's device is never written to, so its SIGNATURE is
    /// handed to the station beside it, as an operator does with one that came on paper.
    pub(super) fn sign(
        &self,
        contents: &str,
        place: &Place,
    ) -> anyhow::Result<(PathBuf, LoadRequest)> {
        let request = LoadRequest::new(self.path.clone());
        if self.is_sample {
            return Ok((signature::write_to_device(&self.path, contents)?, request));
        }
        let path = signature::write_file(&place.path("SIGNATURE"), contents)?;
        let signature_file = Some(contents.to_owned());
        Ok((
            path,
            LoadRequest {
                signature_file,
                ..request
            },
        ))
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, what) = (self.path.display(), self.what);
        let bytes = output::bytes(self.bytes);
        write!(f, "{path} ({what}): {} entries, {bytes}", self.entries)
    }
}
