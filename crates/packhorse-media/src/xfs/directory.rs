//! Directories: names in the inode, or in blocks of which those with an index are passed over.

use packhorse_core::ledger::EntryKind;

use crate::bytes::{be16, be32, be64, byte};
use crate::pages::Pages;
use crate::tree::Budget;
use crate::volume::ReadError;
use crate::xfs::extents::{locate, mark};
use crate::xfs::inode::{Format, Inode};
use crate::xfs::superblock::Superblock;
use crate::xfs::{damaged, sum_is_right};

/// Behind so many bytes a directory has its index.
const INDEX_AT: u64 = 1 << 35;

mod marks {
    pub(super) const BLOCK: u32 = 0x5844_4233;
    pub(super) const DATA: u32 = 0x5844_4433;
    pub(super) const OLD_BLOCK: u32 = 0x5844_3242;
    pub(super) const OLD_DATA: u32 = 0x5844_3244;
}

/// A name, and what the directory says that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) name: Vec<u8>,
    pub(super) inode: u64,
    pub(super) kind: EntryKind,
}

/// Where one is in the listing of a directory.
pub(crate) struct Listing {
    inode: Inode,
    /// Where the block that is listed begins, in bytes of the directory.
    at: u64,
    /// Its names and what lies between them; the inode's own without blocks.
    names: Option<Vec<u8>>,
    within: usize,
}

impl Listing {
    pub(super) fn new(inode: Inode) -> Self {
        Self {
            inode,
            at: 0,
            names: None,
            within: 0,
        }
    }

    /// Forgets what can be read again.
    pub(super) fn release(&mut self) {
        self.names = None;
    }

    /// The next name; `None` at the end. After an error the next block is read.
    pub(super) fn next(
        &mut self,
        pages: &Pages,
        superblock: &Superblock,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Name>, ReadError> {
        if self.inode.format == Format::Local {
            return self.next_short(superblock.has_kinds);
        }
        while self.at < self.inode.size.min(INDEX_AT) {
            let names = match self.names.take() {
                Some(names) => names,
                None => match self.fetch(pages, superblock, budget) {
                    Ok(Some(names)) => names,
                    Ok(None) => continue,
                    Err(error) => {
                        self.turn(superblock);
                        return Err(error);
                    }
                },
            };
            match parse(&names, self.within, superblock.has_kinds) {
                Ok(Some((next, name))) => {
                    self.within = next;
                    self.names = Some(names);
                    if let Some(name) = name {
                        return Ok(Some(name));
                    }
                }
                Ok(None) => self.turn(superblock),
                Err(error) => {
                    self.turn(superblock);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    fn turn(&mut self, superblock: &Superblock) {
        self.at = self.at.saturating_add(superblock.directory_bytes);
        self.within = 0;
    }

    /// The names of the block at hand; `None` after a hole was passed.
    fn fetch(
        &mut self,
        pages: &Pages,
        superblock: &Superblock,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let size = superblock.directory_bytes;
        budget.spend(size).inspect_err(|_| self.at = INDEX_AT)?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let extent = locate(pages, superblock, &self.inode, self.at + done as u64)
                .inspect_err(|_| self.at = INDEX_AT)?;
            let Some(physical) = extent.physical else {
                // Blocks whose names are all gone are given back.
                self.at += extent.length.next_multiple_of(size);
                self.within = 0;
                return Ok(None);
            };
            let length = usize::try_from(extent.length)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            pages.read(physical, rest.split_at_mut(length).0)?;
            done += length;
        }
        let names = names(&self.inode, superblock, &bytes)?;
        Ok(Some(names.to_vec()))
    }

    /// The next of the names in the inode: how many, whether inodes have eight bytes, the parent,
    /// then the names.
    fn next_short(&mut self, has_kinds: bool) -> Result<Option<Name>, ReadError> {
        let fork = &self.inode.fork;
        let number_bytes = if byte(fork, 1) == 0 { 4 } else { 8 };
        let count = u64::from(byte(fork, 0).max(byte(fork, 1)));
        if self.at >= count {
            return Ok(None);
        }
        if self.at == 0 {
            self.within = 2 + number_bytes;
        }
        let rest = fork.get(self.within..).unwrap_or_default();
        let length = usize::from(byte(rest, 0));
        let kind_at = 3 + length;
        let number_at = kind_at + usize::from(has_kinds);
        let name = rest.get(3..kind_at).filter(|name| !name.is_empty());
        let Some(name) = name.filter(|_| rest.len() >= number_at + number_bytes) else {
            self.at = u64::MAX;
            return Err(damaged("names in an inode"));
        };
        let found = Name {
            name: name.to_vec(),
            inode: match number_bytes {
                4 => u64::from(be32(rest, number_at)),
                _ => be64(rest, number_at),
            },
            kind: kind(has_kinds, byte(rest, kind_at)),
        };
        self.at += 1;
        self.within += number_at + number_bytes;
        Ok(Some(found))
    }
}

/// The part of a block that holds names.
fn names<'a>(
    inode: &Inode,
    superblock: &Superblock,
    bytes: &'a [u8],
) -> Result<&'a [u8], ReadError> {
    let found = mark(bytes);
    let (block, data, header) = match superblock.has_sums {
        true => (marks::BLOCK, marks::DATA, 64),
        false => (marks::OLD_BLOCK, marks::OLD_DATA, 16),
    };
    let is_sound = (found == block || found == data)
        && (!superblock.has_sums || (be64(bytes, 40) == inode.number && sum_is_right(bytes, 4)));
    if !is_sound {
        return Err(damaged("a block of a directory"));
    }
    let end = match found == block {
        // A directory of one block has its index at the end.
        true => {
            let tail = bytes.len().saturating_sub(8);
            let index = (be32(bytes, tail) as usize).checked_mul(8);
            index.and_then(|index| tail.checked_sub(index))
        }
        false => Some(bytes.len()),
    };
    let names = end.and_then(|end| bytes.get(header..end));
    names.ok_or_else(|| damaged("a block of a directory"))
}

/// The name at a place, unless there is none, and where the next is; `None` at the end.
fn parse(
    names: &[u8],
    at: usize,
    has_kinds: bool,
) -> Result<Option<(usize, Option<Name>)>, ReadError> {
    const FREE: u16 = 0xffff;
    let rest = names.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(None);
    }
    if be16(rest, 0) == FREE {
        let length = usize::from(be16(rest, 2));
        return match length >= 8 && length.is_multiple_of(8) && length <= rest.len() {
            true => Ok(Some((at + length, None))),
            false => Err(damaged("free room in a directory")),
        };
    }
    let name_length = usize::from(byte(rest, 8));
    let length = (9 + name_length + usize::from(has_kinds) + 2).next_multiple_of(8);
    let name = rest.get(9..9 + name_length).filter(|name| !name.is_empty());
    let Some(name) = name.filter(|_| length <= rest.len()) else {
        return Err(damaged("a name in a directory"));
    };
    // The first two of every directory.
    let found = (!matches!(name, b"." | b"..")).then(|| Name {
        name: name.to_vec(),
        inode: be64(rest, 0),
        kind: kind(has_kinds, byte(rest, 9 + name_length)),
    });
    Ok(Some((at + length, found)))
}

fn kind(has_kinds: bool, number: u8) -> EntryKind {
    match (has_kinds, number) {
        (true, 1) => EntryKind::File,
        (true, 2) => EntryKind::Directory,
        (true, 3) => EntryKind::CharacterDevice,
        (true, 4) => EntryKind::BlockDevice,
        (true, 5) => EntryKind::Fifo,
        (true, 6) => EntryKind::Socket,
        (true, 7) => EntryKind::Symlink,
        _ => EntryKind::Other,
    }
}
