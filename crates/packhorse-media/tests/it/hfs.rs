//! What a disc made by xorriso has not: HFS+ with files in many pieces, several names of one file,
//! resource forks, a journal, a wrapper. No tool writes them without a Mac, so that the volume is
//! made here, as Apple's Technical Note TN1150 says; 7-Zip reads it too.

use std::fs;
use std::path::Path;

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_media::open_device;
use tempfile::TempDir;

use crate::crafted::{list, read, text};
use crate::tree::pattern;

const BLOCK: usize = 4096;
const BLOCKS: usize = 512;
const EXTENTS_AT: usize = 2;
const CATALOG_AT: usize = 8;
const CATALOG_NODES: usize = 24;
const FREE: usize = CATALOG_AT + CATALOG_NODES;
const JOURNAL_AT: usize = 400;
/// An hour after noon of the first day of 2020, as the format counts.
const TIME: u32 = 3_660_728_400;

type Piece = (u32, u32);

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn fork(size: u64, pieces: &[Piece], blocks: u32) -> Vec<u8> {
    let mut fork = vec![0; 80];
    put(&mut fork, 0, &size.to_be_bytes());
    put(&mut fork, 12, &blocks.to_be_bytes());
    for (number, (first, count)) in pieces.iter().take(8).enumerate() {
        put(&mut fork, 16 + number * 8, &first.to_be_bytes());
        put(&mut fork, 20 + number * 8, &count.to_be_bytes());
    }
    fork
}

/// A record of a tree: its key and what follows.
type Record = (Vec<u8>, Vec<u8>);

fn catalog_key(parent: u32, name: &str) -> Vec<u8> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let mut key = parent.to_be_bytes().to_vec();
    key.extend((units.len() as u16).to_be_bytes());
    key.extend(units.into_iter().flat_map(u16::to_be_bytes));
    key
}

/// The order of names: NUL is behind everything.
fn order(key: &[u8]) -> (Vec<u8>, Vec<u16>) {
    let units = key[6..]
        .chunks(2)
        .map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    let fold = |unit: u16| match unit {
        0 => u16::MAX,
        0x41..=0x5a => unit + 0x20,
        _ => unit,
    };
    (key[..4].to_vec(), units.map(fold).collect())
}

fn node(kind: u8, height: u8, links: (u32, u32), records: &[Vec<u8>]) -> Vec<u8> {
    let mut node = vec![0; BLOCK];
    put(&mut node, 0, &links.0.to_be_bytes());
    put(&mut node, 4, &links.1.to_be_bytes());
    (node[8], node[9]) = (kind, height);
    put(&mut node, 10, &(records.len() as u16).to_be_bytes());
    let mut at = 14;
    for (number, record) in records.iter().enumerate() {
        put(&mut node, at, record);
        put(
            &mut node,
            BLOCK - 2 * (number + 1),
            &(at as u16).to_be_bytes(),
        );
        at += record.len();
    }
    put(
        &mut node,
        BLOCK - 2 * (records.len() + 1),
        &(at as u16).to_be_bytes(),
    );
    node
}

fn keyed(key: &[u8], data: &[u8]) -> Vec<u8> {
    [&(key.len() as u16).to_be_bytes(), key, data].concat()
}

/// A tree of one or two levels over sorted records, with so many to a leaf.
fn tree(records: &[Record], per_leaf: usize, nodes: usize) -> Vec<u8> {
    let leaves: Vec<_> = records.chunks(per_leaf).collect();
    let count = leaves.len() as u32;
    let mut found = Vec::new();
    let mut index = Vec::new();
    for (number, leaf) in leaves.iter().enumerate() {
        let own = number as u32 + 1;
        let links = (if own == count { 0 } else { own + 1 }, own - 1);
        index.push(keyed(&leaf[0].0, &own.to_be_bytes()));
        let leaf: Vec<_> = leaf.iter().map(|(key, data)| keyed(key, data)).collect();
        found.push(node(0xff, 1, links, &leaf));
    }
    let depth = if count > 1 { 2u16 } else { count as u16 };
    if count > 1 {
        found.push(node(0, 2, (0, 0), &index));
    }
    let mut header = vec![0; 106];
    put(&mut header, 0, &depth.to_be_bytes());
    put(&mut header, 2, &(found.len() as u32).to_be_bytes());
    put(&mut header, 6, &(records.len() as u32).to_be_bytes());
    put(&mut header, 10, &count.min(1).to_be_bytes());
    put(&mut header, 14, &count.to_be_bytes());
    put(&mut header, 18, &(BLOCK as u16).to_be_bytes());
    put(&mut header, 20, &516u16.to_be_bytes());
    put(&mut header, 22, &(nodes as u32).to_be_bytes());
    put(
        &mut header,
        26,
        &((nodes - found.len() - 1) as u32).to_be_bytes(),
    );
    put(&mut header, 37, &[0xcf]);
    put(&mut header, 38, &6u32.to_be_bytes());
    let mut map = vec![0; BLOCK - 14 - 106 - 128 - 8];
    (0..=found.len()).for_each(|number| map[number / 8] |= 0x80 >> (number % 8));
    let mut bytes = node(1, 0, (0, 0), &[header, vec![0; 128], map]);
    bytes.extend(found.concat());
    bytes.resize(nodes * BLOCK, 0);
    bytes
}

#[derive(Default)]
struct Volume {
    catalog: Vec<Record>,
    extents: Vec<Record>,
    data: Vec<(usize, Vec<u8>)>,
    next: usize,
}

impl Volume {
    fn new() -> Self {
        let mut volume = Self {
            next: FREE,
            ..Self::default()
        };
        volume.folder(1, "Volume", 2);
        volume
    }

    fn folder(&mut self, parent: u32, name: &str, id: u32) {
        let mut folder = vec![0; 88];
        put(&mut folder, 0, &1u16.to_be_bytes());
        put(&mut folder, 8, &id.to_be_bytes());
        put(&mut folder, 42, &0o040_755u16.to_be_bytes());
        self.catalog.push((catalog_key(parent, name), folder));
        self.thread(3, parent, name, id);
    }

    fn thread(&mut self, kind: u16, parent: u32, name: &str, id: u32) {
        let thread = [&kind.to_be_bytes()[..], &[0, 0], &catalog_key(parent, name)].concat();
        self.catalog.push((catalog_key(id, ""), thread));
    }

    /// A file in pieces of one block each, the last first; `change` may make it something else.
    fn file(&mut self, parent: u32, name: &str, id: u32, bytes: &[u8], change: impl Fn(&mut [u8])) {
        let blocks = bytes.len().div_ceil(BLOCK);
        let mut pieces = Vec::new();
        for (number, part) in bytes.chunks(BLOCK).enumerate() {
            // Never two beside each other.
            let at = self.next + (blocks - 1 - number) * 2;
            self.data.push((at, part.to_vec()));
            pieces.push((at as u32, 1));
        }
        self.next += blocks * 2;
        let mut file = vec![0; 88];
        put(&mut file, 0, &2u16.to_be_bytes());
        put(&mut file, 2, &2u16.to_be_bytes());
        put(&mut file, 8, &id.to_be_bytes());
        put(&mut file, 16, &TIME.to_be_bytes());
        put(&mut file, 32, &501u32.to_be_bytes());
        put(&mut file, 36, &20u32.to_be_bytes());
        put(&mut file, 42, &0o100_640u16.to_be_bytes());
        file.extend(fork(bytes.len() as u64, &pieces, blocks as u32));
        file.extend(fork(0, &[], 0));
        change(&mut file);
        self.catalog.push((catalog_key(parent, name), file));
        self.thread(4, parent, name, id);
        for (number, more) in pieces.chunks(8).enumerate().skip(1) {
            let mut key = vec![0, 0];
            key.extend(id.to_be_bytes());
            key.extend((number as u32 * 8).to_be_bytes());
            self.extents.push((key, fork(0, more, 0)[16..].to_vec()));
        }
    }

    fn bytes(mut self) -> Vec<u8> {
        self.catalog.sort_by_key(|(key, _)| order(key));
        self.extents.sort();
        let mut bytes = vec![0; BLOCKS * BLOCK];
        let (extents, catalog) = (
            tree(&self.extents, 20, 6),
            tree(&self.catalog, 7, CATALOG_NODES),
        );
        let mut header = vec![0; 512];
        put(&mut header, 0, b"H+\0\x04");
        put(&mut header, 4, &(1u32 << 8).to_be_bytes());
        put(&mut header, 16, &TIME.to_be_bytes());
        put(&mut header, 40, &(BLOCK as u32).to_be_bytes());
        put(&mut header, 44, &(BLOCKS as u32).to_be_bytes());
        put(&mut header, 64, &1000u32.to_be_bytes());
        put(&mut header, 104, &77u64.to_be_bytes());
        put(&mut header, 112, &fork(BLOCK as u64, &[(1, 1)], 1));
        put(
            &mut header,
            192,
            &fork(extents.len() as u64, &[(EXTENTS_AT as u32, 6)], 6),
        );
        let piece = (CATALOG_AT as u32, CATALOG_NODES as u32);
        put(
            &mut header,
            272,
            &fork(catalog.len() as u64, &[piece], piece.1),
        );
        put(&mut bytes, 1024, &header);
        put(&mut bytes, BLOCKS * BLOCK - 1024, &header);
        put(&mut bytes, EXTENTS_AT * BLOCK, &extents);
        put(&mut bytes, CATALOG_AT * BLOCK, &catalog);
        for (block, part) in self.data {
            put(&mut bytes, block * BLOCK, &part);
        }
        bytes
    }
}

fn image(bytes: &[u8]) -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// A volume with one of everything.
fn everything() -> Vec<u8> {
    let mut volume = Volume::new();
    let plain = |_: &mut [u8]| {};
    volume.folder(2, "Photos 2020/21", 20);
    volume.file(20, "in pieces", 30, &pattern(1, 27 * BLOCK - 100), plain);
    volume.file(2, "SIGNATURE", 31, b"version:2.0", plain);
    volume.file(2, "with a resource", 32, b"data", |file| {
        put(file, 168, &fork(10, &[(FREE as u32, 1)], 1));
    });
    volume.file(2, "packed", 33, b"", |file| file[41] = 0x20);
    volume.folder(2, "\0\0\0\0HFS+ Private Data", 40);
    volume.file(40, "iNode99", 41, b"one file with two names", plain);
    for (name, id) in [("first name", 42), ("second name", 43)] {
        volume.file(if id == 42 { 2 } else { 20 }, name, id, b"", |file| {
            put(file, 44, &99u32.to_be_bytes());
            put(file, 48, b"hlnkhfs+");
        });
    }
    volume.file(2, "a folder's other name", 44, b"", |file| {
        put(file, 48, b"fdrpMACS")
    });
    volume.file(2, "soft link", 45, b"SIGNATURE", |file| {
        put(file, 42, &0o120_755u16.to_be_bytes());
    });
    for number in 0..60 {
        volume.file(
            20,
            &format!("IMG_{number:04}.JPG"),
            100 + number,
            b"jpeg",
            plain,
        );
    }
    volume.bytes()
}

#[test]
fn pieces_links_and_forks_of_hfs_plus_are_read() {
    let (_dir, image) = image(&everything());
    let found = list(&image);
    assert_eq!(found.len(), 60 + 9, "{:?}", text(&found));
    let pieces = read(&image, "Photos 2020:21/in pieces").unwrap();
    assert!(pieces == pattern(1, 27 * BLOCK - 100));
    for path in ["first name", "Photos 2020:21/second name"] {
        assert_eq!(read(&image, path).unwrap(), b"one file with two names");
    }
    let entry = &found[b"SIGNATURE".as_slice()];
    assert_eq!((entry.mode, entry.owner), (Some(0o640), Some((501, 20))));
    assert_eq!(entry.modified.unwrap().to_string(), "2020-01-01T13:00:00Z");
    let row = |path: &str| {
        (
            found[path.as_bytes()].kind,
            found[path.as_bytes()].problem.clone(),
        )
    };
    let stream = row("with a resource:com.apple.ResourceFork");
    assert_eq!(
        stream,
        (EntryKind::Other, Some(Verdict::alternate_stream()))
    );
    let packed = Some(Verdict::unsupported_contents());
    assert_eq!(row("packed"), (EntryKind::File, packed));
    assert_eq!(row("a folder's other name"), (EntryKind::Symlink, None));
    assert_eq!(row("soft link"), (EntryKind::Symlink, None));
}

#[test]
fn the_copy_of_the_volume_header_counts_when_the_first_is_damaged() {
    let mut bytes = everything();
    put(&mut bytes, 1024 + 40, &[0; 4]);
    let (_dir, image) = image(&bytes);
    assert_eq!(list(&image).len(), 69);
}

#[test]
fn an_hfs_plus_within_an_older_hfs_is_read() {
    const AT: usize = 40;
    let mut bytes = vec![0; AT * 512];
    bytes.extend(everything());
    put(&mut bytes, 1024, b"BD");
    put(&mut bytes, 1024 + 20, &(BLOCK as u32).to_be_bytes());
    put(&mut bytes, 1024 + 28, &(AT as u16).to_be_bytes());
    put(&mut bytes, 1024 + 124, b"H+\0\0");
    put(&mut bytes, 1024 + 128, &(BLOCKS as u16).to_be_bytes());
    let (_dir, image) = image(&bytes);
    assert_eq!(read(&image, "SIGNATURE").unwrap(), b"version:2.0");
    let first = list(&image)[b"SIGNATURE".as_slice()].first_extent.unwrap() as usize;
    assert!(bytes[first..].starts_with(b"version:2.0"));
}

#[test]
fn folders_within_themselves_and_leaves_that_are_lost_are_rows() {
    let mut volume = Volume::new();
    volume.folder(2, "outer", 20);
    volume.folder(20, "inner", 21);
    // A second name of a folder above.
    let mut again = volume.catalog[2].1.clone();
    put(&mut again, 8, &20u32.to_be_bytes());
    volume.catalog.push((catalog_key(21, "outer"), again));
    volume.file(20, "leaf", 30, b"leaf", |_| {});
    let (_dir, found) = image(&volume.bytes());
    let rows = text(&list(&found));
    let expected = [
        ("outer/inner/outer".to_owned(), Some(500)),
        ("outer/leaf".to_owned(), None),
    ];
    assert_eq!(rows, expected);
    let mut bytes = everything();
    // The link to the leaf behind the second one.
    put(&mut bytes, (CATALOG_AT + 2) * BLOCK, &[0; 4]);
    let (_dir, lost) = image(&bytes);
    let rows = text(&list(&lost));
    assert!(
        rows.iter().any(|(_, status)| *status == Some(500)),
        "{rows:?}"
    );
}

fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(0u32, |sum, byte| {
        sum << 8 ^ sum.wrapping_add(u32::from(*byte))
    })
}

/// Moves a leaf of the catalog into a journal that was not replayed; in its place is something else.
fn journaled(is_little: bool, starts_at_the_end: bool) -> Vec<u8> {
    const SIZE: usize = 16 * BLOCK;
    let long = |value: u64| {
        if is_little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    };
    let word = |value: u32| {
        if is_little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    };
    let short = |value: u16| {
        if is_little {
            value.to_le_bytes()
        } else {
            value.to_be_bytes()
        }
    };
    let mut bytes = everything();
    for at in [1024, BLOCKS * BLOCK - 1024] {
        put(&mut bytes, at + 4, &(1u32 << 13).to_be_bytes());
        put(&mut bytes, at + 12, &(JOURNAL_AT as u32).to_be_bytes());
    }
    let info = JOURNAL_AT * BLOCK;
    put(&mut bytes, info, &1u32.to_be_bytes());
    put(
        &mut bytes,
        info + 36,
        &((info + BLOCK) as u64).to_be_bytes(),
    );
    put(&mut bytes, info + 44, &(SIZE as u64).to_be_bytes());
    // A list of one block, and the block, perhaps around the end of the ring.
    let start = if starts_at_the_end {
        SIZE - BLOCK - 512
    } else {
        512
    };
    let step = |place: usize| {
        if place >= SIZE {
            place - SIZE + 512
        } else {
            place
        }
    };
    let mut header = vec![0; 44];
    put(&mut header, 0, &word(0x4a4e_4c78));
    put(&mut header, 4, &word(0x1234_5678));
    put(&mut header, 8, &long(start as u64));
    put(&mut header, 16, &long(step(start + 2 * BLOCK) as u64));
    put(&mut header, 24, &long(SIZE as u64));
    put(&mut header, 32, &word(BLOCK as u32));
    put(&mut header, 40, &word(512));
    let sum = checksum(&header);
    put(&mut header, 36, &word(sum));
    put(&mut bytes, info + BLOCK, &header);
    let leaf = CATALOG_AT + 1;
    let mut change = vec![0; BLOCK];
    put(&mut change, 0, &short(255));
    put(&mut change, 2, &short(2));
    put(&mut change, 4, &word(2 * BLOCK as u32));
    put(&mut change, 32, &long((leaf * BLOCK / 512) as u64));
    put(&mut change, 40, &word(BLOCK as u32));
    let sum = checksum(&change[..32]);
    put(&mut change, 8, &word(sum));
    change.extend(&bytes[leaf * BLOCK..(leaf + 1) * BLOCK]);
    for (number, sector) in change.chunks(512).enumerate() {
        put(
            &mut bytes,
            info + BLOCK + step(start + number * 512),
            sector,
        );
    }
    put(&mut bytes, leaf * BLOCK, &[0; BLOCK]);
    bytes
}

#[test]
fn the_journal_of_a_disk_that_was_not_ejected_is_replayed() {
    for is_little in [true, false] {
        for at_the_end in [true, false] {
            let (_dir, image) = image(&journaled(is_little, at_the_end));
            let rows = text(&list(&image));
            assert_eq!(rows.len(), 69, "{is_little} {at_the_end}: {rows:?}");
            assert!(
                !rows.iter().any(|(_, status)| *status == Some(500)),
                "{rows:?}"
            );
        }
    }
}

#[test]
fn a_damaged_journal_is_an_error_and_a_change_half_written_is_not_there() {
    let sound = journaled(true, false);
    let at = JOURNAL_AT * BLOCK + BLOCK;
    let mut bytes = sound.clone();
    bytes[at + 9] ^= 1;
    let (_dir, broken) = image(&bytes);
    let error = open_device(Path::new(&broken)).unwrap_err().to_string();
    assert!(error.contains("journal"), "{error}");
    let mut bytes = sound;
    bytes[at + 512 + 8] ^= 1;
    let (_dir, half) = image(&bytes);
    let rows = text(&list(&half));
    assert!(
        rows.iter().any(|(_, status)| *status == Some(500)),
        "{rows:?}"
    );
}
