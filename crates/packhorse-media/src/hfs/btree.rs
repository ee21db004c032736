//! Trees of sorted records, in nodes of a file: the catalog and the extents.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::bytes::{be16, be32, byte};
use crate::hfs::damaged;
use crate::hfs::filesystem::FileSystem;
use crate::hfs::fork::Fork;
use crate::volume::ReadError;

const DESCRIPTOR_BYTES: usize = 14;
const HEADER_BYTES: usize = 128;
/// The format's own.
const NODE_BYTES: std::ops::RangeInclusive<usize> = 512..=32 * 1024;
/// Each level has at least twice as many nodes as the one above it.
const DEPTH_MAX: u16 = 32;
const LEAF: u8 = 0xff;
const INDEX: u8 = 0;

/// A tree.
#[derive(Clone, Debug)]
pub(super) struct BTree {
    owner: u32,
    fork: Fork,
    pub(super) node_bytes: usize,
    root: u32,
    depth: u16,
    pub(super) last_leaf: u32,
    nodes: u64,
    /// Names differ by case.
    pub(super) is_case_sensitive: bool,
}

/// A node.
#[derive(Clone)]
pub(super) struct Node {
    bytes: Arc<[u8]>,
}

/// A place among the leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) node: u32,
    pub(super) record: u16,
}

impl BTree {
    /// Reads the header of the tree in the file `owner`.
    pub(super) fn open(fs: &FileSystem, owner: u32, fork: &Fork) -> Result<Self, ReadError> {
        const BINARY: u8 = 0xbc;
        let mut tree = Self {
            owner,
            fork: *fork,
            node_bytes: DESCRIPTOR_BYTES + HEADER_BYTES,
            root: 0,
            depth: 0,
            last_leaf: 0,
            nodes: 1,
            is_case_sensitive: false,
        };
        let bytes = tree.read(fs, 0)?;
        tree.node_bytes = usize::from(be16(&bytes, 32));
        tree.depth = be16(&bytes, 14);
        tree.root = be32(&bytes, 16);
        tree.last_leaf = be32(&bytes, 28);
        tree.is_case_sensitive = byte(&bytes, 51) == BINARY;
        let is_sound = NODE_BYTES.contains(&tree.node_bytes)
            && tree.node_bytes.is_power_of_two()
            && tree.depth <= DEPTH_MAX
            && byte(&bytes, 8) == 1;
        if !is_sound {
            return Err(damaged("the header of a tree"));
        }
        tree.nodes = fork.size / tree.node_bytes as u64;
        Ok(tree)
    }

    fn read(&self, fs: &FileSystem, number: u32) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; self.node_bytes];
        let mut at = u64::from(number) * self.node_bytes as u64;
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let extent = match self.owner {
                // What finds pieces cannot be asked for its own.
                crate::hfs::filesystem::EXTENTS => fs.locate_inline(&self.fork, at)?,
                owner => fs.locate(owner, &self.fork, at)?,
            };
            let there = usize::try_from(extent.length).unwrap_or(usize::MAX);
            let (part, after) = rest.split_at_mut(there.min(rest.len()));
            let physical = extent.physical.ok_or_else(|| damaged("a node of a tree"))?;
            fs.pages.read(physical, part)?;
            at += part.len() as u64;
            rest = after;
        }
        Ok(bytes)
    }

    /// Reads a leaf, or with `height` a node that many levels above the leaves, which are 1.
    fn node(&self, fs: &FileSystem, number: u32, height: u16) -> Result<Node, ReadError> {
        if u64::from(number) >= self.nodes || number == 0 {
            return Err(damaged(format!("node {number} of {}", self.nodes)));
        }
        let bytes = self.read(fs, number)?;
        let expected = if height == 1 { LEAF } else { INDEX };
        let records = usize::from(be16(&bytes, 10));
        let is_sound = byte(&bytes, 8) == expected
            && u16::from(byte(&bytes, 9)) == height
            && DESCRIPTOR_BYTES + (records + 1) * 2 <= bytes.len();
        match is_sound {
            true => Ok(Node {
                bytes: bytes.into(),
            }),
            false => Err(damaged(format!("node {number} of a tree"))),
        }
    }

    pub(super) fn leaf(&self, fs: &FileSystem, number: u32) -> Result<Node, ReadError> {
        self.node(fs, number, 1)
    }

    /// The last record that is not behind what is looked for; `None` when all are. `order` compares
    /// a key with it.
    pub(super) fn floor(
        &self,
        fs: &FileSystem,
        order: impl Fn(&[u8]) -> Ordering,
    ) -> Result<Option<(Node, Position)>, ReadError> {
        if self.depth == 0 {
            return Ok(None);
        }
        let (mut number, mut height) = (self.root, self.depth);
        loop {
            let node = self.node(fs, number, height)?;
            let mut found = None;
            for record in 0..node.records() {
                let (key, data) = node.record(record)?;
                if order(key) == Ordering::Greater {
                    break;
                }
                found = Some((record, be32(data, 0)));
            }
            let Some((record, child)) = found else {
                return Ok(None);
            };
            if height == 1 {
                let position = Position {
                    node: number,
                    record,
                };
                return Ok(Some((node, position)));
            }
            (number, height) = (child, height - 1);
        }
    }
}

impl Node {
    pub(super) fn records(&self) -> u16 {
        be16(&self.bytes, 10)
    }

    /// The leaves behind and before this one; 0 for none.
    pub(super) fn neighbours(&self) -> (u32, u32) {
        (be32(&self.bytes, 0), be32(&self.bytes, 4))
    }

    /// The key of a record, and what stands behind it.
    pub(super) fn record(&self, number: u16) -> Result<(&[u8], &[u8]), ReadError> {
        let broken = || damaged("a record of a tree");
        // Their places stand at the node's end, the first last.
        let place = |number: usize| {
            let at = self.bytes.len().checked_sub((number + 1) * 2)?;
            Some(usize::from(be16(&self.bytes, at)))
        };
        let number = usize::from(number);
        let (start, end) = place(number).zip(place(number + 1)).ok_or_else(broken)?;
        let record = self.bytes.get(start..end).ok_or_else(broken)?;
        let length = usize::from(be16(record, 0));
        if start < DESCRIPTOR_BYTES || record.len() < 2 + length {
            return Err(broken());
        }
        let (key, data) = record.split_at(2 + length);
        Ok((key.get(2..).unwrap_or_default(), data))
    }
}
