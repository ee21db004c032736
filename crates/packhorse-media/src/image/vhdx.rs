//! VHDX, the format of Hyper-V (\[MS-VHDX\]): blocks found by a table. The log of an image that was
//! not closed is not replayed: such an image is refused with advice.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;

use crate::block::{BlockSource, check_range};
use crate::bytes::{le16, le32, le64};
use crate::image::table::{Tables, stored};
use crate::image::{broken, refused, structure};
use crate::volume::MediaError;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// The format ends at 64 TiB.
const SIZE_MAX: u64 = 64 << 40;
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = MIB..=256 * MIB;
/// A table tells of so many sectors between two maps of sectors.
const CHUNK_SECTORS: u64 = 1 << 23;
/// Entries of the largest disk in the smallest blocks, which nothing makes, would be 512 MiB; the
/// usual blocks of 32 MiB need 16.
const TABLE_BYTES_MAX: u64 = 128 * MIB;
const HEADERS_AT: [u64; 2] = [64 * KIB, 128 * KIB];
const REGIONS_AT: [u64; 2] = [192 * KIB, 256 * KIB];
const REGION_BYTES: usize = 64 * 1024;

/// Names of things, as they lie in the file.
mod id {
    pub(super) const TABLE: u128 =
        u128::from_le_bytes(*b"\x66\x77\xc2\x2d\x23\xf6\x00\x42\x9d\x64\x11\x5e\x9b\xfd\x4a\x08");
    pub(super) const METADATA: u128 =
        u128::from_le_bytes(*b"\x06\xa2\x7c\x8b\x90\x47\x9a\x4b\xb8\xfe\x57\x5f\x05\x0f\x88\x6e");
    pub(super) const PARAMETERS: u128 =
        u128::from_le_bytes(*b"\x37\x67\xa1\xca\x36\xfa\x43\x4d\xb3\xb6\x33\xf0\xaa\x44\xe7\x6b");
    pub(super) const SIZE: u128 =
        u128::from_le_bytes(*b"\x24\x42\xa5\x2f\x1b\xcd\x76\x48\xb2\x11\x5d\xbe\xd8\x3b\xf4\xb8");
    pub(super) const SECTOR: u128 =
        u128::from_le_bytes(*b"\x1d\xbf\x41\x81\x6f\xa9\x09\x47\xba\x47\xf2\x33\xa8\xfa\xab\x5f");
}

/// A disk in a VHDX file.
pub(super) struct Vhdx {
    file: Arc<dyn BlockSource>,
    size: u64,
    block_bytes: u64,
    /// Blocks between two maps of sectors, each of which has an entry too.
    chunk_blocks: u64,
    tables: Tables,
    table_at: u64,
    entries: u64,
}

impl Vhdx {
    pub(super) fn open(file: Arc<dyn BlockSource>) -> std::result::Result<Self, MediaError> {
        check_log(&*file)?;
        let regions = regions(&*file)?;
        let (table_at, table_bytes) = region(&regions, id::TABLE)?;
        let (metadata_at, metadata_bytes) = region(&regions, id::METADATA)?;
        if table_bytes > TABLE_BYTES_MAX || metadata_bytes < REGION_BYTES as u64 {
            return Err(broken("the regions of a VHDX image"));
        }
        let metadata = read(&*file, metadata_at, REGION_BYTES)?;
        let item = |id, length| item(&*file, metadata_at, metadata_bytes, &metadata, id, length);
        let parameters = item(id::PARAMETERS, 8)?;
        let (block_bytes, flags) = (u64::from(le32(&parameters, 0)), le32(&parameters, 4));
        if flags & 2 != 0 {
            return Err(refused(
                "a VHDX image that rests on another file; join them with `qemu-img convert`",
            ));
        }
        let size = le64(&item(id::SIZE, 8)?, 0);
        let sector = u64::from(le32(&item(id::SECTOR, 4)?, 0));
        let is_sound = BLOCK_BYTES.contains(&block_bytes)
            && block_bytes.is_power_of_two()
            && matches!(sector, 512 | 4096)
            && size <= SIZE_MAX;
        if !is_sound {
            return Err(broken("the metadata of a VHDX image"));
        }
        let chunk_blocks = CHUNK_SECTORS * sector / block_bytes;
        let blocks = size.div_ceil(block_bytes);
        let entries = blocks + blocks.saturating_sub(1) / chunk_blocks;
        if entries * 8 > table_bytes {
            return Err(broken("a VHDX image whose table is too small for it"));
        }
        let table_bytes = usize::try_from(entries * 8).unwrap_or(0);
        check_range(file.size(), table_at, table_bytes).map_err(structure)?;
        if !table_at.is_multiple_of(MIB) {
            return Err(broken("the regions of a VHDX image"));
        }
        Ok(Self {
            tables: Tables::new(Arc::clone(&file)),
            table_at,
            entries,
            file,
            size,
            block_bytes,
            chunk_blocks,
        })
    }
}

/// Refuses an image with a log to be replayed. The header with the higher number is in force.
fn check_log(file: &dyn BlockSource) -> std::result::Result<(), MediaError> {
    let mut newest: Option<(u64, bool)> = None;
    for at in HEADERS_AT {
        let mut header = read(file, at, 4096)?;
        let sum = le32(&header, 4);
        header.get_mut(4..8).into_iter().for_each(|sum| sum.fill(0));
        if !header.starts_with(b"head") || crc_fast::crc32_iscsi(&header) != sum {
            continue;
        }
        let number = le64(&header, 8);
        let has_log = header
            .get(48..64)
            .is_some_and(|id| id.iter().any(|byte| *byte != 0));
        if le16(&header, 66) != 1 {
            return Err(refused("a VHDX image of an unknown version"));
        }
        if newest.is_none_or(|(newest, _)| number > newest) {
            newest = Some((number, has_log));
        }
    }
    match newest {
        None => Err(broken("both headers of a VHDX image")),
        Some((_, true)) => Err(refused(
            "a VHDX image that was not closed; `qemu-img check -r all` closes it",
        )),
        Some((_, false)) => Ok(()),
    }
}

fn regions(file: &dyn BlockSource) -> std::result::Result<Vec<u8>, MediaError> {
    for at in REGIONS_AT {
        let mut bytes = read(file, at, REGION_BYTES)?;
        let sum = le32(&bytes, 4);
        bytes.get_mut(4..8).into_iter().for_each(|sum| sum.fill(0));
        if bytes.starts_with(b"regi") && crc_fast::crc32_iscsi(&bytes) == sum {
            return Ok(bytes);
        }
    }
    Err(broken("both region tables of a VHDX image"))
}

fn region(regions: &[u8], wanted: u128) -> std::result::Result<(u64, u64), MediaError> {
    let count = (le32(regions, 8) as usize).min(2047);
    let entries = regions.get(16..).unwrap_or_default().chunks_exact(32);
    let found = entries.take(count).find(|entry| id_at(entry) == wanted);
    let found = found.ok_or_else(|| broken("a VHDX image without its regions"))?;
    Ok((le64(found, 16), u64::from(le32(found, 24))))
}

/// A value of the metadata.
fn item(
    file: &dyn BlockSource,
    at: u64,
    region_bytes: u64,
    metadata: &[u8],
    wanted: u128,
    length: usize,
) -> std::result::Result<Vec<u8>, MediaError> {
    let count = usize::from(le16(metadata, 10)).min(2047);
    let entries = metadata.get(32..).unwrap_or_default().chunks_exact(32);
    let found = entries.take(count).find(|entry| id_at(entry) == wanted);
    let found = found.filter(|_| metadata.starts_with(b"metadata"));
    let found = found.ok_or_else(|| broken("the metadata of a VHDX image"))?;
    let offset = u64::from(le32(found, 16));
    if offset + length as u64 > region_bytes {
        return Err(broken("the metadata of a VHDX image"));
    }
    read(file, at.saturating_add(offset), length)
}

fn id_at(bytes: &[u8]) -> u128 {
    u128::from(le64(bytes, 0)) | u128::from(le64(bytes, 8)) << 64
}

fn read(
    file: &dyn BlockSource,
    at: u64,
    length: usize,
) -> std::result::Result<Vec<u8>, MediaError> {
    if at
        .checked_add(length as u64)
        .is_none_or(|end| end > file.size())
    {
        return Err(broken("the image file is cut off"));
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(at, &mut bytes).map_err(structure)?;
    Ok(bytes)
}

impl BlockSource for Vhdx {
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
            let index = block + block / self.chunk_blocks;
            let entry = match index < self.entries {
                true => u64::from_le_bytes(self.tables.entry(self.table_at + index * 8)?),
                false => 0,
            };
            match entry & 7 {
                // Never written, or given back.
                0..=3 => part.fill(0),
                6 => {
                    let place = (entry >> 20).saturating_mul(MIB);
                    self.file
                        .read_exact_at(place.saturating_add(within), part)?;
                }
                _ => {
                    let what = "a damaged block of a VHDX image";
                    return Err(Error::new(ErrorKind::InvalidData, what));
                }
            }
            at += length as u64;
            rest = after;
        }
        Ok(())
    }
}
