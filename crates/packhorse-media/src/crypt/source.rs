//! A block source through a cipher.

use std::io::Result;
use std::sync::Arc;

use super::xts::Sectors;
use crate::block::{BlockSource, check_range};

/// Sectors of ciphers are numbered in units of this, however long they are.
pub(super) const UNIT_BYTES: u64 = 512;
/// The longest sector of LUKS.
const SECTOR_BYTES_MAX: usize = 4096;

/// Where encrypted data lie and how they are cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    /// Bytes from the start of the source.
    pub(super) offset: u64,
    /// Bytes; a rest that is no whole sector is not there.
    pub(super) size: u64,
    /// Bytes of a sector: 512, 1024, 2048 or 4096.
    pub(super) sector: u32,
    /// The number of the first sector.
    pub(super) first: u64,
}

/// What an encrypted area says when it is read.
pub(super) struct Decrypted {
    source: Arc<dyn BlockSource>,
    cipher: Box<dyn Sectors>,
    area: Area,
}

impl Decrypted {
    pub(super) fn new(
        source: Arc<dyn BlockSource>,
        cipher: Box<dyn Sectors>,
        mut area: Area,
    ) -> Self {
        let there = source.size().saturating_sub(area.offset);
        area.size = area.size.min(there);
        area.size -= area.size % u64::from(area.sector);
        Self {
            source,
            cipher,
            area,
        }
    }

    /// Reads whole sectors.
    fn read_sectors(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let sector = u64::from(self.area.sector);
        self.source
            .read_exact_at(self.area.offset.saturating_add(offset), buffer)?;
        let mut number = self.area.first.wrapping_add(offset / UNIT_BYTES);
        for bytes in buffer.chunks_exact_mut(self.area.sector as usize) {
            self.cipher.decrypt(number, bytes);
            number = number.wrapping_add(sector / UNIT_BYTES);
        }
        Ok(())
    }
}

impl BlockSource for Decrypted {
    fn size(&self) -> u64 {
        self.area.size
    }

    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        check_range(self.area.size, offset, buffer.len())?;
        let sector = self.area.sector as usize;
        let mut edge = [0; SECTOR_BYTES_MAX];
        let (mut at, mut rest) = (offset, buffer);
        while !rest.is_empty() {
            let within = usize::try_from(at % u64::from(self.area.sector)).unwrap_or(0);
            let whole = rest.len() - rest.len() % sector;
            let length = match within == 0 && whole > 0 {
                true => whole,
                false => rest.len().min(sector - within),
            };
            let (now, later) = rest.split_at_mut(length);
            if within == 0 && length == whole {
                self.read_sectors(at, now)?;
            } else if let Some(edge) = edge.get_mut(..sector) {
                self.read_sectors(at - within as u64, edge)?;
                let wanted = edge.get(within..within + length).unwrap_or_default();
                now.copy_from_slice(wanted);
            }
            at += length as u64;
            rest = later;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypt::cipher::CipherSpec;

    #[test]
    fn any_range_reads_what_the_whole_reads() {
        let whole: Vec<u8> = (0..40_000u32).map(|n| ((n * 7) >> 3) as u8).collect();
        for sector in [512, 4096] {
            let area = Area {
                offset: 100,
                size: u64::MAX,
                sector,
                first: 3,
            };
            let cipher = CipherSpec::parse("aes-xts-plain64").unwrap();
            let cipher = cipher.with_key(&[9; 64]).unwrap();
            let source = Decrypted::new(Arc::new(whole.clone()), cipher, area);
            let size = source.size() as usize;
            assert_eq!(size, (40_000 - 100) / sector as usize * sector as usize);
            let mut all = vec![0; size];
            source.read_exact_at(0, &mut all).unwrap();
            for (offset, length) in [(0, 1), (1, 511), (511, 2), (4095, 4098), (500, 13_000)] {
                let mut part = vec![0; length];
                source.read_exact_at(offset, &mut part).unwrap();
                assert_eq!(part, all[offset as usize..][..length], "{sector} {offset}");
            }
            assert!(source.read_exact_at(size as u64, &mut [0]).is_err());
            source.read_exact_at(size as u64 - 1, &mut [0]).unwrap();
        }
    }
}
