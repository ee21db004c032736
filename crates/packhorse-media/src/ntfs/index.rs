//! Directories: an index of names, its first node in the record, the others in blocks. The blocks
//! in use are read one after the other; their order as a tree is not needed for a listing. That each
//! is referred to once is: a map that lost a block would hide its names.

use std::sync::Arc;

use crate::bytes::{byte, le16, le32, le64};
use crate::names::{from_utf16, units_le};
use crate::ntfs::damaged;
use crate::ntfs::mft::Mft;
use crate::ntfs::record::{kind, restore};
use crate::ntfs::stream::Stream;
use crate::tree::Budget;
use crate::volume::{FileReader, ReadError};

/// The index of a directory is named `$I30`.
const NAME: &[u8] = b"$\0I\x003\x000\0";
/// Blocks of an index have 4 KiB or a cluster.
const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 512..=2 * 1024 * 1024;
/// Names for DOS stand beside the real ones.
const DOS_NAME: u8 = 2;
/// How much of the map of used blocks is held.
const MAP_BYTES: u64 = 4096;

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) reference: u64,
    pub(super) name: Vec<u8>,
    /// A name of eight and three letters, for DOS alone.
    pub(super) is_for_dos: bool,
}

/// Where one is in the index of a directory.
pub(super) struct Index {
    reference: u64,
    /// What can be opened again.
    open: Option<Open>,
    /// 0 for the node in the record, then the blocks from 1 on.
    part: u64,
    /// The node that is being listed, and how far.
    node: Option<Node>,
    at: usize,
    census: Census,
}

/// A node: its number among the blocks, none for the first, and its entries.
#[derive(Clone)]
struct Node {
    block: Option<u64>,
    entries: Arc<[u8]>,
}

/// Which blocks were listed and which are referred to. Sums tell them apart as well as lists would,
/// by all but the most deliberate damage, and do not grow.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, block: u64) {
        self.count = self.count.wrapping_add(1);
        self.sum = self.sum.wrapping_add(block);
    }
}

#[derive(Default)]
struct Census {
    listed: Tally,
    referred: Tally,
    /// Something could not be read, which was said: the sums need not agree.
    is_void: bool,
}

/// The parts of a directory.
struct Open {
    root: Arc<[u8]>,
    block_bytes: usize,
    blocks: Option<Box<dyn FileReader>>,
    map: Option<Box<dyn FileReader>>,
    blocks_count: u64,
    /// A stretch of the map, from that byte on.
    map_part: Option<(u64, Vec<u8>)>,
}

impl Index {
    pub(super) fn new(reference: u64) -> Self {
        Self {
            reference,
            open: None,
            part: 0,
            node: None,
            at: 0,
            census: Census::default(),
        }
    }

    /// Forgets what can be read again.
    pub(super) fn release(&mut self) {
        self.open = None;
        self.node = None;
    }

    /// The next name; `None` at the end. After an error the listing goes on with the next block.
    pub(super) fn next(
        &mut self,
        mft: &Arc<Mft>,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Name>, ReadError> {
        loop {
            let node = match &self.node {
                Some(node) => node.clone(),
                None => match self.fetch(mft, budget) {
                    Ok(Some(node)) => node,
                    Ok(None) => return self.end(),
                    Err(error) => return Err(self.fail(error)),
                },
            };
            self.node = Some(node.clone());
            let parsed = parse(&node.entries, self.at).map_err(|error| self.fail(error))?;
            if let Some(child) = parsed.child {
                self.census.referred.add(child);
            }
            match parsed.next {
                Some(next) => self.at = next,
                None => {
                    if let Some(block) = node.block {
                        self.census.listed.add(block);
                    }
                    self.turn();
                }
            }
            if parsed.name.is_some() {
                return Ok(parsed.name);
            }
        }
    }

    fn fail(&mut self, error: ReadError) -> ReadError {
        self.census.is_void = true;
        self.turn();
        error
    }

    /// At the end every block must have been met that others refer to, and no other.
    fn end(&mut self) -> Result<Option<Name>, ReadError> {
        let census = std::mem::take(&mut self.census);
        match census.is_void || census.listed == census.referred {
            true => Ok(None),
            false => Err(damaged(format!(
                "a directory of {} blocks of which {} were found",
                census.referred.count, census.listed.count
            ))),
        }
    }

    /// To the next node.
    fn turn(&mut self) {
        self.part = self.part.saturating_add(1);
        self.node = None;
        self.at = 0;
    }

    /// The entries of the current node, or of the next that is in use.
    fn fetch(
        &mut self,
        mft: &Arc<Mft>,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Node>, ReadError> {
        if self.part == u64::MAX {
            return Ok(None);
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::new(mft, self.reference).inspect_err(|_| self.part = u64::MAX)?,
        };
        if self.part == 0 {
            let entries = Arc::clone(&open.root);
            self.open = Some(open);
            return Ok(Some(Node {
                block: None,
                entries,
            }));
        }
        let found = open.next_used(self.part - 1, budget);
        let Some(block) = found.inspect_err(|_| self.part = u64::MAX)? else {
            self.part = u64::MAX;
            return Ok(None);
        };
        if self.part != block + 1 {
            (self.part, self.at) = (block + 1, 0);
        }
        let paid = budget.spend(open.block_bytes as u64);
        paid.inspect_err(|_| self.part = u64::MAX)?;
        let node = open.block(block);
        self.open = Some(open);
        node.map(Some)
    }
}

impl Open {
    fn new(mft: &Arc<Mft>, reference: u64) -> Result<Self, ReadError> {
        let record = mft.referred(reference)?;
        let located = mft.located(&record)?;
        let find = |kind| Stream::find(mft, &record, &located, kind, NAME);
        let Some(root) = find(kind::INDEX_ROOT)? else {
            return Err(damaged("a directory without an index"));
        };
        // The first node lies in a record, and so is small.
        let size = usize::try_from(root.size).unwrap_or(usize::MAX);
        let mut bytes = vec![0; size.min(mft.boot.record_bytes)];
        root.reader(mft)?.read_at(0, &mut bytes)?;
        let block_bytes = le32(&bytes, 8) as usize;
        let blocks = find(kind::INDEX)?;
        let map = find(kind::BITMAP)?;
        let is_sound = BLOCK_BYTES.contains(&block_bytes) && block_bytes.is_power_of_two();
        if blocks.is_some() && !is_sound {
            return Err(damaged(format!(
                "an index with blocks of {block_bytes} bytes"
            )));
        }
        let in_map = map.as_ref().map_or(0, |map| map.size.saturating_mul(8));
        let blocks_count = blocks
            .as_ref()
            .map_or(0, |blocks| blocks.size / block_bytes.max(1) as u64);
        if blocks_count > in_map {
            return Err(damaged("a directory whose map does not cover its index"));
        }
        // A map may claim more than the volume has room for: it costs nothing to write zeros.
        let room = mft.pages.size() / block_bytes.max(1) as u64;
        let blocks_count = blocks_count.min(room);
        let open = |stream: Option<Stream>| stream.map(|stream| stream.reader(mft)).transpose();
        Ok(Self {
            root: entries(&bytes, 0x10)?.into(),
            block_bytes,
            blocks: open(blocks)?,
            map: open(map)?,
            blocks_count,
            map_part: None,
        })
    }

    /// The first block in use, from `block` on.
    fn next_used(&mut self, block: u64, budget: &mut Budget<'_>) -> Result<Option<u64>, ReadError> {
        let Some(map) = &mut self.map else {
            return Ok(None);
        };
        let mut block = block;
        while block < self.blocks_count {
            let start = block / 8 / MAP_BYTES * MAP_BYTES;
            let part = match self.map_part.take() {
                Some((held, part)) if held == start => part,
                _ => {
                    let mut part = vec![0; MAP_BYTES as usize];
                    let read = map.read_at(start, &mut part)?;
                    part.truncate(read);
                    budget.spend(read as u64)?;
                    part
                }
            };
            let end = ((start + part.len() as u64) * 8).min(self.blocks_count);
            let is_used = |block: &u64| {
                let at = usize::try_from(block / 8 - start).unwrap_or(usize::MAX);
                byte(&part, at) >> (block % 8) & 1 != 0
            };
            let found = (block..end).find(is_used);
            let is_at_the_end = part.is_empty();
            self.map_part = Some((start, part));
            match found {
                Some(found) => return Ok(Some(found)),
                None if is_at_the_end => return Ok(None),
                None => block = end,
            }
        }
        Ok(None)
    }

    /// The entries of a block.
    fn block(&mut self, block: u64) -> Result<Node, ReadError> {
        let Some(blocks) = &mut self.blocks else {
            return Err(damaged("an index without blocks"));
        };
        let mut bytes = vec![0; self.block_bytes];
        let at = block * self.block_bytes as u64;
        if blocks.read_at(at, &mut bytes)? != bytes.len() {
            return Err(damaged("a block of an index"));
        }
        restore(&mut bytes, b"INDX")?;
        Ok(Node {
            // Its number as the entries that refer to it have it.
            block: Some(le64(&bytes, 0x10)),
            entries: entries(&bytes, 0x18)?.into(),
        })
    }
}

/// The entries of a node whose header lies at `at`.
fn entries(bytes: &[u8], at: usize) -> Result<Vec<u8>, ReadError> {
    let (first, end) = (le32(bytes, at) as usize, le32(bytes, at + 4) as usize);
    let entries = bytes.get(at + first..at + end).map(<[u8]>::to_vec);
    entries.ok_or_else(|| damaged("a node of an index"))
}

/// An entry of a node.
struct Parsed {
    /// Where the next is; none behind the last.
    next: Option<usize>,
    /// The block with the names before this one.
    child: Option<u64>,
    /// The last has no name.
    name: Option<Name>,
}

/// Reads the entry at a place of a node.
fn parse(node: &[u8], at: usize) -> Result<Parsed, ReadError> {
    const HAS_CHILD: u16 = 1;
    const LAST: u16 = 2;
    let bytes = node.get(at..).unwrap_or_default();
    let (length, key_length) = (usize::from(le16(bytes, 8)), usize::from(le16(bytes, 10)));
    if bytes.len() < 0x10 || length < 0x10 || length > bytes.len() {
        return Err(damaged("an entry of an index"));
    }
    let flags = le16(bytes, 12);
    let child = match flags & HAS_CHILD {
        0 => None,
        _ if length < 0x18 => return Err(damaged("an entry of an index")),
        _ => Some(le64(bytes, length - 8)),
    };
    if flags & LAST != 0 {
        return Ok(Parsed {
            next: None,
            child,
            name: None,
        });
    }
    let units = usize::from(byte(bytes, 0x10 + 0x40));
    let name = bytes.get(0x52..0x52 + units * 2);
    let Some(name) = name.filter(|_| key_length >= 0x42 + units * 2 && 0x10 + key_length <= length)
    else {
        return Err(damaged("an entry of an index"));
    };
    Ok(Parsed {
        next: Some(at + length),
        child,
        name: Some(Name {
            reference: le64(bytes, 0),
            name: from_utf16(units_le(name)),
            is_for_dos: byte(bytes, 0x10 + 0x41) == DOS_NAME,
        }),
    })
}
