//! The 32-byte records of a directory, one after the other, whatever they mean.

use crate::bytes::byte;
use crate::fat::clusters::{CircleCheck, Clusters};
use crate::fat::damaged;
use crate::tree::Budget;
use crate::volume::ReadError;

/// Every record has this many bytes.
pub(crate) const RECORD_BYTES: u64 = 32;

/// Where a directory lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// At a fixed place: the root of FAT12 and FAT16.
    Region { at: u64, bytes: u64 },
    /// In a chain of clusters.
    Chain { first: u32 },
    /// In clusters that follow each other (exFAT).
    Contiguous { first: u32, bytes: u64 },
}

impl Place {
    pub(crate) fn chain(first: u32) -> Self {
        Self::Chain { first }
    }
}

/// Goes through the records of one directory.
pub(crate) struct Records {
    place: Place,
    /// The cluster it is in, for a chain.
    cluster: u32,
    /// Bytes into the region, or into the cluster.
    at: u64,
    /// Bytes that may still be read: the format's own limit for a directory.
    left: u64,
    /// Nothing more is to be had: the end was seen, or something could not be read.
    ended: bool,
    circle: CircleCheck,
}

impl Records {
    /// From the first record on, for at most `bytes_max` bytes.
    pub(crate) fn new(place: Place, bytes_max: u64) -> Self {
        let cluster = match place {
            Place::Chain { first } => first,
            Place::Region { .. } | Place::Contiguous { .. } => 0,
        };
        Self {
            place,
            cluster,
            at: 0,
            left: bytes_max,
            ended: false,
            circle: CircleCheck::default(),
        }
    }

    /// The place of the next record on the volume, and the record. `None` at the end, and after an
    /// error.
    pub(crate) fn next(
        &mut self,
        clusters: &Clusters,
        budget: &mut Budget<'_>,
    ) -> Result<Option<(u64, [u8; 32])>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let found = self.fetch(clusters, budget);
        self.ended = !matches!(found, Ok(Some(_)));
        if self.left >= RECORD_BYTES {
            self.left -= RECORD_BYTES;
            return found;
        }
        // More than the format allows: fine only if nothing is there.
        self.ended = true;
        match found {
            Ok(Some((_, record))) if byte(&record, 0) != 0 => {
                Err(damaged("a directory longer than the format allows"))
            }
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Nothing more is to be had from this directory.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    fn fetch(
        &mut self,
        clusters: &Clusters,
        budget: &mut Budget<'_>,
    ) -> Result<Option<(u64, [u8; 32])>, ReadError> {
        budget.spend(RECORD_BYTES)?;
        let Some(place) = self.place(clusters)? else {
            return Ok(None);
        };
        let mut record = [0; 32];
        clusters.pages.read(place, &mut record)?;
        self.at += RECORD_BYTES;
        Ok(Some((place, record)))
    }

    fn place(&mut self, clusters: &Clusters) -> Result<Option<u64>, ReadError> {
        let start = match self.place {
            Place::Region { at, bytes } => (self.at < bytes).then_some(at),
            Place::Contiguous { first, bytes } => {
                let start = clusters.place(first)?;
                let end = clusters.layout.heap_at + clusters.bytes();
                if self.at < bytes && start + self.at >= end {
                    return Err(damaged("a directory that ends behind the last cluster"));
                }
                (self.at < bytes).then_some(start)
            }
            Place::Chain { .. } => {
                if self.at == clusters.layout.cluster_bytes {
                    let Some(next) = clusters.after(self.cluster)? else {
                        return Ok(None);
                    };
                    self.circle.step(next)?;
                    (self.cluster, self.at) = (next, 0);
                }
                Some(clusters.place(self.cluster)?)
            }
        };
        Ok(start.map(|start| start + self.at))
    }
}
