//! Tables of a container's file, read piece by piece as they are needed: their lengths are what the
//! file says, and memory is not for that.

use std::io::Result;
use std::sync::{Arc, Mutex, PoisonError};

use crate::block::BlockSource;
use crate::cache::Cache;

/// A piece tells of 16 MiB and more of a disk.
const PIECE_BYTES: u64 = 4096;
/// Pieces kept: two megabytes.
const PIECES_MAX: usize = 512;

/// What a container's file is taken to hold at most for each of its bytes: tables of names pack to a
/// thirtieth, and whoever claims more has made one piece stand for many.
const EXPANSION_MAX: u64 = 64;
/// So that a small file may hold a small disk's tables.
const EXPANSION_MIN: u64 = 64 * 1024 * 1024;

/// Entries of tables, by their place in the file.
pub(super) struct Tables {
    file: Arc<dyn BlockSource>,
    pieces: Mutex<Cache>,
}

impl Tables {
    pub(super) fn new(file: Arc<dyn BlockSource>) -> Self {
        Self {
            file,
            pieces: Mutex::new(Cache::new(PIECES_MAX)),
        }
    }

    /// The `N` bytes at `at`, which must be a multiple of `N`, a power of two.
    pub(super) fn entry<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        let piece = self.piece(at / PIECE_BYTES)?;
        let within = usize::try_from(at % PIECE_BYTES).unwrap_or(usize::MAX);
        let field = piece
            .get(within..)
            .and_then(|rest| rest.first_chunk())
            .copied();
        field.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }

    fn piece(&self, number: u64) -> Result<Arc<[u8]>> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = pieces.get(number) {
            return Ok(found);
        }
        let start = number * PIECE_BYTES;
        let length = self.file.size().saturating_sub(start).min(PIECE_BYTES);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact_at(start, &mut bytes)?;
        let bytes: Arc<[u8]> = bytes.into();
        pieces.put(number, Arc::clone(&bytes));
        Ok(bytes)
    }
}

/// How much of a disk of `size` bytes its container's file can make differ; see
/// [`BlockSource::stored`].
pub(super) fn stored(file: &dyn BlockSource, size: u64) -> u64 {
    let there = file.stored().saturating_mul(EXPANSION_MAX);
    size.min(there.max(EXPANSION_MIN))
}
