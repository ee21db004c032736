//! The walk over a file system, without recursion, each directory once.

use std::collections::HashMap;
use std::ops::ControlFlow;

use packhorse_core::ledger::{EntryKind, Verdict};

use crate::ext::directory::{Dirent, Listing};
use crate::ext::filesystem::ROOT_INODE;
use crate::ext::inode::Inode;
use crate::ext::volume::{Ext, unknown};
use crate::path::{PATH_BYTES_MAX, is_plain_name, join, spelled_out};
use crate::volume::{Entry, MediaError, ReadError, Walk};

/// Directories whose current block is held; deeper in, the outermost fetch theirs again.
const HELD_BLOCKS_MAX: usize = 64;

/// One directory on the way from the root to where the walk is.
struct Level {
    listing: Listing,
    /// Bytes of the walk's path that lead here.
    path_length: usize,
    /// The first thing in it that could not be read.
    problem: Option<Verdict>,
}

/// A walk: the way from the root to the directory that is being listed.
pub(super) struct ExtWalk<'a> {
    volume: &'a Ext,
    path: Vec<u8>,
    levels: Vec<Level>,
    seen: Seen,
    /// Blocks of directories that may still be read.
    budget: u64,
}

impl<'a> ExtWalk<'a> {
    pub(super) fn start(volume: &'a Ext) -> Result<Self, MediaError> {
        let root = volume.filesystem().inode(ROOT_INODE)?;
        if root.kind != EntryKind::Directory {
            return Err(ReadError::Damaged("the root is no directory".to_owned()).into());
        }
        let mut walk = Self {
            volume,
            path: Vec::new(),
            levels: Vec::new(),
            seen: Seen::default(),
            budget: volume.filesystem().superblock.blocks_count,
        };
        walk.seen.insert(ROOT_INODE);
        walk.push(root);
        Ok(walk)
    }

    pub(super) fn run(mut self, each: Walk<'_>) {
        while let Some(level) = self.levels.last_mut() {
            let flow = match level
                .listing
                .next(self.volume.filesystem(), &mut self.budget)
            {
                Ok(Some(dirent)) => self.visit(&dirent, each),
                Ok(None) => self.leave(each),
                Err(error) => {
                    level.problem.get_or_insert_with(|| error.verdict());
                    ControlFlow::Continue(())
                }
            };
            if flow.is_break() {
                break;
            }
        }
    }

    fn visit(&mut self, dirent: &Dirent, each: Walk<'_>) -> ControlFlow<()> {
        if !is_plain_name(&dirent.name) {
            let path = join(&self.path, &spelled_out(&dirent.name));
            return each(unknown(path, dirent.kind, Verdict::damaged()));
        }
        let path = join(&self.path, &dirent.name);
        let (entry, inode) = self.volume.entry(path, dirent);
        match inode {
            Some(inode) if inode.kind == EntryKind::Directory => self.enter(inode, entry, each),
            _ => each(entry),
        }
    }

    /// Goes one step down; a directory that cannot be listed is a row.
    fn enter(&mut self, inode: Inode, entry: Entry, each: Walk<'_>) -> ControlFlow<()> {
        let problem = if inode.is_encrypted() {
            Some(Verdict::access_denied())
        } else if entry.path.len() > PATH_BYTES_MAX {
            Some(Verdict::key_too_long())
        } else if !self.seen.insert(inode.number) {
            // Its own ancestor, or in two places: a directory has one parent.
            Some(Verdict::damaged())
        } else {
            None
        };
        if problem.is_some() {
            return each(Entry { problem, ..entry });
        }
        self.path = entry.path;
        self.push(inode);
        if let Some(outer) = self.levels.len().checked_sub(HELD_BLOCKS_MAX + 1) {
            self.levels
                .get_mut(outer)
                .into_iter()
                .for_each(|level| level.listing.release());
        }
        ControlFlow::Continue(())
    }

    fn push(&mut self, inode: Inode) {
        self.levels.push(Level {
            listing: Listing::new(inode),
            path_length: self.path.len(),
            problem: None,
        });
    }

    /// Goes one step up. A directory of which something could not be read is a row as well.
    fn leave(&mut self, each: Walk<'_>) -> ControlFlow<()> {
        let left = self.levels.pop();
        let path_length = self.levels.last().map_or(0, |level| level.path_length);
        let flow = match left.and_then(|level| level.problem) {
            Some(problem) => {
                let path = match self.path.is_empty() {
                    true => b".".to_vec(),
                    false => self.path.clone(),
                };
                each(unknown(path, EntryKind::Directory, problem))
            }
            None => ControlFlow::Continue(()),
        };
        self.path.truncate(path_length);
        flow
    }
}

/// Inodes of one stretch of numbers: 64 words of 64 bits.
const STRETCH: u32 = 4096;

/// The directories seen, one bit each, in stretches made when needed: a bit for every inode at
/// most, and inodes are many times larger than that on the device.
#[derive(Default)]
struct Seen(HashMap<u32, Box<[u64; 64]>>);

impl Seen {
    /// Notes a number; `false` when it was there already.
    fn insert(&mut self, number: u32) -> bool {
        let words = self
            .0
            .entry(number / STRETCH)
            .or_insert_with(|| Box::new([0; 64]));
        let bit = 1u64 << (number % 64);
        match words.get_mut((number % STRETCH / 64) as usize) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }
}
