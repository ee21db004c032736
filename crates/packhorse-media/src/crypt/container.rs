//! A file on a plain volume that is an encrypted container: a block source like a disk.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use packhorse_core::ledger::EntryKind;

use crate::block::{BlockSource, check_range};
use crate::volume::{Entry, FileReader, MediaError, ReadError, Volume};

/// Readers kept open for the next who reads: as many as usually read at once.
const READERS_MAX: usize = 16;

/// A file of a volume, read at any place by any number of threads.
struct Container {
    volume: Arc<dyn Volume>,
    entry: Entry,
    idle: Mutex<Vec<Box<dyn FileReader>>>,
}

/// The name of a container, and what it holds.
pub(crate) type Found = (String, Arc<dyn BlockSource>);

/// The first of these files that stands in the root of the volume, with its name.
pub(crate) fn find(
    volume: &Arc<dyn Volume>,
    names: &[String],
) -> std::result::Result<Option<Found>, MediaError> {
    for name in names {
        let found = volume.root_entry(name.as_bytes())?;
        let Some(entry) = found.filter(|entry| entry.kind == EntryKind::File) else {
            continue;
        };
        let container = Container {
            volume: Arc::clone(volume),
            entry,
            idle: Mutex::new(Vec::new()),
        };
        return Ok(Some((name.clone(), Arc::new(container))));
    }
    Ok(None)
}

impl Container {
    fn idle(&self) -> MutexGuard<'_, Vec<Box<dyn FileReader>>> {
        // A list of readers is whole after every call.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlockSource for Container {
    fn size(&self) -> u64 {
        self.entry.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.entry.size, offset, buffer.len())?;
        let idle = self.idle().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.volume.open(&self.entry).map_err(failed)?,
        };
        let read = reader.read_at(offset, buffer).map_err(failed)?;
        if read < buffer.len() {
            let what = "the container is shorter than it was";
            return Err(Error::new(ErrorKind::UnexpectedEof, what));
        }
        let mut idle = self.idle();
        if idle.len() < READERS_MAX {
            idle.push(reader);
        }
        Ok(())
    }
}

fn failed(error: ReadError) -> Error {
    match error {
        ReadError::Io(error) => error,
        other => Error::other(other),
    }
}
