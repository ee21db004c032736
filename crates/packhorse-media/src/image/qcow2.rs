//! qcow2, the format of QEMU (its documentation, "interop/qcow2"): clusters found through two
//! levels of tables. Without backing file, external data or encryption; packed clusters are read.

use std::io::{Error, ErrorKind, Read as _, Result};
use std::sync::{Arc, Mutex, PoisonError};

use crate::block::{BlockSource, check_range};
use crate::bytes::{be32, be64, byte};
use crate::cache::Cache;
use crate::image::table::{Tables, stored};
use crate::image::{broken, refused, structure};
use crate::volume::MediaError;

const HEADER_BYTES: usize = 112;
/// QEMU's own limits.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
const L1_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Unpacked clusters kept, in bytes; at least two clusters.
const UNPACKED_BYTES: usize = 4 * 1024 * 1024;
/// What zstd asks of every reader; the window of a cluster needs no more than the cluster.
const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The part of an entry that is a place.
const PLACE_MASK: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;

mod incompatible {
    pub(super) const EXTERNAL_DATA: u64 = 1 << 2;
    pub(super) const PACKING: u64 = 1 << 3;
    pub(super) const SUBCLUSTERS: u64 = 1 << 4;
    pub(super) const KNOWN: u64 = 0x1f;
    pub(super) const CORRUPT: u64 = 1 << 1;
}

/// How clusters are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Deflate,
    Zstd,
}

/// A disk in a qcow2 file.
pub(super) struct Qcow2 {
    file: Arc<dyn BlockSource>,
    cluster_bits: u32,
    size: u64,
    /// Where the table of tables lies.
    l1_at: u64,
    l1_count: u64,
    packing: Packing,
    tables: Tables,
    /// Clusters unpacked last.
    unpacked: Mutex<Cache>,
}

/// What an entry says about a cluster.
enum Place {
    Zeros,
    At(u64),
    /// Packed, at a place, in at most so many bytes.
    Packed(u64, usize),
}

impl Qcow2 {
    pub(super) fn open(file: Arc<dyn BlockSource>) -> std::result::Result<Self, MediaError> {
        let mut header = [0; HEADER_BYTES];
        let length = HEADER_BYTES.min(usize::try_from(file.size()).unwrap_or(0));
        file.read_exact_at(0, header.get_mut(..length).unwrap_or_default())?;
        let version = be32(&header, 4);
        if !(2..=3).contains(&version) {
            return Err(refused(format!("a QCOW image of version {version}")));
        }
        if be64(&header, 8) != 0 {
            let what =
                "a qcow2 image that rests on another file; join them with `qemu-img convert`";
            return Err(refused(what));
        }
        if be32(&header, 32) != 0 {
            return Err(refused("an encrypted qcow2 image"));
        }
        let features = if version == 3 { be64(&header, 72) } else { 0 };
        if features & incompatible::EXTERNAL_DATA != 0 {
            return Err(refused("a qcow2 image whose data is in another file"));
        }
        if features & (incompatible::SUBCLUSTERS | !incompatible::KNOWN) != 0 {
            return Err(refused("a qcow2 image with extended or unknown features"));
        }
        if features & incompatible::CORRUPT != 0 {
            return Err(broken("a qcow2 image that is marked as damaged"));
        }
        let has_packing = features & incompatible::PACKING != 0 && be32(&header, 100) > 104;
        let packing = match (has_packing, byte(&header, 104)) {
            (false, _) | (true, 0) => Packing::Deflate,
            (true, 1) => Packing::Zstd,
            (true, other) => return Err(refused(format!("qcow2 compression {other}"))),
        };
        let cluster_bits = be32(&header, 20);
        let (size, l1_count) = (be64(&header, 24), u64::from(be32(&header, 36)));
        if !CLUSTER_BITS.contains(&cluster_bits) || l1_count * 8 > L1_BYTES_MAX {
            return Err(broken("the header of a qcow2 image"));
        }
        // One table tells of so many bytes.
        let table_reach = 1u64 << (cluster_bits + cluster_bits - 3);
        if size.div_ceil(table_reach) > l1_count {
            return Err(broken("a qcow2 image whose tables are too small for it"));
        }
        let l1_at = be64(&header, 40);
        check_range(
            file.size(),
            l1_at,
            usize::try_from(l1_count * 8).unwrap_or(0),
        )
        .map_err(structure)?;
        // The format wants whole clusters.
        if !l1_at.is_multiple_of(512) {
            return Err(broken("the header of a qcow2 image"));
        }
        Ok(Self {
            tables: Tables::new(Arc::clone(&file)),
            unpacked: Mutex::new(Cache::new((UNPACKED_BYTES >> cluster_bits).max(2))),
            file,
            cluster_bits,
            size,
            l1_at,
            l1_count,
            packing,
        })
    }

    fn cluster_bytes(&self) -> usize {
        1 << self.cluster_bits
    }

    fn place(&self, cluster: u64) -> Result<Place> {
        let entries_bits = self.cluster_bits - 3;
        let table = cluster >> entries_bits;
        if table >= self.l1_count {
            return Ok(Place::Zeros);
        }
        let entry = |at| self.tables.entry(at).map(u64::from_be_bytes);
        let table_at = entry(self.l1_at + table * 8)? & PLACE_MASK;
        if table_at == 0 {
            return Ok(Place::Zeros);
        }
        let within = cluster & ((1 << entries_bits) - 1);
        let entry = entry(table_at + within * 8)?;
        if entry & COMPRESSED != 0 {
            let place_bits = 62 - (self.cluster_bits - 8);
            let place = entry & ((1 << place_bits) - 1);
            let sectors = (entry & (COMPRESSED - 1)) >> place_bits;
            let length = (sectors + 1) * 512 - place % 512;
            return Ok(Place::Packed(place, usize::try_from(length).unwrap_or(0)));
        }
        Ok(match entry & PLACE_MASK {
            0 => Place::Zeros,
            _ if entry & ZERO != 0 => Place::Zeros,
            place => Place::At(place),
        })
    }

    fn unpack(&self, at: u64, length: usize) -> Result<Arc<[u8]>> {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = unpacked.get(at) {
            return Ok(found);
        }
        // The last of them may end before the sectors that the entry counts.
        let there = self.file.size().saturating_sub(at);
        let length = length.min(usize::try_from(there).unwrap_or(usize::MAX));
        let mut packed = vec![0; length];
        self.file.read_exact_at(at, &mut packed)?;
        let mut bytes = vec![0; self.cluster_bytes()];
        match self.packing {
            Packing::Deflate => {
                let mut from = flate2::read::DeflateDecoder::new(packed.as_slice());
                from.read_exact(&mut bytes)
            }
            Packing::Zstd => ruzstd::decoding::StreamingDecoder::new_with_max_window_size(
                packed.as_slice(),
                WINDOW_BYTES_MAX,
            )
            .map_err(|error| Error::new(ErrorKind::InvalidData, error.to_string()))?
            .read_exact(&mut bytes),
        }
        .map_err(|_| Error::new(ErrorKind::InvalidData, "a damaged cluster of a qcow2 image"))?;
        let bytes: Arc<[u8]> = bytes.into();
        unpacked.put(at, Arc::clone(&bytes));
        Ok(bytes)
    }
}

impl BlockSource for Qcow2 {
    fn size(&self) -> u64 {
        self.size
    }

    fn stored(&self) -> u64 {
        stored(&*self.file, self.size)
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len())?;
        let whole = self.cluster_bytes();
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let within = usize::try_from(at & (whole as u64 - 1)).unwrap_or(0);
            let length = (whole - within).min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            match self.place(at >> self.cluster_bits)? {
                Place::Zeros => part.fill(0),
                Place::At(place) => self.file.read_exact_at(place + within as u64, part)?,
                Place::Packed(place, packed) => {
                    let bytes = self.unpack(place, packed)?;
                    let bytes = bytes.get(within..within + length).unwrap_or_default();
                    part.copy_from_slice(bytes);
                }
            }
            at += length as u64;
            rest = after;
        }
        Ok(())
    }
}
