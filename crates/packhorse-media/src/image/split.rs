//! A raw image cut into files named `.001`, `.002` and so on.

use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};

use crate::block::{BlockSource, FileSource};
use crate::image::broken;
use crate::volume::MediaError;

/// More pieces than a name of three digits can count.
const PIECES_MAX: usize = 999;

/// The pieces put together.
struct Split {
    /// Where each begins, and the piece.
    pieces: Vec<(u64, Arc<dyn BlockSource>)>,
    size: u64,
}

/// The whole of which `file` at `path` is the first piece; `file` itself when its name does not end
/// in `.001`. Any further piece is refused by itself: alone it is no disk.
pub(super) fn open(
    path: &Path,
    file: Arc<dyn BlockSource>,
) -> std::result::Result<Arc<dyn BlockSource>, MediaError> {
    let number = path.extension().and_then(|extension| extension.to_str());
    match number {
        Some("001") => {}
        Some(number) if is_later_piece(number) && path.with_extension("001").exists() => {
            return Err(super::refused(format!(
                "a piece of a split image; name its first piece, {}",
                path.with_extension("001").display()
            )));
        }
        _ => return Ok(file),
    }
    let mut size = file.size();
    let mut pieces = vec![(0, file)];
    while pieces.len() < PIECES_MAX {
        let next = path.with_extension(format!("{:03}", pieces.len() + 1));
        let Some(piece) = open_piece(&next)? else {
            break;
        };
        let end = size.checked_add(piece.size());
        pieces.push((size, Arc::new(piece)));
        size = end.ok_or_else(|| broken("a split image of more than 2^64 bytes"))?;
    }
    if let Some(gap) = later_piece(path, pieces.len())? {
        return Err(broken(format!(
            "piece {:03} of a split image is missing, and {} is there",
            pieces.len() + 1,
            gap.display()
        )));
    }
    Ok(Arc::new(Split { pieces, size }))
}

/// The files that opening `path` as an image may open.
pub(super) fn pieces(path: &Path) -> Vec<PathBuf> {
    let mut files = vec![path.to_owned()];
    if path.extension().is_some_and(|number| number == "001") {
        let later = (2..=PIECES_MAX).map(|n| path.with_extension(format!("{n:03}")));
        files.extend(later.take_while(|piece| piece.exists()));
    }
    files
}

fn is_later_piece(extension: &str) -> bool {
    extension.len() == 3 && extension.parse::<u16>().is_ok_and(|number| number > 1)
}

fn open_piece(path: &Path) -> std::result::Result<Option<FileSource>, MediaError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(MediaError::from_open(error.into(), path)),
    };
    let stat = rustix::fs::fstat(&fd).map_err(Error::from)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(Some(FileSource::new(fd)?)),
        _ => Err(broken(format!("{} is no file", path.display()))),
    }
}

/// A piece behind the one that is missing: the disk would be silently cut off.
fn later_piece(path: &Path, count: usize) -> std::result::Result<Option<PathBuf>, MediaError> {
    let mut later = (count + 2..=PIECES_MAX).map(|n| path.with_extension(format!("{n:03}")));
    Ok(later.find(|piece| piece.exists()))
}

impl BlockSource for Split {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        crate::block::check_range(self.size, offset, buffer.len())?;
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let behind = self.pieces.partition_point(|(start, _)| *start <= at);
            // Pieces without a byte share their start with the next one; the last of them counts.
            let piece = self.pieces.get(behind.wrapping_sub(1));
            let (start, piece) = piece.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
            let within = at - start;
            let left = usize::try_from(piece.size() - within).unwrap_or(usize::MAX);
            let length = left.min(rest.len());
            if length == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let (part, after) = rest.split_at_mut(length);
            piece.read_exact_at(within, part)?;
            at += length as u64;
            rest = after;
        }
        Ok(())
    }
}
