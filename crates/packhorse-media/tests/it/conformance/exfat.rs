//! Writes a folder into the empty exFAT that mkfs.exfat made: no tool does it without a mount. What
//! it writes must please fsck.exfat. Files lie in one piece, in a chain in order, or in pieces, in
//! turns.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

struct Writer {
    file: File,
    table_at: u64,
    heap_at: u64,
    cluster_bytes: u64,
    count: u32,
    bitmap_at: u64,
    bitmap: Vec<u8>,
    upcase: Vec<u16>,
    next: u32,
    files: u32,
}

/// A file's or folder's place.
#[derive(Clone, Copy, Default)]
struct Placed {
    first: u32,
    size: u64,
    is_contiguous: bool,
}

/// Fills the empty file system on `image` with what `folder` holds.
pub(super) fn fill(image: &Path, folder: &Path) {
    let file = File::options().read(true).write(true).open(image).unwrap();
    let mut boot = [0; 512];
    file.read_exact_at(&mut boot, 0).unwrap();
    let number = |at: usize| u32::from_le_bytes(boot[at..at + 4].try_into().unwrap());
    let in_bytes = |sectors: u32| u64::from(sectors) << boot[108];
    let mut writer = Writer {
        table_at: in_bytes(number(80)),
        heap_at: in_bytes(number(88)),
        cluster_bytes: 1 << (boot[108] + boot[109]),
        count: number(92),
        bitmap_at: 0,
        bitmap: Vec::new(),
        upcase: Vec::new(),
        next: number(96) + 1,
        files: 0,
        file,
    };
    let root = number(96);
    let mut records = writer.own_records(root);
    records.extend(writer.folder(folder));
    writer.write_root(root, &records);
    writer
        .file
        .write_all_at(&writer.bitmap, writer.bitmap_at)
        .unwrap();
}

impl Writer {
    fn place(&self, cluster: u32) -> u64 {
        self.heap_at + u64::from(cluster - 2) * self.cluster_bytes
    }

    fn read(&self, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at).unwrap();
        bytes
    }

    /// The records that mkfs wrote into the root: label, bitmap, table of upper case.
    fn own_records(&mut self, root: u32) -> Vec<u8> {
        let records = self.read(self.place(root), self.cluster_bytes as usize);
        let mut own = Vec::new();
        for record in records.chunks(32).take_while(|record| record[0] != 0) {
            let first = u32::from_le_bytes(record[20..24].try_into().unwrap());
            let size = u64::from_le_bytes(record[24..32].try_into().unwrap()) as usize;
            match record[0] {
                0x81 => {
                    self.bitmap_at = self.place(first);
                    self.bitmap = self.read(self.bitmap_at, size);
                }
                0x82 => self.upcase = expand(&self.read(self.place(first), size)),
                _ => {}
            }
            own.extend_from_slice(record);
        }
        own
    }

    fn take(&mut self) -> u32 {
        let cluster = self.next;
        assert!(cluster < self.count + 2, "the image is too small");
        self.bitmap[(cluster as usize - 2) / 8] |= 1 << ((cluster - 2) % 8);
        self.next += 1;
        cluster
    }

    fn link(&self, from: u32, to: u32) {
        let at = self.table_at + u64::from(from) * 4;
        self.file.write_all_at(&to.to_le_bytes(), at).unwrap();
    }

    fn put(&self, clusters: &[u32], bytes: &[u8]) {
        for (cluster, part) in clusters
            .iter()
            .zip(bytes.chunks(self.cluster_bytes as usize))
        {
            self.file.write_all_at(part, self.place(*cluster)).unwrap();
        }
    }

    /// Writes contents: in one piece, in a chain, or in a chain with its halves exchanged.
    fn store(&mut self, bytes: &[u8]) -> Placed {
        let count = bytes.len().div_ceil(self.cluster_bytes as usize);
        if count == 0 {
            return Placed::default();
        }
        let mut clusters: Vec<u32> = (0..count).map(|_| self.take()).collect();
        self.files += 1;
        let is_contiguous = self.files.is_multiple_of(3);
        if self.files % 3 == 1 {
            clusters.rotate_left(count / 2);
        }
        if !is_contiguous {
            for pair in clusters.windows(2) {
                self.link(pair[0], pair[1]);
            }
            self.link(clusters[count - 1], u32::MAX);
        }
        self.put(&clusters, bytes);
        Placed {
            first: clusters[0],
            size: bytes.len() as u64,
            is_contiguous,
        }
    }

    fn write_root(&mut self, root: u32, records: &[u8]) {
        let mut clusters = vec![root];
        while (clusters.len() as u64) * self.cluster_bytes < records.len() as u64 {
            clusters.push(self.take());
        }
        for pair in clusters.windows(2) {
            self.link(pair[0], pair[1]);
        }
        self.link(clusters[clusters.len() - 1], u32::MAX);
        self.put(&clusters, records);
    }

    /// Writes what a folder holds and gives its records.
    fn folder(&mut self, folder: &Path) -> Vec<u8> {
        let mut items: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|item| item.unwrap())
            .collect();
        items.sort_by_key(fs::DirEntry::file_name);
        let mut records = Vec::new();
        for item in items {
            let data = item.metadata().unwrap();
            let mut placed;
            if data.is_dir() {
                let mut inner = self.folder(&item.path());
                let whole = self.cluster_bytes as usize;
                inner.resize(inner.len().next_multiple_of(whole).max(whole), 0);
                placed = self.store(&inner);
            } else {
                placed = self.store(&fs::read(item.path()).unwrap());
            }
            placed.is_contiguous |= placed.size == 0;
            let name = item.file_name().into_string().unwrap();
            records.extend(self.set(&name, data.is_dir(), data.mtime(), placed));
        }
        records
    }

    /// The set of records of one file.
    fn set(&self, name: &str, is_folder: bool, seconds: i64, placed: Placed) -> Vec<u8> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let names = units.len().div_ceil(15);
        let mut set = vec![0; 32 * (2 + names)];
        set[0] = 0x85;
        set[1] = 1 + names as u8;
        set[4] = if is_folder { 0x10 } else { 0x20 };
        let (date, time, hundredths) = dos(seconds);
        for at in [8, 12, 16] {
            set[at..at + 2].copy_from_slice(&time.to_le_bytes());
            set[at + 2..at + 4].copy_from_slice(&date.to_le_bytes());
        }
        (set[20], set[21]) = (hundredths, hundredths);
        set[22..25].fill(0x80);
        set[32] = 0xc0;
        // A file without clusters may not claim to have them in one piece.
        let flags = if placed.first == 0 {
            0
        } else {
            1 | u8::from(placed.is_contiguous) << 1
        };
        set[33] = flags;
        set[35] = units.len() as u8;
        set[36..38].copy_from_slice(&self.hash(&units).to_le_bytes());
        set[40..48].copy_from_slice(&placed.size.to_le_bytes());
        set[52..56].copy_from_slice(&placed.first.to_le_bytes());
        set[56..64].copy_from_slice(&placed.size.to_le_bytes());
        for (record, units) in set[64..].chunks_mut(32).zip(units.chunks(15)) {
            record[0] = 0xc1;
            for (place, unit) in record[2..].chunks_mut(2).zip(units) {
                place.copy_from_slice(&unit.to_le_bytes());
            }
        }
        let bytes = set
            .iter()
            .enumerate()
            .filter(|(at, _)| !matches!(at, 2 | 3));
        let sum = bytes.fold(0u16, |sum, (_, byte)| {
            sum.rotate_right(1).wrapping_add(u16::from(*byte))
        });
        set[2..4].copy_from_slice(&sum.to_le_bytes());
        set
    }

    fn hash(&self, units: &[u16]) -> u16 {
        let upper = units.iter().map(|unit| self.upcase[usize::from(*unit)]);
        upper.flat_map(u16::to_le_bytes).fold(0u16, |hash, byte| {
            hash.rotate_right(1).wrapping_add(u16::from(byte))
        })
    }
}

/// The table of upper case, whose stretches of unchanged letters are packed.
fn expand(packed: &[u8]) -> Vec<u16> {
    let mut units = packed
        .chunks(2)
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    let mut table: Vec<u16> = Vec::new();
    while let Some(unit) = units.next() {
        match unit {
            0xffff => {
                let count = units.next().unwrap_or(0);
                let start = table.len() as u16;
                table.extend((0..count).map(|step| start.wrapping_add(step)));
            }
            other => table.push(other),
        }
    }
    let start = table.len();
    table.extend((start..0x1_0000).map(|unit| unit as u16));
    table
}

fn dos(seconds: i64) -> (u16, u16, u8) {
    let at = jiff::Timestamp::from_second(seconds).unwrap();
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let date = (at.year() - 1980) as u16 * 512 + at.month() as u16 * 32 + at.day() as u16;
    let time = at.hour() as u16 * 2048 + at.minute() as u16 * 32 + at.second() as u16 / 2;
    (date, time, (at.second() % 2) as u8 * 100)
}
