//! Reading a file whose contents lie in extents of the volume.

use std::sync::Arc;

use crate::pages::Pages;
use crate::volume::{FileReader, ReadError};

/// Bytes of a file that follow each other on the volume, from the place that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Where they lie, in bytes from the start of the volume; `None` for a hole, which is zeros.
    pub(crate) physical: Option<u64>,
    /// How many, at least one.
    pub(crate) length: u64,
}

/// How the contents of one file are found.
pub(crate) trait Extents: Send {
    /// The extent that begins at byte `offset` of the file, which lies before the file's end.
    fn at(&mut self, offset: u64) -> Result<Extent, ReadError>;
}

/// An open file. Nobody else writes to the volume, so it stays what it was.
pub(crate) struct Contents<E> {
    pages: Arc<Pages>,
    extents: E,
    size: u64,
    /// What lies behind was never written and is zeros.
    written: u64,
    /// The extent found last, with the place in the file that it begins at.
    current: Option<(u64, Extent)>,
}

impl<E: Extents> Contents<E> {
    pub(crate) fn new(pages: Arc<Pages>, extents: E, size: u64, written: u64) -> Self {
        Self {
            pages,
            extents,
            size,
            written: written.min(size),
            current: None,
        }
    }

    fn extent_at(&mut self, offset: u64) -> Result<Extent, ReadError> {
        if offset >= self.written {
            return Ok(Extent {
                physical: None,
                length: self.size - offset,
            });
        }
        let (start, extent) = match self.current {
            Some((start, extent)) if start <= offset && offset - start < extent.length => {
                (start, extent)
            }
            _ => (offset, self.extents.at(offset)?),
        };
        self.current = Some((start, extent));
        let skipped = offset - start;
        Ok(Extent {
            physical: extent.physical.map(|at| at.saturating_add(skipped)),
            length: (extent.length - skipped).min(self.written - offset),
        })
    }
}

impl<E: Extents> FileReader for Contents<E> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let extent = self.extent_at(offset + done as u64)?;
            let length = usize::try_from(extent.length)
                .unwrap_or(usize::MAX)
                .min(rest.len())
                .max(1);
            let part = rest.get_mut(..length).unwrap_or_default();
            match extent.physical {
                Some(physical) => self.pages.read_data(physical, part)?,
                None => part.fill(0),
            }
            done += length;
        }
        Ok(done)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}

/// A file whose contents are at hand: small ones that lie within the records of the file system.
pub(crate) struct Held(pub(crate) Vec<u8>);

impl FileReader for Held {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let there = self.0.get(from..).unwrap_or_default();
        let length = there.len().min(buffer.len());
        buffer
            .iter_mut()
            .zip(there)
            .for_each(|(to, from)| *to = *from);
        Ok(length)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}
