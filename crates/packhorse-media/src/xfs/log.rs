//! The log: whether the volume was unmounted. Its last record says so, and it is found by the number
//! of the round that stands in every sector of the ring.

use crate::bytes::{be32, byte};
use crate::pages::Pages;
use crate::volume::{MediaError, ReadError};
use crate::xfs::damaged;
use crate::xfs::superblock::Superblock;

const SECTOR: u64 = 512;
const MARK: u32 = 0xfeed_babe;
/// A record has at most 256 KiB and its headers.
const RECORD_SECTORS_MAX: u64 = 1024;
/// One header tells of so many bytes.
const HEADER_REACH: u32 = 32 * 1024;
const UNMOUNTED: u8 = 0x20;

struct Log<'a> {
    pages: &'a Pages,
    at: u64,
    sectors: u64,
}

/// Refuses a volume whose log holds changes.
pub(super) fn check(pages: &Pages, superblock: &Superblock) -> Result<(), MediaError> {
    let refused = |what: &str| Err(MediaError::Unsupported(what.to_owned()));
    if superblock.log_start == 0 {
        return refused("XFS with its log on another device");
    }
    let size = superblock.block_bytes;
    let first = superblock.block(superblock.log_start)?;
    let last = first.checked_add(superblock.log_blocks);
    if superblock.log_blocks == 0 || last.is_none_or(|last| last > superblock.blocks) {
        return Err(damaged("the place of the log").into());
    }
    let log = Log {
        pages,
        at: first * size,
        sectors: superblock.log_blocks * size / SECTOR,
    };
    match log.is_clean()? {
        true => Ok(()),
        false => refused("XFS that was not unmounted; mount it once, so that its log is replayed"),
    }
}

impl Log<'_> {
    fn sector(&self, number: u64) -> Result<Vec<u8>, ReadError> {
        self.pages
            .bytes(self.at + number % self.sectors * SECTOR, SECTOR as usize)
    }

    /// The round in which a sector was written.
    fn round(&self, number: u64) -> Result<u32, ReadError> {
        let sector = self.sector(number)?;
        Ok(match be32(&sector, 0) {
            MARK => be32(&sector, 4),
            round => round,
        })
    }

    /// Where the newest round ends and the one before it goes on.
    fn head(&self) -> Result<u64, ReadError> {
        let newest = self.round(0)?;
        if self.round(self.sectors - 1)? == newest {
            return Ok(0);
        }
        let (mut inside, mut behind) = (0, self.sectors - 1);
        while behind - inside > 1 {
            let middle = inside.midpoint(behind);
            match self.round(middle)? == newest {
                true => inside = middle,
                false => behind = middle,
            }
        }
        Ok(behind)
    }

    /// Whether the record that ends at the head, whole, says that the volume was unmounted.
    fn is_clean(&self) -> Result<bool, ReadError> {
        let head = self.head()?;
        for back in 1..=RECORD_SECTORS_MAX.min(self.sectors) {
            let start = head + self.sectors - back;
            let header = self.sector(start)?;
            if be32(&header, 0) != MARK {
                continue;
            }
            let (length, operations) = (be32(&header, 12), be32(&header, 40));
            // From the second version on headers are as many as the largest record needs.
            let headers = match be32(&header, 8) {
                2 => be32(&header, 320).div_ceil(HEADER_REACH).max(1),
                _ => 1,
            };
            let sectors = u64::from(headers) + u64::from(length).div_ceil(SECTOR);
            let operation = self.sector(start + u64::from(headers))?;
            return Ok(sectors == back && operations == 1 && byte(&operation, 9) & UNMOUNTED != 0);
        }
        Ok(false)
    }
}
