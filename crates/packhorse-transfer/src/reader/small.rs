//! Small files: read one after the other, hashed side by side, handed over together.

use std::ops::Range;
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
/// Bytes of a group, which share a buffer: what fits into a processor's cache between reading and
/// hashing.
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
        // Always of the same size, so that it can be used again; its place in the budget is also what
        // bounds the number of files in hand, empty ones too.
        let buffer = self.budget.buffer_blocking(GROUP_BYTES_MAX);
        let mut buffer = buffer.ok_or(Unwanted)?;
        let mut read = Vec::with_capacity(group.len());
        let mut end = 0;
        for row in group {
            // Sorted by `Groups`: all of them fit.
            let place = end..end + row.entry.size as usize;
            let room = buffer.as_mut().get_mut(place.clone()).unwrap_or_default();
            match self.read_small(&row, room) {
                Ok(()) => {
                    end = place.end;
                    read.push((row, place));
                }
                Err(unread) => self.unreadable(row, unread)?,
            }
        }
        let filled = buffer.as_ref();
        let body = |(_, place): &(OpenRow, Range<usize>)| filled.get(place.clone());
        let bodies: Vec<&[u8]> = read.iter().filter_map(body).collect();
        let digests = hashing.bodies(&bodies);
        let bytes = Bytes::from_owner(buffer);
        let whole = read.into_iter().zip(digests).map(|((row, place), digest)| {
            let body = Body {
                bytes: bytes.slice(place),
                digest,
            };
            (row, body)
        });
        self.send(Work::Whole(whole.collect()))
    }

    fn read_small(&self, row: &OpenRow, bytes: &mut [u8]) -> Result<(), Unread> {
        let mut file = self.open(row)?;
        self.fill(file.as_mut(), 0, bytes)?;
        self.finish(file.as_mut())
    }
}
