//! A device: what lies at a path, and the volumes on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};

use crate::block::FileSource;
use crate::crypt::{Trial, Unlock};
use crate::disk;
use crate::folder::Folder;
use crate::image;
use crate::volume::{MediaError, Volume};
use crate::volumes;

/// What kind of thing a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A folder that the operator has mounted.
    Folder,
    /// A file that holds what a disk would hold.
    Image,
    /// A disk.
    BlockDevice,
}

impl DeviceKind {
    /// For people and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Image => "image file",
            Self::BlockDevice => "block device",
        }
    }
}

/// How a disk is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionTable {
    /// Not at all: a folder, or one file system over the whole disk.
    None,
    /// A master boot record, with logical partitions or without.
    Mbr,
    /// A partition map of older Macs.
    Apple,
    /// A GUID partition table.
    Gpt,
}

impl PartitionTable {
    /// For people and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mbr => "MBR",
            Self::Apple => "Apple partition map",
            Self::Gpt => "GPT",
        }
    }
}

/// What a device is, for events and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Folder, image or disk.
    pub kind: DeviceKind,
    /// Bytes of the image or disk; a folder has no size of its own.
    pub size: Option<u64>,
    /// How it is divided.
    pub partition_table: PartitionTable,
}

/// Where a volume lies on its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumePlace {
    /// Number of the partition as tools count them, from 1; 0 for the whole disk, or a folder.
    pub index: u32,
    /// Where it begins on the disk, in bytes.
    pub offset: u64,
    /// Its bytes; none for a folder.
    pub size: Option<u64>,
    /// What it was encrypted with, itself or the container that holds it.
    pub encryption: Option<&'static str>,
}

/// A volume on a device that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableVolume {
    /// Number of the partition as tools count them, from 1; 0 for the whole disk.
    pub index: u32,
    /// Where it begins on the disk, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
    /// What was found there and why it cannot be read.
    pub found: String,
    /// Whether it is encrypted and another password may open it.
    pub is_locked: bool,
}

/// An open device.
pub struct Device {
    pub(crate) description: Description,
    pub(crate) volumes: Vec<Arc<dyn Volume>>,
    /// One for each of `volumes`.
    pub(crate) places: Vec<VolumePlace>,
    pub(crate) carriers: Vec<Arc<dyn Volume>>,
    pub(crate) unreadable: Vec<UnreadableVolume>,
}

impl Device {
    /// What the device is.
    pub fn description(&self) -> Description {
        self.description
    }

    /// The volumes that can be read, in the order of the partitions; at least one.
    pub fn volumes(&self) -> &[Arc<dyn Volume>] {
        &self.volumes
    }

    /// Where each of [`Device::volumes`] lies, in the same order.
    pub fn places(&self) -> &[VolumePlace] {
        &self.places
    }

    /// The volumes in whose place containers on them are read. Of their own files only SIGNATURE
    /// counts.
    pub fn carriers(&self) -> &[Arc<dyn Volume>] {
        &self.carriers
    }

    /// Tells this device, and which of its volumes can be read, from any other that may lie at the
    /// same path later.
    pub fn identity(&self) -> String {
        let Description {
            kind,
            size,
            partition_table,
        } = self.description;
        let mut identity = format!("{} {size:?} {}", kind.as_str(), partition_table.as_str());
        for volume in &self.volumes {
            identity.push_str("; ");
            identity.push_str(&volume.identity());
        }
        for volume in &self.unreadable {
            identity.push_str(&format!("; {} unreadable", volume.index));
        }
        identity
    }

    /// The volumes that cannot be read, in the order of the partitions.
    pub fn unreadable(&self) -> &[UnreadableVolume] {
        &self.unreadable
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let formats: Vec<_> = self.volumes.iter().map(|volume| volume.format()).collect();
        f.debug_struct("Device")
            .field("description", &self.description)
            .field("volumes", &formats)
            .field("unreadable", &self.unreadable)
            .finish()
    }
}

/// Opens a device: a folder, an image file, or a block device. A link at `path` itself is followed.
///
/// Fails with [`MediaError::Unsupported`] when no volume on it can be read; the text says what was
/// found instead. Encrypted volumes are [`MediaError::Locked`].
pub fn open_device(path: &Path) -> Result<Device, MediaError> {
    open_device_with(path, &Unlock::default())
}

/// Opens a device as [`open_device`] does, and its encrypted volumes with these passwords. Takes as
/// long as `unlock` allows.
pub fn open_device_with(path: &Path, unlock: &Unlock) -> Result<Device, MediaError> {
    let trial = Trial::begin(unlock);
    // Not blocking: the path may name a pipe.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|error| MediaError::from_open(error.into(), path))?;
    let stat = rustix::fs::fstat(&fd).map_err(|error| MediaError::Io(error.into()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => folder(Folder::new(fd), &trial),
        FileType::RegularFile => {
            let held = image::open(path, Arc::new(FileSource::new(fd)?))?;
            disk::open(held, DeviceKind::Image, &trial)
        }
        FileType::BlockDevice => {
            let disk = Arc::new(FileSource::new(fd)?);
            disk::open(disk, DeviceKind::BlockDevice, &trial)
        }
        other => Err(MediaError::Unsupported(format!(
            "{} is {}, not a folder, an image file or a disk",
            path.display(),
            words(other)
        ))),
    }
}

/// The files, or the one folder, that opening `path` and reading what is on it touches: what a process
/// that does so must be allowed.
pub fn files_of(path: &Path) -> Vec<PathBuf> {
    image::files_of(path)
}

fn folder(folder: Folder, trial: &Trial<'_>) -> Result<Device, MediaError> {
    let opened = volumes::open_container(Arc::new(folder), trial)?;
    Ok(Device {
        description: Description {
            kind: DeviceKind::Folder,
            size: None,
            partition_table: PartitionTable::None,
        },
        volumes: vec![opened.volume],
        places: vec![VolumePlace {
            index: 0,
            offset: 0,
            size: None,
            encryption: opened.encryption,
        }],
        carriers: opened.carrier.into_iter().collect(),
        unreadable: Vec::new(),
    })
}

fn words(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a disk",
        FileType::Unknown => "of an unknown kind",
    }
}
