//! A tree of awkward files, and the comparison of a volume with a folder, byte for byte.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use packhorse_core::ledger::EntryKind;
use packhorse_media::{Entry, Volume, open_device};

pub(crate) const SPARSE_BYTES: u64 = 5 * 1024 * 1024 * 1024;
pub(crate) const CROWD: usize = 3000;

/// A file that mke2fs 1.47.0 copies too short when it makes a file system with inline data.
pub(crate) const TRAILING_HOLE: &str = "trailing hole";

pub(crate) type Listing = BTreeMap<Vec<u8>, Entry>;

/// Bytes that differ from place to place.
pub(crate) fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Builds the tree.
pub(crate) fn build(root: &Path) {
    for size in [
        0, 1, 59, 60, 61, 100, 150, 1023, 4095, 4096, 4097, 70_000, 3_000_000,
    ] {
        fs::write(
            root.join(format!("size-{size}")),
            pattern(size, size as usize),
        )
        .unwrap();
    }
    fs::create_dir(root.join("names")).unwrap();
    let names: [&[u8]; 6] = [
        "ünïcödé 日本語 🐎".as_bytes(),
        &[b'n'; 255],
        b"stray\xff\xfe",
        b"control\x01\n\t",
        b" leading and trailing ",
        b"..not-a-parent",
    ];
    for name in names {
        let path = root.join("names").join(OsStr::from_bytes(name));
        fs::write(path, name).unwrap();
    }
    fs::write(root.join("SIGNATURE"), "version:2.0").unwrap();
    fs::hard_link(root.join("size-4097"), root.join("names/hard link")).unwrap();
    symlink("..", root.join("names/loop")).unwrap();
    symlink("/etc/passwd".repeat(20), root.join("long link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.join("fifo"), 0o640.into()).unwrap();

    let deep = root.join("deep/".repeat(60));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "at the bottom").unwrap();
    fs::create_dir(root.join("empty folder")).unwrap();

    let crowd = root.join("crowd");
    fs::create_dir(&crowd).unwrap();
    for number in 0..CROWD {
        fs::write(
            crowd.join(format!("one of very many files {number:05}")),
            number.to_string(),
        )
        .unwrap();
    }
    sparse(
        &root.join("sparse"),
        SPARSE_BYTES,
        &[0, 1 << 30, SPARSE_BYTES - 5000],
    );
    let holes: Vec<u64> = (0..2000).map(|number| number * 16_384 + 8192).collect();
    sparse(&root.join("holes"), 1999 * 16_384 + 13_192, &holes);
    sparse(&root.join(TRAILING_HOLE), 200_000, &[0]);
    for (name, seconds) in [("size-1", 1_000_000_000), ("size-59", 0)] {
        let file = File::options().write(true).open(root.join(name)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    }
}

fn sparse(path: &Path, size: u64, places: &[u64]) {
    let file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    for place in places {
        file.write_all_at(&pattern(*place, 5000), *place).unwrap();
    }
}

/// Everything that a walk gives; a path must not come twice.
pub(crate) fn listing(volume: &dyn Volume) -> Listing {
    let mut found = Listing::new();
    volume
        .walk(&mut |entry| {
            if let Some(twice) = found.insert(entry.path.clone(), entry) {
                panic!("listed twice: {twice:?}");
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

/// Compares a volume with the folder that it was made from: every entry with its kind, size, time,
/// mode and bytes, and no entry besides.
pub(crate) fn compare(volume: &dyn Volume, folder: &Path) {
    let found = listing(volume);
    let expected = listing(&*open_device(folder).unwrap().volumes()[0]);
    let paths = |listing: &Listing| listing.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&found), paths(&expected));
    for (path, entry) in &found {
        let what = String::from_utf8_lossy(path).into_owned();
        let expected = &expected[path];
        assert_eq!(entry.problem, None, "{what}");
        assert_eq!(
            (entry.kind, entry.size),
            (expected.kind, expected.size),
            "{what}"
        );
        assert_eq!(entry.mode, expected.mode, "{what}");
        assert_eq!(entry.owner, expected.owner, "{what}");
        // mke2fs copies whole seconds, and links get the time of the copy.
        if entry.kind == EntryKind::File {
            let seconds = |entry: &Entry| entry.modified.unwrap().as_second();
            assert_eq!(seconds(entry), seconds(expected), "{what}");
            compare_contents(volume, entry, &folder.join(OsStr::from_bytes(path)));
        }
    }
}

/// Compares a file's bytes, except that of the holes of a very large one only the edges are read.
fn compare_contents(volume: &dyn Volume, entry: &Entry, original: &Path) {
    const PIECE: u64 = 1_000_003;
    let file = File::open(original).unwrap();
    assert_eq!(file.metadata().unwrap().size(), entry.size);
    let mut reader = volume.open(entry).unwrap();
    let step = match entry.size {
        0..=0x4000_0000 => PIECE,
        // Passes over most of a gigabyte at a time but meets the places with data.
        _ => (1 << 30) - 3,
    };
    let mut offset = 0;
    while offset < entry.size {
        compare_piece(
            &mut *reader,
            &file,
            offset,
            PIECE.min(entry.size - offset),
            original,
        );
        offset += step;
    }
    let tail = entry.size.min(20_000);
    compare_piece(&mut *reader, &file, entry.size - tail, tail, original);
    assert_eq!(reader.read_at(entry.size, &mut [0; 9]).unwrap(), 0);
    reader.finish().unwrap();
}

fn compare_piece(
    reader: &mut dyn packhorse_media::FileReader,
    file: &File,
    offset: u64,
    length: u64,
    name: &Path,
) {
    let (mut ours, mut theirs) = (vec![1; length as usize], vec![2; length as usize]);
    assert_eq!(
        reader.read_at(offset, &mut ours).unwrap() as u64,
        length,
        "{name:?}"
    );
    file.read_exact_at(&mut theirs, offset).unwrap();
    assert!(
        ours == theirs,
        "{name:?} differs within {length} bytes from {offset}"
    );
}
