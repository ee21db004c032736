//! Small files: read one after the other, hashed side by side, handed over together.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use packhorse_objects::digest::SideBySide;

use super::{Body, Reader, Rows, Unread, Unwanted, Work};
use crate::ledger::OpenRow;

/// Files up to this size are read in groups.
const SMALL_BYTES_MAX: u64 = 128 * 1024;
/// Files of a group: enough for every stream of the processor's vectors to be busy, and for one
/// wake-up of another thread to serve many files.
const GROUP_FILES_MAX: usize = 32;
/// Bytes of a group: what fits into a processor's cache between reading and hashing.
const GROUP_BYTES_MAX: u64 = 512 * 1024;

/// Sorts rows, in their order, into groups of small files and single larger ones.
pub(crate) struct Groups {
    rows: Rows,
    group: Vec<OpenRow>,
    bytes: u64,
}

impl Groups {
    pub(crate) fn new(rows: Rows) -> Self {
        Self {
            rows,
            group: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes the next row; false when nobody wants more.
    pub(crate) fn add(&mut self, row: OpenRow) -> bool {
        let size = row.entry.size;
        if size > SMALL_BYTES_MAX {
            return self.rows.large.send(row).is_ok();
        }
        let full = self.group.len() >= GROUP_FILES_MAX || self.bytes + size > GROUP_BYTES_MAX;
        let wanted = !full || self.flush();
        self.group.push(row);
        self.bytes += size;
        wanted
    }

    /// Hands the group over as it is; false when nobody wants more.
    pub(crate) fn flush(&mut self) -> bool {
        self.bytes = 0;
        let group = std::mem::take(&mut self.group);
        group.is_empty() || self.rows.groups.send(group).is_ok()
    }
}

fn next_group(groups: &Mutex<Receiver<Vec<OpenRow>>>) -> Option<Vec<OpenRow>> {
    let groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
    groups.recv().ok()
}

impl Reader {
    /// Reads groups until there are none, or nobody takes the work.
    pub(crate) fn run_small(&self, groups: &Mutex<Receiver<Vec<OpenRow>>>) {
        let hashing = SideBySide::new();
        while let Some(group) = next_group(groups) {
            if self.read_group(group, hashing).is_err() {
                return;
            }
        }
    }

    fn read_group(&self, group: Vec<OpenRow>, hashing: SideBySide) -> Result<(), Unwanted> {
        let bytes = group.iter().map(|row| row.entry.size);
        let mut share = self.budget.acquire_blocking(bytes).ok_or(Unwanted)?;
        let mut read = Vec::with_capacity(group.len());
        for row in group {
            match self.read_small(&row) {
                Ok(bytes) => read.push((row, bytes)),
                Err(unread) => self.unreadable(row, unread)?,
            }
        }
        let bodies: Vec<&[u8]> = read.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let digests = hashing.bodies(&bodies);
        let whole = read.into_iter().zip(digests).map(|((row, bytes), digest)| {
            let body = Body {
                _share: Some(share.split_off(row.entry.size)),
                bytes: Bytes::from(bytes),
                digest,
            };
            (row, body)
        });
        self.send(Work::Whole(whole.collect()))
    }

    fn read_small(&self, row: &OpenRow) -> Result<Vec<u8>, Unread> {
        let mut file = self.open(row)?;
        // Sorted by `Groups`: no larger than SMALL_BYTES_MAX.
        let mut bytes = vec![0; row.entry.size as usize];
        self.fill(file.as_mut(), 0, &mut bytes)?;
        self.finish(file.as_mut())?;
        Ok(bytes)
    }
}
