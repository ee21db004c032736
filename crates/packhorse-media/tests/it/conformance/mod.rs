//! One tree on every file system, made by the system's own tools and compared with what was put in,
//! byte for byte; and the table in docs/MEDIA.md that says what was compared.

mod exfat;
pub(crate) mod makers;
mod sample;
mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_media::{Entry, Volume, open_device, read_root_file};

use crate::tree::listing;
use sample::{Content, Sample};

/// What a file system may or may not be able to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Property {
    Scripts,
    Supplementary,
    NormalForms,
    PosixNames,
    Sizes,
    EmptyFolders,
    DeepPaths,
    Crowd,
    Sparse,
    HardLinks,
    SymbolicLinks,
    Times,
    Modes,
}

impl Property {
    const ALL: [Self; 13] = [
        Self::Scripts,
        Self::Supplementary,
        Self::NormalForms,
        Self::PosixNames,
        Self::Sizes,
        Self::EmptyFolders,
        Self::DeepPaths,
        Self::Crowd,
        Self::Sparse,
        Self::HardLinks,
        Self::SymbolicLinks,
        Self::Times,
        Self::Modes,
    ];
}

/// Makes an image of a folder.
type Make = fn(&Path, &Path);

/// A file system under test.
struct System {
    /// As the table calls it.
    name: &'static str,
    /// As the volume calls itself.
    format: &'static str,
    /// Makes an image of a folder.
    make: Make,
    /// Files in the crowded folder.
    crowd: usize,
    /// What the tree leaves out for it, and why.
    lacks: &'static [(Property, &'static str)],
    /// Times are kept in steps of so many seconds.
    time_step: i64,
    /// Letters with marks are kept in their parts.
    decomposes: bool,
}

/// Letters, links and modes that neither FAT nor exFAT has a place for.
const PLAIN: &[(Property, &str)] = &[
    (Property::PosixNames, NONE),
    (Property::Sparse, NONE),
    (Property::HardLinks, NONE),
    (Property::SymbolicLinks, NONE),
    (Property::Modes, NONE),
    (Property::Supplementary, "mtools cannot write them"),
];
/// The format has no such thing.
const NONE: &str = "none";

fn fat(name: &'static str, format: &'static str, crowd: usize, make: Make) -> System {
    System {
        name,
        format,
        make,
        crowd,
        lacks: PLAIN,
        time_step: 2,
        decomposes: false,
    }
}

fn exfat(name: &'static str, crowd: usize, make: Make) -> System {
    System {
        name,
        format: "exFAT",
        make,
        crowd,
        lacks: &PLAIN[..5],
        time_step: 1,
        decomposes: false,
    }
}

/// Every file system that is read, each in a variant or more.
fn systems() -> Vec<System> {
    vec![
        System {
            name: "ext4",
            format: "ext4",
            make: makers::ext4,
            crowd: 8000,
            lacks: &[],
            time_step: 1,
            decomposes: false,
        },
        fat("FAT12", "FAT12", 300, makers::fat12),
        fat("FAT16", "FAT16", 600, makers::fat16),
        fat("FAT32", "FAT32", 1500, makers::fat32),
        fat(
            "FAT32, sectors of 4 KiB",
            "FAT32",
            600,
            makers::fat32_large_sectors,
        ),
        exfat("exFAT", 50_000, makers::exfat),
        exfat("exFAT, clusters of 512 bytes", 600, makers::exfat_small),
        ntfs("NTFS", 50_000, makers::ntfs),
        ntfs("NTFS, clusters of 512 bytes", 600, makers::ntfs_small),
        ntfs("NTFS, clusters of 64 KiB", 3000, makers::ntfs_large),
        ntfs("NTFS, sectors of 4 KiB", 600, makers::ntfs_large_sectors),
        System {
            name: "HFS+",
            format: "HFS+",
            make: makers::hfs,
            crowd: 3000,
            lacks: HFS,
            time_step: 1,
            decomposes: true,
        },
        iso("ISO 9660", 3000, makers::iso),
        System {
            lacks: GENISOIMAGE,
            ..iso("ISO 9660, by genisoimage", 600, makers::iso_by_genisoimage)
        },
    ]
}

/// What libisofs, the one free writer of HFS+, makes is a copy of a disc.
const HFS: &[(Property, &str)] = &[
    (Property::NormalForms, "in parts only"),
    (Property::PosixNames, "case does not count"),
    (Property::Sparse, NONE),
    (Property::HardLinks, "xorriso cannot make them"),
];

const GENISOIMAGE: &[(Property, &str)] = &[
    (Property::Sparse, NONE),
    // At the turn of a year it is a day off.
    (Property::Times, "genisoimage writes some wrong"),
];

fn iso(name: &'static str, crowd: usize, make: Make) -> System {
    System {
        name,
        format: "ISO 9660 with Rock Ridge",
        make,
        crowd,
        lacks: &[(Property::Sparse, NONE)],
        time_step: 1,
        decomposes: false,
    }
}

fn ntfs(name: &'static str, crowd: usize, make: Make) -> System {
    System {
        name,
        format: "NTFS",
        make,
        crowd,
        lacks: &[(Property::PosixNames, NONE), (Property::Modes, NONE)],
        time_step: 1,
        decomposes: false,
    }
}

/// Makes the image of each system whose name begins so, and compares.
fn check(prefix: &str) {
    let chosen: Vec<_> = systems()
        .into_iter()
        .filter(|system| system.name.split(',').next() == Some(prefix))
        .collect();
    assert!(!chosen.is_empty(), "{prefix}");
    for system in chosen {
        check_system(&system);
    }
}

fn check_system(system: &System) {
    eprintln!("comparing {}", system.name);
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("tree");
    std::fs::create_dir(&folder).unwrap();
    let has = |property| !system.lacks.iter().any(|(lacked, _)| *lacked == property);
    let sample = Sample::build(&folder, system.crowd, has);
    let sample = match system.decomposes {
        true => sample.decomposed(),
        false => sample,
    };
    let image = dir.path().join("image");
    (system.make)(&image, &folder);
    let device = open_device(&image).unwrap_or_else(|error| panic!("{}: {error}", system.name));
    let [volume] = device.volumes() else {
        panic!("{}: {device:?}", system.name);
    };
    assert_eq!(volume.format(), system.format);
    compare(system, &**volume, &sample);
    let signature = read_root_file(&**volume, b"SIGNATURE", 4096).unwrap();
    assert_eq!(signature.as_deref(), Some(b"version:2.0".as_slice()));
    assert_eq!(read_root_file(&**volume, b"SIGNATUR", 4096).unwrap(), None);
    let again = open_device(&image).unwrap();
    assert_eq!(again.identity(), device.identity());
}

fn compare(system: &System, volume: &dyn Volume, sample: &Sample) {
    let has = |property| !system.lacks.iter().any(|(lacked, _)| *lacked == property);
    let found: BTreeMap<_, _> = listing(volume);
    let paths: Vec<_> = found
        .keys()
        .map(|path| String::from_utf8_lossy(path))
        .collect();
    let expected: Vec<_> = sample
        .entries
        .keys()
        .map(|path| String::from_utf8_lossy(path))
        .collect();
    for (ours, theirs) in paths.iter().zip(&expected) {
        assert_eq!(ours, theirs, "{}", system.name);
    }
    assert_eq!(paths.len(), expected.len(), "{}", system.name);
    for (path, entry) in &found {
        let what = format!("{}: {}", system.name, String::from_utf8_lossy(path));
        let expected = &sample.entries[path];
        assert_eq!(entry.problem, None::<Verdict>, "{what}");
        if has(Property::Modes) {
            assert_eq!(entry.mode, Some(expected.mode), "{what}");
        }
        match &expected.content {
            Content::Link => assert_eq!(entry.kind, EntryKind::Symlink, "{what}"),
            Content::File(original) => {
                assert_eq!(entry.kind, EntryKind::File, "{what}");
                let seconds = entry.modified.unwrap().as_second();
                let step = system.time_step;
                if has(Property::Times) {
                    assert_eq!(seconds / step, expected.seconds / step, "{what}");
                }
                compare_contents(volume, entry, original, &what);
            }
        }
    }
}

/// Compares a file's bytes; of a very large one the places with data and their surroundings.
fn compare_contents(volume: &dyn Volume, entry: &Entry, original: &Path, what: &str) {
    const PIECE: u64 = 1_000_003;
    let file = File::open(original).unwrap();
    assert_eq!(file.metadata().unwrap().len(), entry.size, "{what}");
    let mut reader = volume
        .open(entry)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let step = match entry.size {
        0..=0x4000_0000 => PIECE,
        _ => (1 << 30) - 3,
    };
    let mut places: Vec<u64> = (0..entry.size).step_by(step as usize).collect();
    // From the end backwards too: a reader must not depend on going forward.
    places.extend([entry.size.saturating_sub(20_000), entry.size / 2]);
    for offset in places {
        let length = PIECE.min(entry.size - offset) as usize;
        let (mut ours, mut theirs) = (vec![1; length], vec![2; length]);
        let read = reader.read_at(offset, &mut ours);
        assert_eq!(
            read.unwrap_or_else(|error| panic!("{what}: {error}")),
            length,
            "{what}"
        );
        file.read_exact_at(&mut theirs, offset).unwrap();
        assert!(
            ours == theirs,
            "{what} differs within {length} bytes from {offset}"
        );
    }
    assert_eq!(reader.read_at(entry.size, &mut [0; 9]).unwrap(), 0);
    reader.finish().unwrap();
}

#[test]
fn ext4_keeps_the_tree() {
    check("ext4");
}

#[test]
fn fat_keeps_the_tree() {
    ["FAT12", "FAT16", "FAT32"].into_iter().for_each(check);
}

#[test]
fn exfat_keeps_the_tree() {
    check("exFAT");
}

#[test]
fn ntfs_keeps_the_tree() {
    check("NTFS");
}

#[test]
fn hfs_plus_keeps_the_tree() {
    check("HFS+");
}

#[test]
fn iso_9660_keeps_the_tree() {
    check("ISO 9660");
}
