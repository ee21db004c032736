//! The contents of an attribute: within a record, or in runs that several records may list.

use std::sync::Arc;

use crate::contents::{Contents, Extent, Extents, Held};
use crate::ntfs::compressed::Compressed;
use crate::ntfs::damaged;
use crate::ntfs::mft::{Located, Mft};
use crate::ntfs::record::{Body, Record};
use crate::ntfs::runs::{self, Run};
use crate::volume::{FileReader, ReadError};

const COMPRESSED_MASK: u16 = 0x00ff;
const LZNT1: u16 = 1;
const ENCRYPTED: u16 = 0x4000;
/// Windows compresses sixteen clusters of at most 4 KiB together.
const UNIT_BYTES_MAX: u64 = 1024 * 1024;

/// The contents of an attribute.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) size: u64,
    written: u64,
    flags: u16,
    unit_shift: u8,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Resident(Vec<u8>),
    Runs(Segments),
}

/// Which records list the runs.
#[derive(Clone, Debug)]
struct Segments {
    base: u64,
    kind: u32,
    name: Vec<u8>,
    /// The first cluster that each is for, in order, and the record that holds it.
    parts: Vec<(u64, u64)>,
}

impl Stream {
    /// Finds an attribute by kind and name; `None` when the file has none such.
    pub(super) fn find(
        mft: &Mft,
        base: &Record,
        located: &[Located],
        kind: u32,
        name: &[u8],
    ) -> Result<Option<Self>, ReadError> {
        let own = located.iter().filter(|l| l.kind == kind && l.name == name);
        let mut parts: Vec<_> = own.map(|part| (part.lowest, part.holder)).collect();
        parts.sort_unstable();
        let Some((0, first)) = parts.first().copied() else {
            return match parts.is_empty() {
                true => Ok(None),
                false => Err(damaged("a file without its first clusters")),
            };
        };
        let holder = mft.holder(base, first)?;
        let Some(attribute) = holder.attribute(kind, name, 0)? else {
            return Err(damaged("an attribute is not where the list says"));
        };
        Ok(Some(match attribute.body {
            Body::Resident(bytes) => Self {
                size: bytes.len() as u64,
                written: bytes.len() as u64,
                flags: 0,
                unit_shift: 0,
                place: Place::Resident(bytes.to_vec()),
            },
            Body::Runs {
                unit_shift,
                size,
                written,
                ..
            } => Self {
                size,
                written,
                flags: attribute.flags,
                unit_shift,
                place: Place::Runs(Segments {
                    base: base.reference(),
                    kind,
                    name: name.to_vec(),
                    parts,
                }),
            },
        }))
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    /// Where the first byte lies on the volume; `None` when it lies in a record or in a hole.
    pub(super) fn first_byte(&self, mft: &Arc<Mft>) -> Result<Option<u64>, ReadError> {
        self.check(mft)?;
        match &self.place {
            Place::Runs(segments) if self.size > 0 => {
                let mut runs = StreamRuns::new(Arc::clone(mft), segments.clone());
                Ok(runs.at(0)?.physical)
            }
            Place::Runs(_) | Place::Resident(_) => Ok(None),
        }
    }

    /// Opens it.
    pub(super) fn reader(self, mft: &Arc<Mft>) -> Result<Box<dyn FileReader>, ReadError> {
        self.check(mft)?;
        let segments = match self.place {
            Place::Resident(bytes) => return Ok(Box::new(Held(bytes))),
            Place::Runs(segments) => segments,
        };
        let runs = StreamRuns::new(Arc::clone(mft), segments);
        let pages = Arc::clone(&mft.pages);
        if self.flags & COMPRESSED_MASK == 0 {
            let contents = Contents::new(pages, runs, self.size, self.written);
            return Ok(Box::new(contents));
        }
        let unit = mft.boot.cluster_bytes << self.unit_shift;
        Ok(Box::new(Compressed::new(
            pages,
            runs,
            unit,
            self.size,
            self.written,
        )))
    }

    /// Whether the contents can be had at all.
    fn check(&self, mft: &Mft) -> Result<(), ReadError> {
        if self.is_encrypted() {
            return Err(ReadError::Denied);
        }
        // What no file can have: offsets of files are numbers with a sign.
        if self.size > i64::MAX.cast_unsigned() || self.written > self.size {
            return Err(damaged(format!("a file of {} bytes", self.size)));
        }
        match self.flags & COMPRESSED_MASK {
            0 => Ok(()),
            LZNT1
                if (1..=8).contains(&self.unit_shift)
                    && mft.boot.cluster_bytes << self.unit_shift <= UNIT_BYTES_MAX =>
            {
                Ok(())
            }
            other => Err(damaged(format!("compression {other} is unknown"))),
        }
    }
}

/// The runs of a stream, of which those of one record are held at a time.
pub(super) struct StreamRuns {
    mft: Arc<Mft>,
    segments: Segments,
    /// The part whose runs are held, and they.
    held: Option<(usize, Vec<Run>)>,
}

impl StreamRuns {
    fn new(mft: Arc<Mft>, segments: Segments) -> Self {
        Self {
            mft,
            segments,
            held: None,
        }
    }

    fn runs(&mut self, cluster: u64) -> Result<&[Run], ReadError> {
        let parts = &self.segments.parts;
        let behind = parts.partition_point(|(lowest, _)| *lowest <= cluster);
        let index = behind.saturating_sub(1);
        if self.held.as_ref().is_none_or(|(held, _)| *held != index) {
            let Some((lowest, holder)) = parts.get(index).copied() else {
                return Err(damaged("a file without clusters"));
            };
            let base = self.mft.referred(self.segments.base)?;
            let record = self.mft.holder(&base, holder)?;
            let found = record.attribute(self.segments.kind, &self.segments.name, lowest)?;
            let Some(Body::Runs { pairs, .. }) = found.map(|found| found.body) else {
                return Err(damaged("an attribute is not where the list says"));
            };
            let runs = runs::decode(&self.mft.boot, lowest, pairs)?;
            self.held = Some((index, runs));
        }
        Ok(self.held.as_ref().map_or(&[], |(_, runs)| runs.as_slice()))
    }
}

impl Extents for StreamRuns {
    fn at(&mut self, offset: u64) -> Result<Extent, ReadError> {
        let size = self.mft.boot.cluster_bytes;
        let (cluster, within) = (offset / size, offset % size);
        let Some(run) = runs::find(self.runs(cluster)?, cluster).copied() else {
            return Err(damaged(format!("cluster {cluster} of a file lies nowhere")));
        };
        let skipped = cluster - run.start;
        Ok(Extent {
            physical: run.cluster.map(|first| (first + skipped) * size + within),
            length: (run.length - skipped).saturating_mul(size) - within,
        })
    }
}
