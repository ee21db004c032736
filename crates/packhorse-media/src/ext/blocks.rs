//! Blocks of the volume, as they would be after the journal was replayed, with a small cache.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::block::BlockSource;
use crate::cache::Cache;
use crate::ext::damaged;
use crate::volume::ReadError;

/// Bytes of metadata kept: the inodes of some thirty thousand files.
const CACHE_BYTES: usize = 8 * 1024 * 1024;
/// Neighbouring blocks of an inode table fetched together: neighbours are asked for next.
const TABLE_READ_BLOCKS: u64 = 16;

/// A block's newer contents, in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Journaled {
    /// The block of the journal that holds them.
    pub(super) block: u64,
    /// Whether the first four bytes were taken out, because they looked like the journal's own.
    pub(super) escaped: bool,
}

/// The journal's mark, put back where it was taken out.
pub(super) const JOURNAL_MAGIC: [u8; 4] = [0xc0, 0x3b, 0x39, 0x98];

/// The volume as blocks. Shared by all readers.
pub(super) struct Blocks {
    source: Arc<dyn BlockSource>,
    block_size: u32,
    count: u64,
    newer: HashMap<u64, Journaled>,
    cache: Mutex<Cache>,
}

impl Blocks {
    /// `count` blocks of `block_size` bytes, which the caller has seen to lie within the source.
    pub(super) fn new(source: Arc<dyn BlockSource>, block_size: u32, count: u64) -> Self {
        let capacity = (CACHE_BYTES / block_size as usize).max(2);
        Self {
            source,
            block_size,
            count,
            newer: HashMap::new(),
            cache: Mutex::new(Cache::new(capacity)),
        }
    }

    /// The same volume with the newer contents that a journal has of some blocks.
    pub(super) fn replayed(self, newer: HashMap<u64, Journaled>) -> Self {
        Self {
            newer,
            ..Self::new(self.source, self.block_size, self.count)
        }
    }

    /// Blocks that can differ from each other; see [`BlockSource::stored`].
    pub(super) fn stored(&self) -> u64 {
        let stored = self.source.stored().div_ceil(u64::from(self.block_size));
        self.count.min(stored)
    }

    /// One block of metadata.
    pub(super) fn read(&self, block: u64) -> Result<Arc<[u8]>, ReadError> {
        self.check(block)?;
        if let Some(found) = self.cache().get(block) {
            return Ok(found);
        }
        let mut bytes = vec![0; self.block_size as usize];
        self.read_bytes(block * u64::from(self.block_size), &mut bytes)?;
        let bytes: Arc<[u8]> = bytes.into();
        self.cache().put(block, Arc::clone(&bytes));
        Ok(bytes)
    }

    /// One block of a table, fetching its neighbours too.
    pub(super) fn read_in(&self, table: Range<u64>, block: u64) -> Result<Arc<[u8]>, ReadError> {
        self.check(block)?;
        if let Some(found) = self.cache().get(block) {
            return Ok(found);
        }
        let start = block - block.saturating_sub(table.start) % TABLE_READ_BLOCKS;
        let end = (start + TABLE_READ_BLOCKS).min(table.end).min(self.count);
        let length = end.saturating_sub(start) * u64::from(self.block_size);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        // Damage to a neighbour must not hide this block: below, it is read alone.
        if self
            .read_bytes(start * u64::from(self.block_size), &mut bytes)
            .is_ok()
        {
            let mut cache = self.cache();
            for (block, bytes) in (start..end).zip(bytes.chunks(self.block_size as usize)) {
                cache.put(block, bytes.into());
            }
        }
        self.read(block)
    }

    /// Bytes from anywhere on the volume, past the cache.
    pub(super) fn read_bytes(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        self.read_source(offset, buffer)?;
        match self.newer.is_empty() {
            true => Ok(()),
            false => self.overlay(offset, buffer),
        }
    }

    /// Puts what the journal has over what was read at `offset`.
    fn overlay(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        let size = u64::from(self.block_size);
        let mut rest = buffer;
        let mut at = offset;
        while !rest.is_empty() {
            let within = at % size;
            let length = usize::try_from(size - within)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            if let Some(newer) = self.newer.get(&(at / size)) {
                self.read_source(newer.block * size + within, part)?;
                if newer.escaped {
                    let within = usize::try_from(within).unwrap_or(usize::MAX);
                    let magic = JOURNAL_MAGIC.iter().skip(within);
                    part.iter_mut()
                        .zip(magic)
                        .for_each(|(byte, magic)| *byte = *magic);
                }
            }
            at += length as u64;
            rest = after;
        }
        Ok(())
    }

    fn read_source(&self, offset: u64, buffer: &mut [u8]) -> Result<(), ReadError> {
        self.source
            .read_exact_at(offset, buffer)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => damaged("beyond the end of the device"),
                _ => ReadError::Io(error),
            })
    }

    fn check(&self, block: u64) -> Result<(), ReadError> {
        match block < self.count {
            true => Ok(()),
            false => Err(damaged(format!("block {block} of {}", self.count))),
        }
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // A cache is whole after every call, also when its user panicked.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_contents_lie_over_the_disk() {
        let disk: Vec<u8> = (0..4u8).flat_map(|block| vec![block; 1024]).collect();
        let newer = HashMap::from([
            (
                1,
                Journaled {
                    block: 3,
                    escaped: false,
                },
            ),
            (
                2,
                Journaled {
                    block: 3,
                    escaped: true,
                },
            ),
        ]);
        let blocks = Blocks::new(Arc::new(disk), 1024, 4).replayed(newer);
        let mut bytes = vec![9; 2000];
        blocks.read_bytes(1000, &mut bytes).unwrap();
        let mut expected = [vec![0; 24], vec![3; 1024], JOURNAL_MAGIC.to_vec()].concat();
        expected.resize(2000, 3);
        assert_eq!(bytes, expected);
        let mut one = [9];
        blocks.read_bytes(2048 + 2, &mut one).unwrap();
        assert_eq!(one, [JOURNAL_MAGIC[2]]);
    }
}
