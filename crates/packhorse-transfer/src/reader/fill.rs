//! Reading a piece of a file: at once, or block by block where the device is failing.
//!
//! A disk may think for minutes about a sector that it cannot read. So a file that meets a read error
//! is put off until everything else is done (`Turn`), and only then are its bytes insisted on.

use packhorse_core::ledger::Verdict;
use packhorse_media::{FileReader, ReadError};

/// What is read at once where a larger read failed: a page of the kernel, a block of most disks.
const BLOCK_BYTES: usize = 4096;
/// Reads of a block before it counts as lost.
const BLOCK_TRIES: u32 = 3;
/// Blocks after a lost one that are looked at (once each), to say how far the damage goes.
const LOST_BLOCKS_MAX: usize = 16;

/// Bytes that are not to be had.
#[derive(Debug)]
pub(crate) struct Lost {
    error: ReadError,
    /// First and last byte, where the device is at fault.
    range: Option<(u64, u64)>,
}

impl Lost {
    /// The row of the file. `ReadError` is followed by the range of the bytes.
    pub(crate) fn verdict(&self) -> Verdict {
        let verdict = self.error.verdict();
        match self.range {
            Some((first, last)) => Verdict {
                code: format!("{}:{first}-{last}", verdict.code),
                ..verdict
            },
            None => verdict,
        }
    }
}

/// Fills `buffer`; a file that ends early is no longer what was listed.
pub(crate) fn fill(
    file: &mut dyn FileReader,
    mut offset: u64,
    mut buffer: &mut [u8],
) -> Result<(), ReadError> {
    while !buffer.is_empty() {
        let read = file.read_at(offset, buffer)?;
        if read == 0 {
            file.finish()?;
            return Err(ReadError::Changed);
        }
        offset += read as u64;
        buffer = buffer.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

/// The same; what the device does not give at once is read block by block, several times.
pub(crate) fn fill_patiently(
    file: &mut dyn FileReader,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), Lost> {
    match fill(file, offset, buffer) {
        Ok(()) => return Ok(()),
        Err(ReadError::Io(_)) => {}
        Err(error) => return Err(Lost { error, range: None }),
    }
    let mut lost: Option<Lost> = None;
    let mut lost_blocks = 0;
    for (index, block) in buffer.chunks_mut(BLOCK_BYTES).enumerate() {
        let first = offset + (index * BLOCK_BYTES) as u64;
        let tries = if lost.is_none() { BLOCK_TRIES } else { 1 };
        match (insist(file, first, block, tries), &mut lost) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => break,
            (Err(error), lost) => {
                let last = first + (block.len() as u64).saturating_sub(1);
                let begun = lost.as_ref().and_then(|lost| lost.range);
                let range = matches!(error, ReadError::Io(_))
                    .then_some((begun.map_or(first, |(begun, _)| begun), last));
                *lost = Some(Lost { error, range });
                lost_blocks += 1;
                if range.is_none() || lost_blocks >= LOST_BLOCKS_MAX {
                    break;
                }
            }
        }
    }
    lost.map_or(Ok(()), Err)
}

fn insist(
    file: &mut dyn FileReader,
    offset: u64,
    block: &mut [u8],
    tries: u32,
) -> Result<(), ReadError> {
    let mut left = tries;
    loop {
        left = left.saturating_sub(1);
        match fill(file, offset, block) {
            Err(ReadError::Io(_)) if left > 0 => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of zeros with lost bytes; a read that touches one fails, so many times.
    struct Failing {
        size: u64,
        lost: std::ops::Range<u64>,
        failures: u32,
        reads: u32,
    }

    impl FileReader for Failing {
        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
            self.reads += 1;
            let end = self.size.min(offset + buffer.len() as u64);
            if self.failures > 0 && offset < self.lost.end && self.lost.start < end {
                self.failures -= 1;
                return Err(ReadError::Io(std::io::Error::other("bad sector")));
            }
            Ok((end - offset) as usize)
        }

        fn finish(&mut self) -> Result<(), ReadError> {
            Ok(())
        }
    }

    fn read(lost: std::ops::Range<u64>, failures: u32) -> (Option<Verdict>, u32) {
        let mut file = Failing {
            size: 1 << 20,
            lost,
            failures,
            reads: 0,
        };
        let read = fill_patiently(&mut file, 65536, &mut [0; 131_072]);
        (read.err().map(|lost| lost.verdict()), file.reads)
    }

    #[test]
    fn a_passing_error_is_no_loss() {
        assert_eq!(read(70_000..70_001, 0), (None, 1));
        assert_eq!(read(70_000..70_001, 3), (None, 1 + 32 + 2));
    }

    #[test]
    fn lost_bytes_are_named_by_their_blocks_after_a_bounded_number_of_reads() {
        let (verdict, reads) = read(70_000..75_000, u32::MAX);
        assert_eq!(verdict.unwrap().code, "ReadError:69632-77823");
        assert_eq!(reads, 1 + 1 + 3 + 1 + 1);
        let (verdict, reads) = read(0..1 << 20, u32::MAX);
        assert_eq!(verdict.unwrap().code, "ReadError:65536-131071");
        assert_eq!(reads, 1 + 3 + 15);
    }

    #[test]
    fn a_file_that_shrank_has_no_lost_bytes() {
        let mut file = Failing {
            size: 100,
            lost: 0..0,
            failures: 0,
            reads: 0,
        };
        let lost = fill_patiently(&mut file, 0, &mut [0; 200]).unwrap_err();
        assert_eq!(lost.verdict(), Verdict::file_changed());
    }
}
