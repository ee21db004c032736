//! Images with flipped bits: whatever they say, reading them ends, soon, and without a panic.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use packhorse_core::ledger::EntryKind;
use packhorse_media::{Volume, open_device};

use crate::conformance::makers;
use crate::images::{make, write_at};
use crate::tree::pattern;

const MIB: u64 = 1024 * 1024;
/// Changed copies of each image.
const RUNS: u64 = 120;
/// No copy may take longer to list and to read the edges of its files.
const RUN_TIME_MAX: Duration = Duration::from_secs(20);

/// A small tree of everything.
fn tree(root: &Path) {
    fs::create_dir_all(root.join("a/b/c/d")).unwrap();
    fs::create_dir(root.join("crowd")).unwrap();
    for number in 0..120 {
        fs::write(
            root.join(format!("crowd/some name or other {number}")),
            [7; 90],
        )
        .unwrap();
    }
    fs::write(root.join("a/b/c/d/file"), pattern(1, 300_000)).unwrap();
    // Longer than one unit of NTFS's compression, and packed to less.
    fs::write(root.join("packed"), b"again and again ".repeat(9000)).unwrap();
    let holes = fs::File::create(root.join("holes")).unwrap();
    for number in 0..120u64 {
        std::os::unix::fs::FileExt::write_all_at(&holes, b"data", number * 4096).unwrap();
    }
}

/// Lists a volume and reads the edges of every file; errors are as good as bytes.
pub(crate) fn exercise(volume: &dyn Volume) {
    let mut buffer = vec![0; 40_000];
    let _ = volume.root_entry(b"SIGNATURE");
    let _ = volume.walk(&mut |entry| {
        if entry.kind == EntryKind::File
            && entry.problem.is_none()
            && let Ok(mut reader) = volume.open(&entry)
        {
            for offset in [0, entry.size / 2, entry.size.saturating_sub(30_000)] {
                let expected = (entry.size - offset).min(buffer.len() as u64);
                if let Ok(read) = reader.read_at(offset, &mut buffer) {
                    assert_eq!(read as u64, expected);
                }
            }
            let _ = reader.finish();
        }
        ControlFlow::Continue(())
    });
}

fn check_ext(options: &str) {
    check(options, |image, folder| {
        make(image, 8 * MIB, folder, options)
    });
}

fn check(options: &str, make: impl Fn(&Path, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("tree");
    fs::create_dir(&source).unwrap();
    tree(&source);
    let image = dir.path().join("image");
    make(&image, &source);
    let original = fs::read(&image).unwrap();
    // The places that say something: almost all of them are metadata.
    let places: Vec<usize> = (0..original.len())
        .filter(|at| original[*at] != 0)
        .collect();
    let early = places.partition_point(|at| *at < 300_000);
    let mut opened = 0;
    for run in 0..RUNS {
        let choices = pattern(run + 1, 64);
        let mut changed = Vec::new();
        for choice in choices.chunks(8).take(1 + (run % 8) as usize) {
            let number = u64::from_le_bytes(choice.try_into().unwrap()) as usize;
            // Half of them where the tables are.
            let among = if number & 1 == 0 { early } else { places.len() };
            let at = places[(number >> 8) % among];
            let value = match number >> 1 & 3 {
                0 => 0xff,
                1 => 0,
                _ => original[at] ^ 1 << (number >> 3 & 7),
            };
            write_at(&image, at as u64, &[value]);
            changed.push(at);
        }
        let start = Instant::now();
        if let Ok(device) = open_device(&image) {
            opened += 1;
            device
                .volumes()
                .iter()
                .for_each(|volume| exercise(&**volume));
        }
        assert!(
            start.elapsed() < RUN_TIME_MAX,
            "{options}, run {run}: {changed:?}"
        );
        for at in changed {
            write_at(&image, at as u64, &original[at..=at]);
        }
    }
    // Most changes spare the superblock, or the runs would show nothing.
    assert!(
        opened > RUNS / 3,
        "{options}: only {opened} of {RUNS} could be opened"
    );
}

#[test]
fn ext4_with_flipped_bits_is_read_to_an_end() {
    check_ext("-t ext4 -b 1024 -O ^metadata_csum,inline_data");
}

#[test]
fn ext4_with_flipped_bits_and_checksums_is_read_to_an_end() {
    check_ext("-t ext4 -b 4096 -N 400");
}

#[test]
fn ext2_with_flipped_bits_is_read_to_an_end() {
    check_ext("-t ext2 -b 1024 -N 400");
}

#[test]
fn ext4_groups_with_flipped_bits_are_read_to_an_end() {
    check_ext("-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode,^metadata_csum,^has_journal");
}

#[test]
fn fat_with_flipped_bits_is_read_to_an_end() {
    check("FAT16", makers::fat16_tiny);
    check("FAT32", makers::fat32_tiny);
}

#[test]
fn exfat_with_flipped_bits_is_read_to_an_end() {
    check("exFAT", makers::exfat_tiny);
}

#[test]
fn ntfs_with_flipped_bits_is_read_to_an_end() {
    check("NTFS", makers::ntfs_tiny);
}

#[test]
fn hfs_plus_with_flipped_bits_is_read_to_an_end() {
    check("HFS+", makers::hfs);
}

#[test]
fn iso_9660_with_flipped_bits_is_read_to_an_end() {
    check("ISO 9660", makers::iso);
}
