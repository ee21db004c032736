//! Clusters, and the table that chains them: what FAT and exFAT have in common.

use std::sync::Arc;

use crate::bytes::{le16, le32};
use crate::contents::{Extent, Extents};
use crate::fat::damaged;
use crate::pages::Pages;
use crate::volume::ReadError;

/// The number of the first cluster.
const FIRST: u32 = 2;
/// Clusters taken together when they follow each other: bounds what is looked up ahead of a read.
const EXTENT_CLUSTERS_MAX: u64 = 4096;

/// How wide an entry of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    Fat12,
    Fat16,
    Fat32,
    ExFat,
}

impl Width {
    /// Bits of an entry.
    pub(crate) fn bits(self) -> u64 {
        match self {
            Self::Fat12 => 12,
            Self::Fat16 => 16,
            Self::Fat32 | Self::ExFat => 32,
        }
    }

    /// Entries from here on end a chain.
    fn end(self) -> u32 {
        match self {
            Self::Fat12 => 0xff8,
            Self::Fat16 => 0xfff8,
            Self::Fat32 => 0x0fff_fff8,
            Self::ExFat => 0xffff_fff8,
        }
    }
}

/// Where everything lies, in bytes of the volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) table_at: u64,
    /// A copy of the table, for when the first cannot be read.
    pub(crate) second_table_at: Option<u64>,
    pub(crate) heap_at: u64,
    pub(crate) cluster_bytes: u64,
    /// How many clusters there are.
    pub(crate) count: u64,
}

/// The clusters of a volume.
pub(crate) struct Clusters {
    pub(crate) pages: Arc<Pages>,
    pub(crate) layout: Layout,
    width: Width,
}

impl Clusters {
    pub(crate) fn new(pages: Arc<Pages>, layout: Layout, width: Width) -> Self {
        Self {
            pages,
            layout,
            width,
        }
    }

    /// Bytes that all clusters together hold.
    pub(crate) fn bytes(&self) -> u64 {
        self.layout.count.saturating_mul(self.layout.cluster_bytes)
    }

    /// Where a cluster lies.
    pub(crate) fn place(&self, cluster: u32) -> Result<u64, ReadError> {
        match cluster.checked_sub(FIRST).map(u64::from) {
            Some(index) if index < self.layout.count => {
                Ok(self.layout.heap_at + index * self.layout.cluster_bytes)
            }
            _ => Err(damaged(format!(
                "cluster {cluster} of {}",
                self.layout.count
            ))),
        }
    }

    /// The cluster behind `cluster` in its chain; `None` at the end.
    pub(crate) fn after(&self, cluster: u32) -> Result<Option<u32>, ReadError> {
        self.place(cluster)?;
        let first = self.entry(self.layout.table_at, cluster);
        let entry = match (first, self.layout.second_table_at) {
            (Err(ReadError::Io(_)), Some(second)) => self.entry(second, cluster)?,
            (other, _) => other?,
        };
        if entry >= self.width.end() {
            return Ok(None);
        }
        self.place(entry)?;
        Ok(Some(entry))
    }

    fn entry(&self, table_at: u64, cluster: u32) -> Result<u32, ReadError> {
        let mut bytes = [0; 4];
        let cluster = u64::from(cluster);
        Ok(match self.width {
            Width::Fat12 => {
                self.pages
                    .read(table_at + cluster * 3 / 2, bytes.split_at_mut(2).0)?;
                let both = u32::from(le16(&bytes, 0));
                if cluster % 2 == 0 {
                    both & 0xfff
                } else {
                    both >> 4
                }
            }
            Width::Fat16 => {
                self.pages
                    .read(table_at + cluster * 2, bytes.split_at_mut(2).0)?;
                u32::from(le16(&bytes, 0))
            }
            Width::Fat32 | Width::ExFat => {
                self.pages.read(table_at + cluster * 4, &mut bytes)?;
                // The highest four bits of FAT32 mean nothing.
                let mask = if self.width == Width::Fat32 {
                    0x0fff_ffff
                } else {
                    u32::MAX
                };
                le32(&bytes, 0) & mask
            }
        })
    }
}

/// Notices when a chain runs in a circle, after at most two rounds: the tortoise is met again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CircleCheck {
    tortoise: u32,
    steps: u64,
}

impl CircleCheck {
    /// Notes a step; an error when the chain was here before.
    pub(crate) fn step(&mut self, cluster: u32) -> Result<(), ReadError> {
        if self.steps > 0 && cluster == self.tortoise {
            return Err(damaged("a chain of clusters that runs in a circle"));
        }
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.tortoise = cluster;
        }
        Ok(())
    }
}

/// The clusters of one file, in order.
pub(crate) struct Chain {
    clusters: Arc<Clusters>,
    first: u32,
    /// The clusters follow each other on the disk and the table says nothing (exFAT).
    is_contiguous: bool,
    /// Where the search is: the index of a cluster in the file, and the cluster.
    cursor: (u64, u32),
    circle: CircleCheck,
}

impl Chain {
    pub(crate) fn new(clusters: Arc<Clusters>, first: u32, is_contiguous: bool) -> Self {
        Self {
            clusters,
            first,
            is_contiguous,
            cursor: (0, first),
            circle: CircleCheck::default(),
        }
    }

    /// Goes to the cluster with that index in the file.
    fn seek(&mut self, index: u64) -> Result<u32, ReadError> {
        if index < self.cursor.0 {
            self.cursor = (0, self.first);
            self.circle = CircleCheck::default();
        }
        while self.cursor.0 < index {
            match self.clusters.after(self.cursor.1)? {
                Some(next) => self.advance(next)?,
                None => return Err(damaged("a chain of clusters ends before its file")),
            }
        }
        Ok(self.cursor.1)
    }

    fn advance(&mut self, next: u32) -> Result<(), ReadError> {
        self.circle.step(next)?;
        self.cursor = (self.cursor.0 + 1, next);
        Ok(())
    }

    fn contiguous(&self, offset: u64) -> Result<Extent, ReadError> {
        let start = self.clusters.place(self.first)? - self.clusters.layout.heap_at;
        let left = self.clusters.bytes().saturating_sub(start);
        match left.checked_sub(offset) {
            Some(length) if length > 0 => Ok(Extent {
                physical: Some(self.clusters.layout.heap_at + start + offset),
                length,
            }),
            _ => Err(damaged("a file that ends behind the last cluster")),
        }
    }
}

impl Extents for Chain {
    fn at(&mut self, offset: u64) -> Result<Extent, ReadError> {
        if self.is_contiguous {
            return self.contiguous(offset);
        }
        let size = self.clusters.layout.cluster_bytes;
        let (index, within) = (offset / size, offset % size);
        let first = self.seek(index)?;
        let mut count = 1;
        while count < EXTENT_CLUSTERS_MAX {
            match self.clusters.after(self.cursor.1) {
                Ok(Some(next)) if next == self.cursor.1 + 1 => self.advance(next)?,
                // What is wrong behind is met, and said, when it is asked for.
                _ => break,
            }
            count += 1;
        }
        Ok(Extent {
            physical: Some(self.clusters.place(first)? + within),
            length: count * size - within,
        })
    }
}
