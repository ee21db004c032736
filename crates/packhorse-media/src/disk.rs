//! A disk or its image: which volumes are on it, and which of them can be read.

use std::sync::Arc;

use crate::block::{BlockSource, Part};
use crate::crypt::Trial;
use crate::device::{
    Description, Device, DeviceKind, PartitionTable, UnreadableVolume, VolumePlace,
};
use crate::partition::{self, Partition, Table};
use crate::volume::{MediaError, Volume};
use crate::volumes::{self, Opened};

/// Sizes of sectors in use. An image does not say which its disk had, and a disk may have been
/// written behind an adapter that said otherwise, so both are tried.
const SECTOR_SIZES: [u32; 2] = [512, 4096];

/// What a disk looked like under one reading of it.
struct Reading {
    table: PartitionTable,
    volumes: Vec<Arc<dyn Volume>>,
    places: Vec<VolumePlace>,
    carriers: Vec<Arc<dyn Volume>>,
    unreadable: Vec<UnreadableVolume>,
    /// Why, one error for each of `unreadable`.
    errors: Vec<MediaError>,
}

/// Opens a disk or image: the volumes of its partitions, or the one over the whole of it.
pub(crate) fn open(
    source: Arc<dyn BlockSource>,
    kind: DeviceKind,
    trial: &Trial<'_>,
) -> Result<Device, MediaError> {
    let size = source.size();
    let mut partitioned: Option<Reading> = None;
    for sector in SECTOR_SIZES {
        let reading = match partition::read(&*source, sector)? {
            Table::None => continue,
            Table::Mbr(found) => read_partitions(&source, PartitionTable::Mbr, found, trial)?,
            Table::Apple(found) => read_partitions(&source, PartitionTable::Apple, found, trial)?,
            Table::Gpt(found) => read_partitions(&source, PartitionTable::Gpt, found, trial)?,
            Table::DamagedGpt => damaged_table(size),
        };
        if !reading.volumes.is_empty() {
            return Ok(reading.into_device(kind, size));
        }
        // The first is kept, unless it was no more than a damaged table.
        let is_better = partitioned.as_ref().is_none_or(Reading::is_table_damage);
        if is_better && !reading.unreadable.is_empty() {
            partitioned = Some(reading);
        }
    }
    // A file system over the whole disk may have left the marks of a former table in place.
    let whole = read_whole(&source, trial)?;
    match (whole.volumes.is_empty(), partitioned) {
        (true, Some(partitioned)) => Err(partitioned.into_error()),
        (true, None) => Err(whole.into_error()),
        (false, _) => Ok(whole.into_device(kind, size)),
    }
}

fn read_whole(source: &Arc<dyn BlockSource>, trial: &Trial<'_>) -> Result<Reading, MediaError> {
    let whole = Partition {
        index: 0,
        offset: 0,
        size: source.size(),
        problem: None,
    };
    read_partitions(source, PartitionTable::None, vec![whole], trial)
}

fn read_partitions(
    source: &Arc<dyn BlockSource>,
    table: PartitionTable,
    partitions: Vec<Partition>,
    trial: &Trial<'_>,
) -> Result<Reading, MediaError> {
    let mut reading = Reading {
        table,
        volumes: Vec::new(),
        places: Vec::new(),
        carriers: Vec::new(),
        unreadable: Vec::new(),
        errors: Vec::new(),
    };
    for partition in partitions {
        match open_volume(source, &partition, trial) {
            Ok(opened) => reading.accept(&partition, opened),
            Err(error) => reading.refuse(&partition, error),
        }
    }
    Ok(reading)
}

fn open_volume(
    source: &Arc<dyn BlockSource>,
    partition: &Partition,
    trial: &Trial<'_>,
) -> Result<Opened, MediaError> {
    if let Some(problem) = &partition.problem {
        return Err(MediaError::Damaged(problem.clone()));
    }
    let part: Arc<dyn BlockSource> = match partition.index {
        0 => Arc::clone(source),
        _ => Arc::new(Part::new(
            Arc::clone(source),
            partition.offset,
            partition.size,
        )),
    };
    volumes::open(part, partition.offset, trial)
}

fn damaged_table(size: u64) -> Reading {
    let mut reading = Reading {
        table: PartitionTable::Gpt,
        volumes: Vec::new(),
        places: Vec::new(),
        carriers: Vec::new(),
        unreadable: Vec::new(),
        errors: Vec::new(),
    };
    let whole = Partition {
        index: 0,
        offset: 0,
        size,
        problem: None,
    };
    let what = "both copies of the GUID partition table are damaged";
    reading.refuse(&whole, MediaError::Damaged(what.to_owned()));
    reading
}

impl Reading {
    fn accept(&mut self, partition: &Partition, opened: Opened) {
        self.volumes.push(opened.volume);
        self.carriers.extend(opened.carrier);
        self.places.push(VolumePlace {
            index: partition.index,
            offset: partition.offset,
            size: Some(partition.size),
            encryption: opened.encryption,
        });
    }

    fn refuse(&mut self, partition: &Partition, error: MediaError) {
        let found = match &error {
            MediaError::Unsupported(what)
            | MediaError::Damaged(what)
            | MediaError::Locked(what) => what.clone(),
            other => other.to_string(),
        };
        self.unreadable.push(UnreadableVolume {
            index: partition.index,
            offset: partition.offset,
            size: partition.size,
            found,
            is_locked: matches!(error, MediaError::Locked(_)),
        });
        self.errors.push(error);
    }

    fn is_table_damage(&self) -> bool {
        matches!(self.unreadable.as_slice(), [only] if only.index == 0)
    }

    fn into_device(self, kind: DeviceKind, size: u64) -> Device {
        Device {
            description: Description {
                kind,
                size: Some(size),
                partition_table: self.table,
            },
            volumes: self.volumes,
            places: self.places,
            carriers: self.carriers,
            unreadable: self.unreadable,
        }
    }

    /// Why no volume of the disk can be read: of several reasons the one that weighs most.
    fn into_error(self) -> MediaError {
        let found: Vec<String> = self
            .unreadable
            .iter()
            .map(|volume| match volume.index {
                0 => volume.found.clone(),
                index => format!("partition {index}: {}", volume.found),
            })
            .collect();
        let text = found.join("; ");
        // With the password the rest of the disk can be judged.
        if self.unreadable.iter().any(|volume| volume.is_locked) {
            return MediaError::Locked(text);
        }
        let is_damaged = |error: &MediaError| matches!(error, MediaError::Damaged(_));
        let is_damage = self.errors.iter().any(is_damaged);
        let failed = self.errors.into_iter().find_map(|error| match error {
            MediaError::Io(error) => Some(error),
            _ => None,
        });
        match failed {
            Some(error) => MediaError::Io(error),
            None if is_damage => MediaError::Damaged(text),
            None => MediaError::Unsupported(text),
        }
    }
}
