//! The walk over a file system's tree, without recursion, each directory once.

use std::collections::HashMap;
use std::ops::ControlFlow;

use packhorse_core::ledger::{EntryKind, Verdict};

use crate::path::{PATH_BYTES_MAX, is_plain_name, join, spelled_out};
use crate::volume::{Entry, MediaError, ReadError, Stop, Walk};

/// Directories that keep what they read last; deeper in, the outermost read theirs again.
const HELD_MAX: usize = 64;

/// A file system whose directories can be listed.
pub(crate) trait Tree {
    /// Where one is in the listing of a directory; small, and holds no more than can be released.
    type Listing;

    /// The root directory.
    fn root(&self) -> Result<Directory<Self::Listing>, ReadError>;

    /// The next entry of a directory; `None` at the end. After an error the listing goes on behind
    /// what could not be read, and it comes to its end whatever the disk says.
    ///
    /// Whatever it reads is paid for from `budget`; see [`Tree::budget`].
    fn next(
        &self,
        listing: &mut Self::Listing,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Child<Self::Listing>>, ReadError>;

    /// Forgets what can be read again.
    fn release(&self, listing: &mut Self::Listing);

    /// How much of directories a whole walk can meet, in bytes, blocks or whatever the tree counts:
    /// a volume has no more of them than it has room, however its directories are knotted.
    fn budget(&self) -> u64;
}

/// How much of directories a walk may still read, and whether it shall go on at all.
pub(crate) struct Budget<'a> {
    left: u64,
    stop: Stop<'a>,
}

impl<'a> Budget<'a> {
    /// A budget for a whole walk.
    pub(crate) fn new(amount: u64, stop: Stop<'a>) -> Self {
        Self { left: amount, stop }
    }

    /// Pays for a read. After an error nothing more of the directory shall be read.
    pub(crate) fn spend(&mut self, amount: u64) -> Result<(), ReadError> {
        if (self.stop)() {
            return Err(ReadError::Damaged("the walk was ended".to_owned()));
        }
        match self.left.checked_sub(amount) {
            Some(left) => self.left = left,
            None => {
                let what = "more directories than the volume has room for";
                return Err(ReadError::Damaged(what.to_owned()));
            }
        }
        Ok(())
    }
}

/// A directory before it is listed.
pub(crate) struct Directory<L> {
    /// Tells it from every other; `None` for one that cannot be met twice.
    pub(crate) id: Option<u64>,
    pub(crate) listing: L,
}

/// An entry of a directory.
pub(crate) struct Child<L> {
    pub(crate) name: Vec<u8>,
    /// Its path is filled in by the walk.
    pub(crate) entry: Entry,
    /// For a directory that can be listed.
    pub(crate) directory: Option<Directory<L>>,
}

/// The entry of something of which only the name is known.
pub(crate) fn unknown(path: Vec<u8>, kind: EntryKind, problem: Verdict) -> Entry {
    Entry {
        path,
        kind,
        size: 0,
        modified: None,
        mode: None,
        owner: None,
        node: 0,
        first_extent: None,
        problem: Some(problem),
    }
}

/// Walks a tree; see [`crate::volume::Volume::walk_until`].
pub(crate) fn walk<T: Tree>(tree: &T, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
    let root = tree.root()?;
    let mut walker = Walker {
        tree,
        path: Vec::new(),
        levels: Vec::new(),
        seen: Seen::default(),
        budget: Budget::new(tree.budget(), stop),
    };
    walker.is_new(root.id);
    walker.push(root.listing);
    walker.run(stop, each);
    Ok(())
}

/// Looks a name up in the root, by listing it.
pub(crate) fn root_entry<T: Tree>(tree: &T, name: &[u8]) -> Result<Option<Entry>, ReadError> {
    let mut listing = tree.root()?.listing;
    let mut budget = Budget::new(tree.budget(), &|| false);
    let mut damage = None;
    loop {
        match tree.next(&mut listing, &mut budget) {
            Ok(Some(child)) if child.name == name => {
                let path = child.name;
                return Ok(Some(Entry {
                    path,
                    ..child.entry
                }));
            }
            Ok(Some(_)) => {}
            Err(error) => damage = Some(error),
            // It may have stood where the damage is.
            Ok(None) => return damage.map_or(Ok(None), Err),
        }
    }
}

/// One directory on the way from the root to where the walk is.
struct Level<L> {
    listing: L,
    /// Bytes of the walk's path that lead here.
    path_length: usize,
    /// The first thing in it that could not be read.
    problem: Option<Verdict>,
}

struct Walker<'a, T: Tree> {
    tree: &'a T,
    path: Vec<u8>,
    levels: Vec<Level<T::Listing>>,
    seen: Seen,
    budget: Budget<'a>,
}

impl<T: Tree> Walker<'_, T> {
    fn run(mut self, stop: Stop<'_>, each: Walk<'_>) {
        while let Some(level) = self.levels.last_mut() {
            if stop() {
                break;
            }
            let flow = match self.tree.next(&mut level.listing, &mut self.budget) {
                Ok(Some(child)) => self.visit(child, each),
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

    fn visit(&mut self, child: Child<T::Listing>, each: Walk<'_>) -> ControlFlow<()> {
        if !is_plain_name(&child.name) {
            let path = join(&self.path, &spelled_out(&child.name));
            return each(unknown(path, child.entry.kind, Verdict::damaged()));
        }
        let path = join(&self.path, &child.name);
        let entry = Entry {
            path,
            ..child.entry
        };
        match child.directory {
            Some(directory) if entry.problem.is_none() => self.enter(directory, entry, each),
            _ => each(entry),
        }
    }

    /// Goes one step down; a directory that cannot be listed is a row.
    fn enter(
        &mut self,
        directory: Directory<T::Listing>,
        entry: Entry,
        each: Walk<'_>,
    ) -> ControlFlow<()> {
        let problem = if entry.path.len() > PATH_BYTES_MAX {
            Some(Verdict::key_too_long())
        } else if !self.is_new(directory.id) {
            // Its own ancestor, or in two places: a directory has one parent.
            Some(Verdict::damaged())
        } else {
            None
        };
        if problem.is_some() {
            return each(Entry { problem, ..entry });
        }
        self.path = entry.path;
        self.push(directory.listing);
        let outer = self.levels.len().checked_sub(HELD_MAX + 1);
        if let Some(level) = outer.and_then(|outer| self.levels.get_mut(outer)) {
            self.tree.release(&mut level.listing);
        }
        ControlFlow::Continue(())
    }

    fn is_new(&mut self, id: Option<u64>) -> bool {
        id.is_none_or(|id| self.seen.insert(id))
    }

    fn push(&mut self, listing: T::Listing) {
        self.levels.push(Level {
            listing,
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

/// Numbers of one stretch: 64 words of 64 bits.
const STRETCH: u64 = 4096;

/// The directories seen, one bit each, in stretches made when needed: a bit for every number at
/// most, and what has a number is many times larger than that on the device.
#[derive(Default)]
struct Seen(HashMap<u64, Box<[u64; 64]>>);

impl Seen {
    /// Notes a number; `false` when it was there already.
    fn insert(&mut self, number: u64) -> bool {
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
