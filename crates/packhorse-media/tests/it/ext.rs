//! Every variant of ext that mke2fs makes, compared with the folder that it was made from.

use std::fs;
use std::path::Path;

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_media::{open_device, read_root_file};

use crate::images::{debugfs, make, number, read_at, run};
use crate::tree::{TRAILING_HOLE, build, compare, listing, pattern};

const MIB: u64 = 1024 * 1024;

/// A file system to make: options of mke2fs, and the format that we should see.
type Variant = (&'static str, &'static str);

/// Makes each variant from one tree and compares. Small blocks and many groups are in every list.
fn check_all(variants: &[Variant], prepare: impl Fn(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    build(&tree);
    prepare(&tree);
    let image = dir.path().join("image");
    for (options, format) in variants {
        make(&image, 512 * MIB, &tree, options);
        check(options, &image, &tree, format);
        if options.contains("-t ext4") && !options.contains("inline") {
            run("e2fsck", &["-fyD", image.to_str().unwrap()], "");
            check(
                &format!("{options}, large folders indexed"),
                &image,
                &tree,
                format,
            );
        }
    }
}

fn check(name: &str, image: &Path, tree: &Path, format: &str) {
    let device = open_device(image).unwrap_or_else(|error| panic!("{name}: {error}"));
    let [volume] = device.volumes() else {
        panic!("{name}: {device:?}");
    };
    assert_eq!(volume.format(), format, "{name}");
    eprintln!("comparing {name}");
    compare(&**volume, tree);
    let signature = read_root_file(&**volume, b"SIGNATURE", 4096).unwrap();
    assert_eq!(signature.as_deref(), Some(b"version:2.0".as_slice()));
    assert_eq!(read_root_file(&**volume, b"SIGNATUR", 4096).unwrap(), None);
}

#[test]
fn ext2_and_ext3_read_as_the_folder_they_were_made_from() {
    let variants = [
        ("-t ext2", "ext2"),
        ("-t ext2 -b 1024", "ext2"),
        ("-t ext2 -r 0 -O none", "ext2"),
        ("-t ext3 -b 4096", "ext3"),
        ("-t ext3 -I 128 -b 2048", "ext3"),
    ];
    check_all(&variants, |_| ());
}

#[test]
fn ext4_reads_as_the_folder_it_was_made_from_at_every_block_size() {
    let variants = [
        ("-t ext4", "ext4"),
        ("-t ext4 -b 1024", "ext4"),
        ("-t ext4 -b 2048", "ext4"),
        ("-t ext4 -b 65536", "ext4"),
    ];
    check_all(&variants, |_| ());
}

#[test]
fn ext4_reads_as_the_folder_it_was_made_from_with_other_layouts() {
    let variants = [
        ("-t ext4 -O ^extents,^64bit", "ext4"),
        ("-t ext4 -O bigalloc -C 65536", "ext4"),
        ("-t ext4 -O ^64bit,^metadata_csum,uninit_bg", "ext4"),
        ("-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode", "ext4"),
        (
            "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode,^64bit,^flex_bg",
            "ext4",
        ),
        ("-t ext4 -O sparse_super2,^resize_inode", "ext4"),
    ];
    check_all(&variants, |_| ());
}

#[test]
fn ext4_reads_as_the_folder_it_was_made_from_with_other_features() {
    let variants = [
        ("-t ext4 -O casefold -E encoding=utf8", "ext4"),
        (
            "-t ext4 -O large_dir,metadata_csum_seed,^has_journal",
            "ext4",
        ),
        (
            "-t ext4 -O ea_inode,quota,project,encrypt,verity,mmp,orphan_file",
            "ext4",
        ),
        ("-t ext4 -O inline_data -I 256", "ext4"),
        (
            "-t ext4 -O inline_data,^metadata_csum -I 512 -b 1024",
            "ext4",
        ),
    ];
    check_all(&variants, |tree| {
        fs::remove_file(tree.join(TRAILING_HOLE)).unwrap()
    });
}

#[test]
fn what_mke2fs_does_not_write_is_read_too() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for name in ["reserved", "dated", "locked"] {
        fs::write(tree.join(name), pattern(1, 10_000)).unwrap();
    }
    fs::create_dir(tree.join("sealed")).unwrap();
    fs::write(tree.join("sealed/hidden"), "x").unwrap();
    let image = dir.path().join("image");
    make(&image, 16 * MIB, &tree, "-t ext4 -b 1024");
    let encrypted = 0x0008_0800;
    let commands = [
        "mknod tape c 9 0".to_owned(),
        "mknod disk b 8 0".to_owned(),
        "fallocate reserved 10 99".to_owned(),
        format!("sif reserved size {}", 100 * 1024),
        // 2038 has passed: two bits of the nanoseconds' field count epochs.
        "sif dated mtime @0x80000010".to_owned(),
        format!("sif dated mtime_extra {}", 987_654_321u32 << 2 | 1),
        format!("sif locked flags {encrypted}"),
        format!("sif sealed flags {encrypted}"),
    ];
    debugfs(&image, &commands.join("\n"));

    let device = open_device(&image).unwrap();
    let volume = &device.volumes()[0];
    let found = listing(&**volume);
    assert_eq!(found[b"tape".as_slice()].kind, EntryKind::CharacterDevice);
    assert_eq!(found[b"disk".as_slice()].kind, EntryKind::BlockDevice);
    let dated = found[b"dated".as_slice()].modified.unwrap();
    assert_eq!(dated.to_string(), "2038-01-19T03:14:24.987654321Z");
    for path in ["locked", "sealed"] {
        assert_eq!(
            found[path.as_bytes()].problem,
            Some(Verdict::access_denied()),
            "{path}"
        );
    }
    assert!(!found.contains_key(b"sealed/hidden".as_slice()));
    // Blocks set aside and never written are zeros, whatever the disk has there.
    let reserved = read_root_file(&**volume, b"reserved", 200_000)
        .unwrap()
        .unwrap();
    assert_eq!(reserved.len(), 100 * 1024);
    assert!(reserved[..10_000] == pattern(1, 10_000));
    assert!(reserved[10_000..].iter().all(|byte| *byte == 0));
}

#[test]
fn files_tell_where_they_begin_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), pattern(1, 10_000)).unwrap();
    fs::write(tree.join("empty"), "").unwrap();
    let image = dir.path().join("image");
    make(&image, 16 * MIB, &tree, "-t ext4 -b 1024");
    let found = listing(&*open_device(&image).unwrap().volumes()[0]);
    let place = number(&image, "bmap file 0") * 1024;
    assert_eq!(found[b"file".as_slice()].first_extent, Some(place));
    assert_eq!(read_at(&image, place, 1000), pattern(1, 1000));
    assert_eq!(found[b"empty".as_slice()].first_extent, None);
}
