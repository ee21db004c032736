//! What is on a device, as a worker tells it.

use packhorse_core::id::JobId;
use packhorse_core::ledger::EntryKind;
use packhorse_core::signature_file::{BYTES_MAX, FILE_NAME, SignatureFile};
use packhorse_media::{Device, MediaError, Unlock, Volume, read_root_file};
use serde::{Deserialize, Serialize};

use super::{Worker, Workers};
use crate::LoadError;
use crate::identify::Identified;
use crate::unlock::container_name;

/// An open device, as its worker sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Look {
    /// Its SIGNATURE file.
    pub(crate) signature: Option<Vec<u8>>,
    /// Tells it from any other device.
    pub(crate) identity: String,
    /// Whether it has the container of its job on it.
    pub(crate) has_container: bool,
    /// All that is on it.
    pub(crate) device: DeviceLook,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLook {
    /// `folder`, `image file`, `block device`
    pub kind: String,
    /// Bytes; a folder has no size of its own.
    pub size: Option<u64>,
    /// How it is divided.
    pub partition_table: String,
    /// By partition.
    pub volumes: Vec<VolumeLook>,
}

/// A volume on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeLook {
    /// Number of the partition, from 1; 0 for the whole disk.
    pub partition: u32,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its bytes; none for a folder.
    pub size: Option<u64>,
    /// The file system, or what was found in its place.
    pub found: String,
    /// What it was encrypted with, once opened.
    pub encryption: Option<String>,
    /// Whether its files can be read.
    pub readable: bool,
    /// Whether a password may make it readable.
    pub locked: bool,
    /// The job that its SIGNATURE names, or what is wrong with it.
    pub job: Option<String>,
}

impl Look {
    pub(super) fn new(found: &Identified, job_id: Option<&JobId>) -> Self {
        let Identified { device, signature } = found;
        let signed = || {
            let signature = signature.as_deref()?;
            SignatureFile::parse(signature).ok().map(|it| it.job_id)
        };
        let job_id = job_id.cloned().or_else(signed);
        Self {
            signature: signature.clone(),
            identity: device.identity(),
            has_container: job_id.is_some_and(|id| has_container(device, &container_name(&id))),
            device: DeviceLook::new(device),
        }
    }
}

impl DeviceLook {
    fn new(device: &Device) -> Self {
        let description = device.description();
        Self {
            kind: description.kind.as_str().to_owned(),
            size: description.size,
            partition_table: description.partition_table.as_str().to_owned(),
            volumes: volumes(device),
        }
    }

    /// Whether a volume that was encrypted has been opened.
    pub fn was_opened(&self) -> bool {
        self.volumes
            .iter()
            .any(|volume| volume.encryption.is_some())
    }

    /// Whether a volume is still locked.
    pub fn is_locked(&self) -> bool {
        self.volumes.iter().any(|volume| volume.locked)
    }

    /// Whether a volume cannot be read.
    pub(crate) fn has_unreadable(&self) -> bool {
        self.volumes.iter().any(|volume| !volume.readable)
    }

    /// What is said of the volumes that stay locked.
    pub(crate) fn locked_volumes(&self) -> String {
        let locked = self.volumes.iter().filter(|volume| volume.locked);
        let texts = locked.map(|it| format!("partition {}: {}", it.partition, it.found));
        texts.collect::<Vec<_>>().join("; ")
    }
}

fn has_container(device: &Device, name: &str) -> bool {
    device.volumes().iter().any(|volume| {
        let found = volume.root_entry(name.as_bytes()).ok().flatten();
        found.is_some_and(|entry| entry.kind == EntryKind::File)
    })
}

fn volumes(device: &Device) -> Vec<VolumeLook> {
    let readable = device.volumes().iter().zip(device.places());
    let readable = readable.map(|(volume, place)| VolumeLook {
        partition: place.index,
        offset: place.offset,
        size: place.size,
        found: volume.format().to_owned(),
        encryption: place.encryption.map(str::to_owned),
        readable: true,
        locked: false,
        job: job(volume.as_ref()),
    });
    let unreadable = device.unreadable().iter().map(|volume| VolumeLook {
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

/// Looks at a device that belongs to no load, in a worker of its own. With a password the container
/// of the job that its SIGNATURE names is opened too.
pub async fn look_at(
    workers: &Workers,
    device: &std::path::Path,
    state_dir: &std::path::Path,
    mut unlock: Unlock,
) -> Result<DeviceLook, LoadError> {
    let broken = |it: super::Breakdown| it.of_the_device().map_or_else(|it| it, LoadError::Device);
    let mut worker = Worker::start(workers, device, state_dir).await?;
    let look = worker.look(None, &unlock).await.map_err(broken)?;
    let look = look.map_err(LoadError::Device)?;
    let signed = look.signature.as_deref().map(SignatureFile::parse);
    match signed {
        Some(Ok(file)) if look.has_container && !unlock.passwords.is_empty() => {
            unlock.containers.push(container_name(&file.job_id));
            let look = worker.look(None, &unlock).await.map_err(broken)?;
            look.map(|look| look.device).map_err(LoadError::Device)
        }
        _ => Ok(look.device),
    }
}

impl super::Breakdown {
    /// What broke the worker as the error of a device that nothing is known of yet.
    fn of_the_device(self) -> Result<MediaError, LoadError> {
        match self {
            Self::Device(what) => Ok(MediaError::Damaged(what)),
            Self::Other(error) => Err(error),
        }
    }
}
