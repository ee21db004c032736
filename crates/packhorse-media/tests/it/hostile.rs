//! Images that were bent to hide files, to take all memory or to go on for ever: each is a row, an
//! error or an end.

use std::cell::Cell;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use packhorse_core::ledger::Verdict;
use packhorse_media::{MediaError, open_device};
use tempfile::TempDir;

use crate::conformance::makers;
use crate::crafted::{image, list, place_of, read, text};
use crate::images::{read_at, write_at};

fn number(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

fn utf16(name: &str) -> Vec<u8> {
    name.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// An NTFS whose root has an index of several blocks.
fn crowded_ntfs() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for name in 0..200 {
        fs::write(tree.join(format!("a long name of a file {name:03}")), "x").unwrap();
    }
    let image = dir.path().join("image");
    makers::ntfs_tiny(&image, &tree);
    (dir, image)
}

/// Where an attribute of NTFS's root lies.
fn root_attribute(image: &Path, kind: u64) -> u64 {
    let cluster = number(&read_at(image, 13, 1)) * 512;
    let root = number(&read_at(image, 0x30, 8)) * cluster + 5 * 1024;
    let mut at = root + number(&read_at(image, root + 0x14, 2));
    while number(&read_at(image, at, 4)) != kind {
        at += number(&read_at(image, at + 4, 4));
    }
    at
}

fn damaged_root(image: &Path) -> bool {
    let found = list(image);
    let row = found.get(b".".as_slice());
    row.is_some_and(|row| row.problem == Some(Verdict::damaged()))
}

#[test]
fn a_map_of_ntfs_that_lost_a_block_of_names_is_a_row() {
    let (_dir, image) = crowded_ntfs();
    assert_eq!(list(&image).len(), 200);
    let map = root_attribute(&image, 0xb0);
    let bits = map + number(&read_at(&image, map + 0x14, 2));
    let before = read_at(&image, bits, 1)[0];
    assert!(before.count_ones() > 1, "{before:b}");
    for bit in 0..8 {
        write_at(&image, bits, &[before ^ 1 << bit]);
        assert!(damaged_root(&image), "bit {bit} of {before:b}");
    }
    write_at(&image, bits, &[before]);
    // The map as a whole, and one that claims to be endless.
    write_at(&image, map, &[0, 1, 0, 0]);
    assert!(damaged_root(&image));
}

#[test]
fn an_endless_map_of_ntfs_comes_to_an_end() {
    let (_dir, image) = crowded_ntfs();
    let index = root_attribute(&image, 0xa0);
    // Allocated, used and written bytes of the index; then none of the map but its size.
    for at in [0x28, 0x30, 0x38] {
        write_at(&image, index + at, &(1u64 << 60).to_le_bytes());
    }
    assert!(damaged_root(&image));
}

#[test]
fn a_name_for_dos_alone_is_listed_and_one_beside_a_real_name_is_not() {
    const DOS: u8 = 2;
    let (_dir, image) = image(makers::ntfs_tiny);
    let (bytes, name) = (fs::read(&image).unwrap(), utf16("OTHER"));
    let (mut in_record, mut in_index) = (None, None);
    for at in 0x5a..bytes.len() - name.len() {
        if bytes[at..].starts_with(&name) && usize::from(bytes[at - 2]) == 5 {
            let is_attribute = number(&bytes[at - 0x5a..at - 0x56]) == 0x30;
            *(if is_attribute {
                &mut in_record
            } else {
                &mut in_index
            }) = Some(at as u64 - 1);
        }
    }
    write_at(&image, in_index.unwrap(), &[DOS]);
    assert_eq!(read(&image, "OTHER").unwrap(), b"sound");
    write_at(&image, in_record.unwrap(), &[1]);
    assert!(!list(&image).contains_key(b"OTHER".as_slice()));
}

#[test]
fn a_file_of_fat_marked_as_a_label_is_a_row() {
    let (_dir, image) = image(makers::fat16_tiny);
    for name in [b"LEAF       ", b"CHAIN      "] {
        write_at(&image, place_of(&image, name) + 11, &[0x28]);
    }
    let rows = text(&list(&image));
    for path in ["OUTER/INNER/LEAF", "CHAIN"] {
        assert!(rows.contains(&(path.to_owned(), Some(500))), "{rows:?}");
    }
    // A real label: in the root and without contents.
    let other = place_of(&image, b"OTHER      ");
    write_at(&image, other + 11, &[0x08]);
    write_at(&image, other + 26, &[0; 6]);
    assert!(!list(&image).contains_key(b"OTHER".as_slice()));
}

/// A FAT32 whose root goes on for `count` records that begin so.
fn long_root(count: usize, first: u8) -> (TempDir, PathBuf) {
    const START: u32 = 20_000;
    let (dir, image) = image(makers::fat32_tiny);
    let boot = read_at(&image, 0, 512);
    let table = number(&boot[14..16]) * 512;
    let table_bytes = number(&boot[36..40]) * 512;
    let heap = table + 2 * table_bytes;
    let clusters = (count * 32).div_ceil(512) as u32;
    let mut chain = Vec::new();
    for cluster in START..START + clusters {
        let next = if cluster + 1 == START + clusters {
            0x0fff_ffff
        } else {
            cluster + 1
        };
        chain.extend(next.to_le_bytes());
    }
    let mut records = Vec::new();
    for name in 0..count {
        let mut record = [0; 32];
        record[..11].copy_from_slice(format!("F{name:07}   ").as_bytes());
        (record[0], record[11]) = (first, 0x20);
        records.extend(record);
    }
    for copy in [table, table + table_bytes] {
        write_at(&image, copy + u64::from(START) * 4, &chain);
        write_at(&image, copy + 2 * 4, &START.to_le_bytes());
    }
    // The root's first cluster is full, so that it goes on.
    let filler: Vec<u8> = (0..16)
        .flat_map(|_| [vec![0xe5; 11], vec![0; 21]].concat())
        .collect();
    write_at(&image, heap, &filler);
    write_at(&image, heap + u64::from(START - 2) * 512, &records);
    (dir, image)
}

#[test]
fn a_folder_of_fat_longer_than_the_format_allows_is_a_row() {
    let (_dir, image) = long_root(66_000, b'F');
    let found = list(&image);
    assert_eq!(found[b".".as_slice()].problem, Some(Verdict::damaged()));
    assert_eq!(found.len(), 65_536 - 16 + 1);
}

#[test]
fn a_walk_that_meets_nothing_ends_when_it_is_told_to() {
    let (_dir, image) = long_root(60_000, 0xe5);
    let device = open_device(&image).unwrap();
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 1000
    };
    let walked = device.volumes()[0].walk_until(&stop, &mut |entry| panic!("{entry:?}"));
    walked.unwrap();
    assert!((1001..1005).contains(&asked.get()), "{asked:?}");
    // A folder too, before it gives anything.
    let folder = open_device(image.parent().unwrap()).unwrap();
    folder.volumes()[0]
        .walk_until(&|| true, &mut |entry| panic!("{entry:?}"))
        .unwrap();
}

/// Changes the records of a file on an exFAT image and mends their checksum.
fn change_set(image: &Path, name: &str, change: impl Fn(&mut [u8])) {
    let at = place_of(image, &utf16(name)) - 2 - 64;
    let mut set = read_at(image, at, 96);
    assert_eq!((set[0], set[1]), (0x85, 2));
    change(&mut set);
    let summed = set
        .iter()
        .enumerate()
        .filter(|(at, _)| !matches!(at, 2 | 3));
    let sum = summed.fold(0u16, |sum, (_, byte)| {
        sum.rotate_right(1).wrapping_add(u16::from(*byte))
    });
    set[2..4].copy_from_slice(&sum.to_le_bytes());
    write_at(image, at, &set);
}

#[test]
fn files_of_exfat_that_lie_where_nothing_can_are_rows() {
    type Change = fn(&mut [u8]);
    let changes: [(&str, Change); 7] = [
        ("behind the last cluster", |set| {
            set[33] = 3;
            set[56..64].copy_from_slice(&(7u64 << 20).to_le_bytes());
            set[52..56].copy_from_slice(&7000u32.to_le_bytes());
        }),
        ("without clusters", |set| set[52..56].fill(0)),
        ("clusters that do not count", |set| set[33] = 0),
        ("written beyond its end", |set| set[40] = 6),
        ("longer than the volume", |set| set[63] = 0x80),
        ("a folder nowhere", |set| {
            set[4] = 0x10;
            set[52..56].copy_from_slice(&1u32.to_le_bytes());
        }),
        ("a folder that is the root", |set| {
            set[4] = 0x10;
            set[33] = 1;
            set[52..56].copy_from_slice(&5u32.to_le_bytes());
        }),
    ];
    for (what, change) in changes {
        let (_dir, image) = image(makers::exfat_tiny);
        let root = read_at(&image, 96, 4);
        change_set(&image, "OTHER", |set| {
            change(set);
            if what == "a folder that is the root" {
                set[52..56].copy_from_slice(&root);
            }
        });
        let rows = text(&list(&image));
        assert!(
            rows.contains(&("OTHER".to_owned(), Some(500))),
            "{what}: {rows:?}"
        );
        assert!(
            rows.contains(&("CHAIN".to_owned(), None)),
            "{what}: {rows:?}"
        );
    }
}

#[test]
fn a_folder_of_exfat_without_clusters_is_empty() {
    let (_dir, image) = image(makers::exfat_tiny);
    change_set(&image, "OTHER", |set| {
        set[4] = 0x10;
        set[33] = 0;
        set[40..48].fill(0);
        set[52..64].fill(0);
    });
    let rows = text(&list(&image));
    assert!(rows.iter().all(|(_, status)| status.is_none()), "{rows:?}");
    assert_eq!(rows.len(), 2, "{rows:?}");
}

#[test]
fn a_container_that_claims_an_exabyte_is_opened_in_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image.qcow2");
    let cluster = 1u64 << 21;
    let mut header = [0; 104];
    header[..4].copy_from_slice(b"QFI\xfb");
    header[4..8].copy_from_slice(&3u32.to_be_bytes());
    header[20..24].copy_from_slice(&21u32.to_be_bytes());
    header[24..32].copy_from_slice(&(1u64 << 60).to_be_bytes());
    header[36..40].copy_from_slice(&(1u32 << 21).to_be_bytes());
    header[40..48].copy_from_slice(&(2 * cluster).to_be_bytes());
    header[100..104].copy_from_slice(&104u32.to_be_bytes());
    let file = File::create(&path).unwrap();
    file.set_len(2 * cluster + (8 << 21)).unwrap();
    file.write_all_at(&header, 0).unwrap();
    let before = peak_kib();
    let refused = open_device(&path).unwrap_err();
    assert!(matches!(refused, MediaError::Unsupported(_)), "{refused}");
    let grown = peak_kib() - before;
    assert!(grown < 40_000, "{grown} KiB");
}

/// The most memory that this process ever held.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
