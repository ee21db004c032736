//! Metadata of a volume, read by pages that are kept for a while.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::block::BlockSource;
use crate::cache::Cache;
use crate::volume::ReadError;

/// Neighbouring records are asked for next, and a disk gives this much in one turn.
const PAGE_BYTES: u64 = 32 * 1024;
/// Pages kept: eight megabytes, the records of some eight thousand files.
const PAGES_MAX: usize = 256;

/// A volume and the pages of it that were read last. Shared by all readers.
pub(crate) struct Pages {
    source: Arc<dyn BlockSource>,
    cache: Mutex<Cache>,
}

impl Pages {
    pub(crate) fn new(source: Arc<dyn BlockSource>) -> Self {
        Self {
            source,
            cache: Mutex::new(Cache::new(PAGES_MAX)),
        }
    }

    /// Bytes of the volume.
    pub(crate) fn size(&self) -> u64 {
        self.source.size()
    }

    /// Bytes of the volume that can differ from each other; see [`BlockSource::stored`].
    pub(crate) fn stored(&self) -> u64 {
        self.source.stored()
    }

    /// Reads metadata.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size()) {
            return Err(beyond_the_end());
        }
        let mut rest = buffer;
        let mut at = offset;
        while !rest.is_empty() {
            let page = match self.page(at / PAGE_BYTES) {
                Ok(page) => page,
                // Damage beside what is wanted must not hide it: it is read alone.
                Err(_) => return self.read_data(at, rest),
            };
            let within = usize::try_from(at % PAGE_BYTES).unwrap_or(usize::MAX);
            let there = page.get(within..).unwrap_or_default();
            let length = there.len().min(rest.len());
            if length == 0 {
                return Err(beyond_the_end());
            }
            let (part, after) = rest.split_at_mut(length);
            part.copy_from_slice(there.get(..length).unwrap_or_default());
            at += length as u64;
            rest = after;
        }
        Ok(())
    }

    /// Reads `length` bytes of metadata; the caller bounds the length.
    pub(crate) fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; length];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads contents, which are not kept.
    pub(crate) fn read_data(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        self.source
            .read_exact_at(offset, buffer)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => beyond_the_end(),
                _ => ReadError::Io(error),
            })
    }

    fn page(&self, number: u64) -> Result<Arc<[u8]>, ReadError> {
        if let Some(found) = self.cache().get(number) {
            return Ok(found);
        }
        let start = number * PAGE_BYTES;
        let length = PAGE_BYTES.min(self.size().saturating_sub(start));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.read_data(start, &mut bytes)?;
        let bytes: Arc<[u8]> = bytes.into();
        self.cache().put(number, Arc::clone(&bytes));
        Ok(bytes)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // A cache is whole after every call, also when its user panicked.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn beyond_the_end() -> ReadError {
    ReadError::Damaged("beyond the end of the volume".to_owned())
}
