//! Every variant of ext that mke2fs makes, compared with the folder that it was made from.

use std::fs;
use std::path::Path;

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_media::{open_device, read_root_file};

use crate::images::{debugfs, make, number, run};
use crate::tree::{build, compare, listing};

const MIB: u64 = 1024 * 1024;

/// What to call it, options of mke2fs, and the format that we should see.
const VARIANTS: &[(&str, &str, &str)] = &[
    ("ext2", "-t ext2", "ext2"),
    ("ext2 1k", "-t ext2 -b 1024", "ext2"),
    ("ext2 revision 0", "-t ext2 -r 0 -O none", "ext2"),
    ("ext3", "-t ext3 -b 4096", "ext3"),
    ("ext3 small inodes", "-t ext3 -I 128 -b 2048", "ext3"),
    ("ext4", "-t ext4", "ext4"),
    ("ext4 1k", "-t ext4 -b 1024", "ext4"),
    ("ext4 2k", "-t ext4 -b 2048", "ext4"),
    ("ext4 4k", "-t ext4 -b 4096", "ext4"),
    ("ext4 64k", "-t ext4 -b 65536", "ext4"),
    ("ext4 without extents", "-t ext4 -O ^extents,^64bit", "ext4"),
    ("ext4 bigalloc", "-t ext4 -O bigalloc -C 65536", "ext4"),
    ("ext4 inline data", "-t ext4 -O inline_data -I 256", "ext4"),
    (
        "ext4 inline data 1k",
        "-t ext4 -O inline_data -I 512 -b 1024",
        "ext4",
    ),
    ("ext4 32 bit", "-t ext4 -O ^64bit", "ext4"),
    (
        "ext4 without checksums",
        "-t ext4 -O ^metadata_csum",
        "ext4",
    ),
    (
        "ext4 uninit_bg",
        "-t ext4 -O ^metadata_csum,uninit_bg",
        "ext4",
    ),
    (
        "ext4 meta_bg",
        "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode",
        "ext4",
    ),
    (
        "ext4 meta_bg 32 bit",
        "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode,^64bit,^flex_bg",
        "ext4",
    ),
    (
        "ext4 casefold",
        "-t ext4 -O casefold -E encoding=utf8",
        "ext4",
    ),
    ("ext4 large_dir", "-t ext4 -O large_dir", "ext4"),
    (
        "ext4 sparse_super2",
        "-t ext4 -O sparse_super2,^resize_inode",
        "ext4",
    ),
    (
        "ext4 checksum seed",
        "-t ext4 -O metadata_csum_seed",
        "ext4",
    ),
    (
        "ext4 with everything",
        "-t ext4 -O ea_inode,quota,project,encrypt,verity,mmp,orphan_file,inline_data,large_dir",
        "ext4",
    ),
    ("ext4 without journal", "-t ext4 -O ^has_journal", "ext4"),
];

#[test]
fn every_variant_of_ext_reads_as_the_folder_it_was_made_from() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    build(&tree);
    let image = dir.path().join("image");
    for (name, options, format) in VARIANTS {
        make(&image, 192 * MIB, &tree, options);
        check(name, &image, &tree, format);
        // The same with the large folder indexed by hashes.
        if options.contains("-t ext4") && !options.contains("inline") {
            run("e2fsck", &["-fyD", image.to_str().unwrap()], "");
            check(&format!("{name}, indexed"), &image, &tree, format);
        }
    }
}

fn check(name: &str, image: &Path, tree: &Path, format: &str) {
    let device = open_device(image).unwrap_or_else(|error| panic!("{name}: {error}"));
    eprintln!("{name}");
    let [volume] = device.volumes() else {
        panic!("{name}: {device:?}");
    };
    assert_eq!(volume.format(), format, "{name}");
    compare(&**volume, tree);
    let signature = read_root_file(&**volume, b"SIGNATURE", 4096).unwrap();
    assert_eq!(signature.as_deref(), Some(b"version:2.0".as_slice()));
    assert_eq!(read_root_file(&**volume, b"SIGNATUR", 4096).unwrap(), None);
}
