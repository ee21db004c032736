//! Images that are cut off, are no file system, or are damaged on purpose.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use packhorse_core::ledger::Verdict;
use packhorse_media::{MediaError, ReadError, open_device, read_root_file};
use tempfile::TempDir;

use crate::images::{debugfs, make, number, read_at, replace, write_at};
use crate::tree::{Listing, listing, pattern};

const MIB: u64 = 1024 * 1024;
const WITHOUT_SUMS: &str = "-t ext4 -b 1024 -O ^metadata_csum,^64bit";
const WITH_SUMS: &str = "-t ext4 -b 1024";

/// A folder of three hundred files in several blocks, a file, and a chain of folders.
fn image(options: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("crowd")).unwrap();
    for number in 0..300 {
        fs::write(tree.join(format!("crowd/number {number:05}")), "x").unwrap();
    }
    fs::create_dir_all(tree.join("outer/inner")).unwrap();
    fs::write(tree.join("outer/inner/file"), pattern(1, 5000)).unwrap();
    fs::write(tree.join("other"), pattern(2, 5000)).unwrap();
    let image = dir.path().join("image");
    make(&image, 16 * MIB, &tree, options);
    (dir, image)
}

fn list(image: &Path) -> Listing {
    listing(&*open_device(image).unwrap().volumes()[0])
}

/// The paths of entries that cannot be read because of damage.
fn damaged(found: &Listing) -> Vec<String> {
    let damaged = found
        .values()
        .filter(|entry| entry.problem == Some(Verdict::damaged()));
    damaged
        .map(|entry| String::from_utf8(entry.path.clone()).unwrap())
        .collect()
}

fn crowd(found: &Listing) -> usize {
    found
        .keys()
        .filter(|path| path.starts_with(b"crowd/"))
        .count()
}

#[test]
fn random_bytes_and_empty_files_are_said_to_be_no_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    for (contents, expected) in [
        (
            pattern(7, 3_000_000),
            "unsupported format: random bytes, as a volume encrypted with TrueCrypt or VeraCrypt has",
        ),
        (vec![0; 3_000_000], "unsupported format: only zeros"),
        (
            b"short".to_vec(),
            "unsupported format: no known file system",
        ),
        (Vec::new(), "unsupported format: no bytes"),
        (
            b"\x1f\x8b\x08 a zipped image".to_vec(),
            "unsupported format: a gzip file",
        ),
    ] {
        fs::write(&path, contents).unwrap();
        assert_eq!(open_device(&path).unwrap_err().to_string(), expected);
    }
}

#[test]
fn other_file_systems_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    for (at, mark, name) in [
        (3, b"ReFS\0\0\0\0".as_slice(), "ReFS"),
        (3, b"-FVE-FS-", "a volume encrypted with BitLocker"),
        (82, b"FAT32   ", "FAT32"),
        (54, b"FAT16   ", "FAT16"),
        (4120, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca", "bcachefs"),
        (0, b"hsqs", "SquashFS"),
        (32769, b"BEA01\x01", "UDF"),
        (1024, b"BD\0\0", "HFS"),
        (4096, b"\xfc\x4e\x2b\xa9", "a Linux RAID member"),
        (0, b"SPACEDB ", "a Windows storage pool"),
        (
            0,
            b"LUKS\xba\xbe\x00\x09",
            "a volume encrypted with LUKS, version 9",
        ),
        (0x10040, b"_BHRfS_M", "Btrfs"),
        (32, b"NXSB", "APFS"),
        (536, b"LVM2 001", "no known file system"),
        (512, b"LABELONE", "an LVM physical volume"),
        (0x20000, b"\x0c\xb1\xba\0", "a ZFS pool"),
        (4086, b"SWAPSPACE2", "swap space"),
    ] {
        File::create(&path).unwrap().set_len(MIB).unwrap();
        // FAT, ReFS and BitLocker end their first sector as a boot record does.
        write_at(&path, 510, b"\x55\xaa");
        write_at(&path, at, mark);
        let error = open_device(&path).unwrap_err();
        assert!(
            matches!(&error, MediaError::Unsupported(what) if what == name),
            "{error}"
        );
    }
}

#[test]
fn an_image_that_was_cut_off_is_refused_with_both_sizes() {
    let (_dir, image) = image(WITH_SUMS);
    File::options()
        .write(true)
        .open(&image)
        .unwrap()
        .set_len(9 * MIB)
        .unwrap();
    let error = open_device(&image).unwrap_err();
    assert_eq!(
        error.to_string(),
        "damaged: ext file system: ext superblock: the file system has 16777216 bytes and the \
         device only 9437184; it is cut off"
    );
}

#[test]
fn a_changed_superblock_is_refused_by_its_checksum() {
    let (_dir, image) = image(WITH_SUMS);
    write_at(&image, 1024 + 0x90, b"?");
    let error = open_device(&image).unwrap_err();
    assert!(matches!(error, MediaError::Damaged(_)), "{error}");
}

#[test]
fn unknown_features_are_named() {
    let (_dir, image) = image(WITHOUT_SUMS);
    let incompat = read_at(&image, 1024 + 0x60, 4);
    write_at(
        &image,
        1024 + 0x60,
        &[incompat[0], incompat[1], incompat[2], 0x40],
    );
    let error = open_device(&image).unwrap_err().to_string();
    assert_eq!(
        error,
        "unsupported format: ext4 with unknown features 0x40000000"
    );
}

#[test]
fn a_damaged_directory_block_is_a_row_and_the_other_blocks_are_listed() {
    for options in [WITH_SUMS, WITHOUT_SUMS] {
        let (_dir, image) = image(options);
        let all = list(&image).len();
        let block = number(&image, "bmap crowd 2");
        write_at(&image, block * 1024 + 4, &[0xff; 8]);
        let found = list(&image);
        assert_eq!(damaged(&found), ["crowd"], "{options}");
        assert!(
            (200..300).contains(&crowd(&found)),
            "{options}: {}",
            crowd(&found)
        );
        assert!(found.contains_key(b"outer/inner/file".as_slice()));
        assert!(found.len() < all);
    }
}

#[test]
fn checksums_find_what_looks_sound() {
    let (_dir, image) = image(WITH_SUMS);
    // One letter of a name; and the size of a file.
    replace(&image, b"number 00250", b"nXmber 00250");
    let text = debugfs(&image, "imap other");
    let place = text.split("at block ").nth(1).unwrap();
    let mut words = place.split(", offset ");
    let block: u64 = words.next().unwrap().parse().unwrap();
    let offset = words
        .next()
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("0x");
    let inode = block * 1024 + u64::from_str_radix(offset, 16).unwrap();
    write_at(&image, inode + 4, &[0x87]);
    let found = list(&image);
    assert_eq!(damaged(&found), ["crowd", "other"]);
}

#[test]
fn a_damaged_root_directory_is_a_row_and_signature_is_not_said_to_be_absent() {
    let (_dir, image) = image(WITHOUT_SUMS);
    let block = number(&image, "bmap / 0");
    write_at(&image, block * 1024 + 4, &[0xff; 2]);
    assert_eq!(damaged(&list(&image)), ["."]);
    let device = open_device(&image).unwrap();
    let signature = read_root_file(&*device.volumes()[0], b"SIGNATURE", 4096);
    assert!(matches!(signature, Err(ReadError::Damaged(_))));
}

#[test]
fn directories_in_a_circle_end_as_a_row() {
    let (_dir, image) = image(WITHOUT_SUMS);
    debugfs(
        &image,
        "link outer outer/inner/again\nlink outer/inner second\nlink / outer/root",
    );
    let found = list(&image);
    // Whichever of the two names of `inner` comes second is the damaged one.
    let rows = damaged(&found);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows.contains(&"outer/root".to_owned()), "{rows:?}");
    assert_eq!(crowd(&found), 300);
    assert_eq!(
        found.keys().filter(|path| path.ends_with(b"/file")).count(),
        1
    );
}

#[test]
fn impossible_names_are_damaged_rows_and_lead_nowhere() {
    let (_dir, image) = image(WITHOUT_SUMS);
    replace(&image, b"number 00001", b"../../0/etc0");
    replace(&image, b"number 00002", b"nul\0in\0name0");
    // A shorter name: the length stands two bytes before it.
    for (from, to, length) in [
        (b"number 00003", b"..mber 00003", 2),
        (b"number 00004", b".umber 00004", 1),
    ] {
        replace(&image, from, to);
        let bytes = fs::read(&image).unwrap();
        let at = bytes.windows(12).position(|window| window == to).unwrap() as u64;
        write_at(&image, at - 2, &[length]);
    }
    let found = list(&image);
    assert_eq!(
        damaged(&found),
        [
            "crowd/..\\x2f..\\x2f0\\x2fetc0",
            "crowd/\\x2e",
            "crowd/\\x2e\\x2e",
            "crowd/nul\\x00in\\x00name0",
        ]
    );
    assert_eq!(crowd(&found), 300);
}

#[test]
fn entries_that_name_no_file_are_damaged_rows() {
    let (_dir, image) = image(WITHOUT_SUMS);
    let commands = [
        "link <8> journal",
        "link <2000> unused",
        "sif outer/inner/file size 0x7fffffffffffff",
        "sif other links_count 0",
    ];
    debugfs(&image, &commands.join("\n"));
    let found = list(&image);
    assert_eq!(
        damaged(&found),
        ["journal", "other", "outer/inner/file", "unused"]
    );
}

#[test]
fn a_file_that_points_beyond_the_disk_fails_alone() {
    let (_dir, image) = image("-t ext2 -b 1024");
    debugfs(&image, "sif outer/inner/file block[1] 999999999");
    let device = open_device(&image).unwrap();
    let volume = &*device.volumes()[0];
    let found = listing(volume);
    let mut reader = volume.open(&found[b"outer/inner/file".as_slice()]).unwrap();
    let mut bytes = vec![0; 5000];
    let error = reader.read_at(0, &mut bytes).unwrap_err();
    assert_eq!(error.verdict(), Verdict::damaged());
    assert_eq!(
        read_root_file(volume, b"other", 9000).unwrap().unwrap(),
        pattern(2, 5000)
    );
}
