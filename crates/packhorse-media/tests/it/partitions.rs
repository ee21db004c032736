//! Partition tables as sfdisk and fdisk write them, and such as nobody should.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use packhorse_media::device::{DeviceKind, PartitionTable};
use packhorse_media::{MediaError, open_device, read_root_file};
use tempfile::TempDir;

use crate::images::{embed, make, read_at, run, write_at};

const MIB: u64 = 1024 * 1024;
const DISK: u64 = 32 * MIB;

/// A disk of `size` bytes divided as sfdisk's `script` says.
fn disk(script: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("disk");
    File::create(&image).unwrap().set_len(DISK).unwrap();
    run("sfdisk", &["-q", image.to_str().unwrap()], script);
    (dir, image)
}

/// Puts a file system with one file that holds `text` at `offset`.
fn put(dir: &TempDir, disk: &Path, offset: u64, text: &str) {
    let tree = dir.path().join("tree");
    fs::create_dir_all(&tree).unwrap();
    fs::write(tree.join("SIGNATURE"), text).unwrap();
    let part = dir.path().join("part");
    make(&part, 4 * MIB, &tree, "-t ext4 -b 1024");
    embed(disk, offset, &part);
}

/// The kind of table, what SIGNATURE says on each volume, and what else there is.
fn look(disk: &Path) -> (PartitionTable, Vec<String>, Vec<(u32, String)>) {
    let device = open_device(disk).unwrap();
    assert_eq!(device.description().kind, DeviceKind::Image);
    assert_eq!(
        device.description().size,
        Some(fs::metadata(disk).unwrap().len())
    );
    let texts = device.volumes().iter().map(|volume| {
        let bytes = read_root_file(&**volume, b"SIGNATURE", 100)
            .unwrap()
            .unwrap();
        String::from_utf8(bytes).unwrap()
    });
    let unreadable = device.unreadable().iter();
    (
        device.description().partition_table,
        texts.collect(),
        unreadable
            .map(|volume| (volume.index, volume.found.clone()))
            .collect(),
    )
}

const GPT: &str =
    "label: gpt\nstart=2048, size=10240\nstart=12288, size=2048\nstart=16384, size=10240\n";

fn gpt() -> (TempDir, PathBuf) {
    let (dir, disk) = disk(GPT);
    put(&dir, &disk, 2048 * 512, "first");
    put(&dir, &disk, 16384 * 512, "third");
    write_at(&disk, 12288 * 512 + 3, b"ReFS\0\0\0\0");
    (dir, disk)
}

fn gpt_contents() -> (PartitionTable, Vec<String>, Vec<(u32, String)>) {
    (
        PartitionTable::Gpt,
        vec!["first".into(), "third".into()],
        vec![(2, "ReFS".into())],
    )
}

#[test]
fn the_volumes_of_a_gpt_disk_are_found_and_the_unreadable_one_is_named() {
    let (_dir, disk) = gpt();
    assert_eq!(look(&disk), gpt_contents());
}

#[test]
fn a_gpt_whose_first_copy_is_damaged_is_read_from_the_second() {
    for at in [512 + 20, 512 + 72, 1024 + 3] {
        let (_dir, disk) = gpt();
        let old = read_at(&disk, at, 1);
        write_at(&disk, at, &[old[0] ^ 0x40]);
        assert_eq!(look(&disk), gpt_contents(), "byte {at}");
    }
}

#[test]
fn a_gpt_with_both_copies_damaged_is_refused() {
    let (_dir, disk) = gpt();
    write_at(&disk, 512 + 20, b"??");
    write_at(&disk, DISK - 512 + 20, b"??");
    let error = open_device(&disk).unwrap_err();
    assert_eq!(
        error.to_string(),
        "damaged: both copies of the GUID partition table are damaged"
    );
}

#[test]
fn a_disk_that_was_cut_off_says_which_partition_is_not_whole() {
    let (_dir, disk) = gpt();
    File::options()
        .write(true)
        .open(&disk)
        .unwrap()
        .set_len(17000 * 512)
        .unwrap();
    let device = open_device(&disk).unwrap();
    assert_eq!(device.volumes().len(), 1);
    assert!(
        device.unreadable()[1]
            .found
            .contains("beyond the end of the disk"),
        "{device:?}"
    );
}

#[test]
fn sectors_of_4096_bytes_are_found_out() {
    for label in ["g", "o"] {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        File::create(&disk).unwrap().set_len(DISK).unwrap();
        let primary = if label == "o" { "p\n" } else { "" };
        let script = format!("{label}\nn\n{primary}1\n512\n3000\nw\n");
        run("fdisk", &["-b", "4096", disk.to_str().unwrap()], &script);
        put(&dir, &disk, 512 * 4096, "large sectors");
        let (_, texts, unreadable) = look(&disk);
        assert_eq!(
            (texts, unreadable),
            (vec!["large sectors".to_owned()], vec![]),
            "{label}"
        );
    }
}

const MBR: &str = "label: dos\nstart=2048, size=10240, type=83\nstart=14336, size=40000, type=5\n\
                   start=16384, size=10240, type=83\nstart=28672, size=10240, type=83\n\
                   start=40960, size=2048, type=7\n";

/// A disk with a primary partition and three logical ones, at 16384, 28672 and 40960.
fn mbr() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    File::create(&disk).unwrap().set_len(DISK).unwrap();
    let script = MBR
        .replace("start=16384", "5: start=16384")
        .replace("start=28672", "6: start=28672")
        .replace("start=40960", "7: start=40960");
    run("sfdisk", &["-q", disk.to_str().unwrap()], &script);
    put(&dir, &disk, 2048 * 512, "primary");
    put(&dir, &disk, 16384 * 512, "logical");
    put(&dir, &disk, 28672 * 512, "logical too");
    write_at(&disk, 40960 * 512 + 3, b"ReFS\0\0\0\0");
    (dir, disk)
}

#[test]
fn primary_and_logical_partitions_of_an_mbr_disk_are_found() {
    let (_dir, disk) = mbr();
    let texts = ["primary", "logical", "logical too"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        look(&disk),
        (PartitionTable::Mbr, texts, vec![(7, "ReFS".to_owned())])
    );
}

#[test]
fn a_chain_of_logical_partitions_that_runs_in_a_circle_ends() {
    let (_dir, disk) = mbr();
    // The second boot record of the chain names the first as the next.
    let next = u64::from(u32::from_le_bytes(
        read_at(&disk, 14336 * 512 + 470, 4).try_into().unwrap(),
    ));
    write_at(&disk, (14336 + next) * 512 + 470, &[0, 0, 0, 0]);
    let (_, texts, unreadable) = look(&disk);
    assert_eq!(texts, ["primary", "logical", "logical too"]);
    assert_eq!(unreadable.len(), 1);
    assert_eq!(
        unreadable[0].1,
        "the chain of logical partitions runs in a circle"
    );
}

#[test]
fn partitions_on_top_of_each_other_or_beyond_the_end_are_refused_one_by_one() {
    let (_dir, disk) = mbr();
    let entry = |start: u32, size: u32| {
        [
            &[0, 0, 0, 0, 0x83, 0, 0, 0][..],
            &start.to_le_bytes(),
            &size.to_le_bytes(),
        ]
        .concat()
    };
    write_at(&disk, 446 + 16, &entry(4096, 1000));
    write_at(&disk, 446 + 32, &entry(60_000, 100_000));
    write_at(&disk, 446 + 48, &entry(u32::MAX, u32::MAX));
    let (_, texts, unreadable) = look(&disk);
    assert_eq!(texts, ["primary"]);
    assert_eq!(
        unreadable,
        [
            (2, "the partition overlaps partition 1".to_owned()),
            (
                3,
                "the partition ends 48365568 bytes beyond the end of the disk".to_owned()
            ),
            (
                4,
                "the partition begins beyond the end of the disk".to_owned()
            ),
        ]
    );
}

#[test]
fn a_disk_of_foreign_file_systems_is_refused_and_each_is_named() {
    let (_dir, disk) = disk(GPT);
    write_at(&disk, 2048 * 512 + 82, b"FAT32");
    write_at(&disk, 12288 * 512 + 3, b"ReFS\0\0\0\0");
    let error = open_device(&disk).unwrap_err();
    assert!(matches!(error, MediaError::Unsupported(_)));
    assert_eq!(
        error.to_string(),
        "unsupported format: partition 1: FAT32; partition 2: ReFS; partition 3: only zeros"
    );
}

#[test]
fn a_file_system_over_the_whole_disk_wins_over_what_is_left_of_a_table() {
    let (dir, disk) = gpt();
    put(&dir, &disk, 0, "whole");
    let (table, texts, _) = look(&disk);
    assert_eq!(
        (table, texts),
        (PartitionTable::None, vec!["whole".to_owned()])
    );
}

#[test]
fn a_hybrid_record_gives_way_to_the_gpt() {
    let (_dir, disk) = gpt();
    // A second entry beside the protective one, as for machines that know no GPT.
    let entry = [0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 40, 0, 0];
    write_at(&disk, 446 + 16, &entry);
    assert_eq!(look(&disk), gpt_contents());
}
