//! VHD, the older format of Virtual PC and Hyper-V (Microsoft's "Virtual Hard Disk Image Format
//! Specification"): fixed, which is a raw image with a footer, and dynamic, blocks found by a table.

use std::io::Result;
use std::sync::Arc;

use crate::block::{BlockSource, Part, check_range};
use crate::bytes::{be32, be64};
use crate::image::table::{Tables, stored};
use crate::image::{broken, refused, structure};
use crate::volume::MediaError;

const FOOTER_BYTES: usize = 512;
const SECTOR: u64 = 512;
const COOKIE: &[u8] = b"conectix";
const DYNAMIC_COOKIE: &[u8] = b"cxsparse";
/// The format ends at 2,040 GiB.
const SIZE_MAX: u64 = 2040 << 30;
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = 4096..=256 * 1024 * 1024;
/// Blocks of 2 MiB are usual; this many hold the largest disk in blocks a quarter of that.
const BLOCKS_MAX: u64 = 4 * 1024 * 1024;
const UNUSED: u32 = u32::MAX;

/// A disk in a VHD file.
pub(super) struct Vhd {
    file: Arc<dyn BlockSource>,
    size: u64,
    block_bytes: u64,
    /// Bytes of the map of sectors before each block.
    map_bytes: u64,
    /// The sector where each block begins.
    tables: Tables,
    table_at: u64,
    count: u64,
}

impl Vhd {
    /// The disk, if the file ends or begins as a VHD does.
    pub(super) fn open(
        file: &Arc<dyn BlockSource>,
    ) -> std::result::Result<Option<Arc<dyn BlockSource>>, MediaError> {
        let Some(footer_at) = file.size().checked_sub(FOOTER_BYTES as u64) else {
            return Ok(None);
        };
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(footer_at, &mut footer)?;
        let mut is_at_the_end = true;
        if !is_footer(&footer) {
            // A dynamic one has a copy in front, which is whole when a crash cut the end off.
            file.read_exact_at(0, &mut footer)?;
            is_at_the_end = false;
        }
        if !is_footer(&footer) {
            return Ok(None);
        }
        let size = be64(&footer, 48);
        match be32(&footer, 60) {
            2 if is_at_the_end && size <= footer_at => {
                Ok(Some(Arc::new(Part::new(Arc::clone(file), 0, size))))
            }
            2 => Err(broken("a fixed VHD image that is cut off")),
            3 => Ok(Some(Arc::new(Self::dynamic(
                Arc::clone(file),
                size,
                be64(&footer, 16),
            )?))),
            4 => Err(refused(
                "a VHD image that rests on another file; join them with `qemu-img convert`",
            )),
            other => Err(refused(format!("a VHD image of kind {other}"))),
        }
    }

    fn dynamic(
        file: Arc<dyn BlockSource>,
        size: u64,
        header_at: u64,
    ) -> std::result::Result<Self, MediaError> {
        let mut header = [0; 1024];
        file.read_exact_at(header_at, &mut header)
            .map_err(structure)?;
        let block_bytes = u64::from(be32(&header, 32));
        let count = u64::from(be32(&header, 28));
        let is_sound = header.starts_with(DYNAMIC_COOKIE)
            && BLOCK_BYTES.contains(&block_bytes)
            && block_bytes.is_power_of_two()
            && size <= SIZE_MAX
            && count <= BLOCKS_MAX
            && size.div_ceil(block_bytes.max(1)) <= count;
        if !is_sound {
            return Err(broken("the header of a VHD image"));
        }
        let table_at = be64(&header, 16);
        check_range(
            file.size(),
            table_at,
            usize::try_from(count * 4).unwrap_or(0),
        )
        .map_err(structure)?;
        if !table_at.is_multiple_of(SECTOR) {
            return Err(broken("the header of a VHD image"));
        }
        Ok(Self {
            tables: Tables::new(Arc::clone(&file)),
            table_at,
            count,
            file,
            size,
            block_bytes,
            map_bytes: (block_bytes / SECTOR / 8).next_multiple_of(SECTOR),
        })
    }
}

fn is_footer(bytes: &[u8]) -> bool {
    let bytes_sum = bytes
        .iter()
        .enumerate()
        .filter(|(at, _)| !(64..68).contains(at))
        .fold(0u32, |sum, (_, byte)| sum.wrapping_add(u32::from(*byte)));
    bytes.starts_with(COOKIE) && be32(bytes, 64) == !bytes_sum
}

impl BlockSource for Vhd {
    fn size(&self) -> u64 {
        self.size
    }

    fn stored(&self) -> u64 {
        stored(&*self.file, self.size)
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.size, offset, buffer.len())?;
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let (block, within) = (at / self.block_bytes, at % self.block_bytes);
            let left = usize::try_from(self.block_bytes - within).unwrap_or(usize::MAX);
            let length = left.min(rest.len());
            let (part, after) = rest.split_at_mut(length);
            let sector = match block < self.count {
                true => u32::from_be_bytes(self.tables.entry(self.table_at + block * 4)?),
                false => UNUSED,
            };
            // Sectors of a block that were never written are zeros in it.
            match sector {
                UNUSED => part.fill(0),
                sector => {
                    let place = u64::from(sector) * SECTOR + self.map_bytes + within;
                    self.file.read_exact_at(place, part)?;
                }
            }
            at += length as u64;
            rest = after;
        }
        Ok(())
    }
}
