//! Larger files: several at once in one thread, a piece of each in turn.
//!
//! A file in parts needs two MD5 digests of every byte, that of its part and that of the file. Both
//! streams of several files together fill the processor's vectors, so that the second digest costs
//! nothing beyond the first, and the piece is still in the cache when it is hashed.

use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use packhorse_media::FileReader;
use packhorse_objects::digest::{BodyStream, SideBySide, Stream};
use tokio::sync::mpsc;

use super::{Body, Part, Reader, Unread, Unwanted, WHOLE_BYTES_MAX, Work, part_bytes};
use crate::budget::Buffer;
use crate::ledger::OpenRow;

/// Bytes read of one file before the next one's turn: a disk's head stays with a file for longer than
/// it takes to get to the next.
const READ_BYTES: usize = 1024 * 1024;
/// Bytes hashed of one file before the next one's turn.
const PIECE_BYTES: usize = 64 * 1024;
/// Parts of one file that wait for the network.
const PARTS_WAITING: usize = 2;
/// Files in hand at once, however wide the vectors are: each holds a buffer.
pub(crate) const LARGE_FILES_MAX: usize = 8;

/// The files in the hands of one thread.
struct InHand<'a> {
    reader: &'a Reader,
    rows: &'a Mutex<Receiver<OpenRow>>,
    hashing: SideBySide,
    files: Vec<OneFile>,
}

/// A file under way.
struct OneFile {
    row: OpenRow,
    file: Box<dyn FileReader>,
    /// Where the body under way begins.
    offset: u64,
    /// Bytes of its bodies but the last.
    body_bytes: u64,
    body: Option<Filling>,
    /// The file's own MD5, where it is not that of its only body.
    whole: Option<Stream>,
    /// Where its parts go, once the first has been handed over.
    parts: Option<mpsc::Sender<Part>>,
}

/// A body being read.
struct Filling {
    buffer: Buffer,
    /// Bytes read, and how many of them are hashed.
    read: usize,
    hashed: usize,
    digest: BodyStream,
}

impl Reader {
    /// Reads larger files until there are none, or nobody takes the work.
    pub(crate) fn run_large(&self, rows: &Mutex<Receiver<OpenRow>>) {
        let mut in_hand = InHand {
            reader: self,
            rows,
            hashing: SideBySide::new(),
            files: Vec::new(),
        };
        while in_hand.turn().is_ok_and(|more| more) {}
    }
}

impl InHand<'_> {
    /// The next row; waits for it only when there is nothing else to do.
    fn next_row(&self) -> Option<OpenRow> {
        if self.files.is_empty() {
            let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            return rows.recv().ok();
        }
        self.rows.try_lock().ok()?.try_recv().ok()
    }

    /// Takes files up, reads and hashes a piece of each, and hands over what is complete. False when
    /// there are no more files.
    fn turn(&mut self) -> Result<bool, Unwanted> {
        self.take_up()?;
        if self.files.is_empty() {
            return Ok(false);
        }
        self.give_buffers()?;
        self.read()?;
        self.hash();
        self.hand_over()?;
        Ok(true)
    }

    fn take_up(&mut self) -> Result<(), Unwanted> {
        while self.files.len() < LARGE_FILES_MAX && self.streams() < self.hashing.streams() {
            let Some(row) = self.next_row() else {
                return Ok(());
            };
            match self.reader.open(&row) {
                Ok(file) => self.files.push(OneFile::new(row, file, self.hashing)),
                Err(unread) => self.reader.unreadable(row, unread)?,
            }
        }
        Ok(())
    }

    /// MD5 streams of the files in hand.
    fn streams(&self) -> usize {
        let streams = |file: &OneFile| 1 + usize::from(file.whole.is_some());
        self.files.iter().map(streams).sum()
    }

    /// Gives every file a buffer, as far as there is memory. Waits for memory only while no file has
    /// a buffer: one that does can go on, and its bytes must leave to make room.
    fn give_buffers(&mut self) -> Result<(), Unwanted> {
        let budget = &self.reader.budget;
        let mut some = self.files.iter().any(|file| file.body.is_some());
        for file in self.files.iter_mut().filter(|file| file.body.is_none()) {
            let bytes = file.body_bytes.min(file.row.entry.size - file.offset);
            let buffer = match some {
                true => budget.try_buffer(bytes),
                false => Some(budget.buffer_blocking(bytes).ok_or(Unwanted)?),
            };
            some |= buffer.is_some();
            file.body = buffer.map(|buffer| Filling {
                buffer,
                read: 0,
                hashed: 0,
                digest: self.hashing.body_stream(),
            });
        }
        Ok(())
    }

    /// Reads on in every file that has a buffer.
    fn read(&mut self) -> Result<(), Unwanted> {
        let mut index = 0;
        while let Some(file) = self.files.get_mut(index) {
            match file.read_on(self.reader) {
                Ok(()) => index += 1,
                Err(unread) => self.files.remove(index).fail(self.reader, unread)?,
            }
        }
        Ok(())
    }

    /// Hashes what was read.
    fn hash(&mut self) {
        while self.hash_pieces() {}
    }

    /// Hashes the next piece of every file; false when there was none.
    fn hash_pieces(&mut self) -> bool {
        let mut pairs = Vec::with_capacity(2 * self.files.len());
        for file in &mut self.files {
            let Some(body) = &mut file.body else { continue };
            let end = body.read.min(body.hashed + PIECE_BYTES);
            let filled = body.buffer.as_ref();
            let piece = filled.get(body.hashed..end).unwrap_or_default();
            if piece.is_empty() {
                continue;
            }
            body.hashed = end;
            body.digest.update_crc32c(piece);
            pairs.push((&mut body.digest.md5, piece));
            pairs.extend(file.whole.as_mut().map(|whole| (whole, piece)));
        }
        let some = !pairs.is_empty();
        self.hashing.update(pairs);
        some
    }

    /// Hands over the bodies that are full, and lets go of files that are done.
    fn hand_over(&mut self) -> Result<(), Unwanted> {
        let mut index = 0;
        while let Some(file) = self.files.get_mut(index) {
            let Some(body) = file.body.take_if(|body| body.is_full()) else {
                index += 1;
                continue;
            };
            file.offset += body.buffer.len() as u64;
            let is_last = file.offset >= file.row.entry.size;
            let body = body.finish();
            if !is_last {
                match file.hand_over_part(self.reader, body)? {
                    true => index += 1,
                    false => drop(self.files.remove(index)),
                }
                continue;
            }
            self.files.remove(index).hand_over_last(self.reader, body)?;
        }
        Ok(())
    }
}

impl OneFile {
    fn new(row: OpenRow, file: Box<dyn FileReader>, hashing: SideBySide) -> Self {
        let size = row.entry.size;
        let in_parts = size > WHOLE_BYTES_MAX;
        Self {
            row,
            file,
            offset: 0,
            body_bytes: if in_parts { part_bytes(size) } else { size },
            body: None,
            whole: in_parts.then(|| hashing.stream()),
            parts: None,
        }
    }

    fn read_on(&mut self, reader: &Reader) -> Result<(), Unread> {
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        let end = (body.read + READ_BYTES).min(body.buffer.len());
        let from = self.offset + body.read as u64;
        let more = body.buffer.as_mut().get_mut(body.read..end);
        reader.fill(self.file.as_mut(), from, more.unwrap_or_default())?;
        body.read = end;
        Ok(())
    }

    /// Says that the rest of the file is not to be had.
    fn fail(self, reader: &Reader, unread: Unread) -> Result<(), Unwanted> {
        match self.parts {
            // A lane that has given the file up has its own row for it.
            Some(parts) => {
                let _ = parts.blocking_send(Part::Failed(unread));
                Ok(())
            }
            None => reader.unreadable(self.row, unread),
        }
    }

    /// Hands over a part that is not the last; false when the lane has given the file up.
    fn hand_over_part(&mut self, reader: &Reader, body: Body) -> Result<bool, Unwanted> {
        if let Some(parts) = &self.parts {
            return Ok(parts.blocking_send(Part::Body(body)).is_ok());
        }
        let first_bytes = body.bytes.iter().copied().take(16).collect();
        let (sender, parts) = mpsc::channel(PARTS_WAITING);
        reader.send(Work::Parts {
            row: self.row.clone(),
            part_bytes: self.body_bytes,
            first_bytes,
            parts,
        })?;
        // From here on the lane answers for the row, through `parts`.
        let taken = sender.blocking_send(Part::Body(body)).is_ok();
        self.parts = Some(sender);
        Ok(taken)
    }

    /// Hands over the last or only body, unless the file is no longer what was listed.
    fn hand_over_last(mut self, reader: &Reader, body: Body) -> Result<(), Unwanted> {
        let finished = reader.finish(self.file.as_mut());
        let (Some(parts), Some(whole)) = (&self.parts, self.whole.take()) else {
            return match finished {
                Ok(()) => reader.send(Work::Whole(vec![(self.row, body)])),
                Err(unread) => reader.unreadable(self.row, unread),
            };
        };
        let last = match finished {
            Ok(()) => Part::End(whole.finish()),
            Err(unread) => Part::Failed(unread),
        };
        // A lane that has given the file up has its own row for it.
        if parts.blocking_send(Part::Body(body)).is_ok() {
            let _ = parts.blocking_send(last);
        }
        Ok(())
    }
}

impl Filling {
    fn is_full(&self) -> bool {
        self.hashed == self.buffer.len()
    }

    fn finish(self) -> Body {
        Body {
            bytes: Bytes::from_owner(self.buffer),
            digest: self.digest.finish(),
        }
    }
}
