//! Reading one file.

use std::sync::Arc;

use crate::ext::damaged;
use crate::ext::filesystem::{FileSystem, Run};
use crate::ext::inline;
use crate::ext::inode::Inode;
use crate::volume::{FileReader, ReadError};

/// An open file. Nobody else writes to the volume, so it stays what it was.
pub(super) struct OpenFile {
    fs: Arc<FileSystem>,
    inode: Inode,
    /// Contents that lie in the inode.
    inline: Option<Vec<u8>>,
    /// The run read last, with the file's block that it begins at.
    run: Option<(u64, Run)>,
}

impl OpenFile {
    pub(super) fn new(fs: Arc<FileSystem>, inode: Inode) -> Result<Self, ReadError> {
        let inline = match inode.is_inline() {
            true => Some(inline::contents(&inode)?),
            false => None,
        };
        Ok(Self {
            fs,
            inode,
            inline,
            run: None,
        })
    }

    /// The run that holds the file's block `logical`, cut so that it begins there.
    fn run_at(&mut self, logical: u64) -> Result<Run, ReadError> {
        let (start, run) = match self.run {
            Some((start, run)) if start <= logical && logical - start < run.length => (start, run),
            _ => (logical, self.fs.map(&self.inode, logical)?),
        };
        self.run = Some((start, run));
        let skipped = logical - start;
        Ok(Run {
            physical: run.physical.map(|physical| physical + skipped),
            length: run.length - skipped,
        })
    }

    /// Fills as much of `buffer` as lies in one run.
    fn read_run(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let size = self.fs.block_size();
        let within = offset % size;
        let run = self.run_at(offset / size)?;
        let available = run.length.saturating_mul(size) - within;
        let length = usize::try_from(available)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let part = buffer.get_mut(..length).unwrap_or_default();
        match run.physical {
            Some(physical) => self.fs.blocks.read_bytes(physical * size + within, part)?,
            None => part.fill(0),
        }
        Ok(length)
    }
}

impl FileReader for OpenFile {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.inode.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        if let Some(contents) = &self.inline {
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let contents = contents.get(from..).and_then(|rest| rest.get(..wanted));
            let contents = contents.ok_or_else(|| damaged("contents within an inode"))?;
            buffer.copy_from_slice(contents);
            return Ok(wanted);
        }
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            done += self.read_run(offset + done as u64, rest)?;
        }
        Ok(done)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        Ok(())
    }
}
