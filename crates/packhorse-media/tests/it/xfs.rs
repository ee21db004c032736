//! XFS as mkfs.xfs makes it from a list of files, which may have no blanks in their names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use packhorse_core::ledger::EntryKind;
use packhorse_media::{MediaError, Volume, open_device};
use tempfile::TempDir;

use crate::images::{read_at, run, write_at};
use crate::mutation::exercise;
use crate::tree::{listing, pattern};

const MIB: u64 = 1024 * 1024;

/// Files by path, each with its contents; folders of the list are made as they are met.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for size in [0, 1, 150, 511, 512, 4095, 4096, 4097, 70_000, 3_000_000] {
        files.insert(format!("size-{size}"), pattern(size, size as usize));
    }
    files.insert("SIGNATURE".to_owned(), b"version:2.0".to_vec());
    for name in ["ünïcödé-日本語-🐎", "..not-a-parent", &"n".repeat(255)] {
        files.insert(format!("names/{name}"), name.as_bytes().to_vec());
    }
    files.insert(
        format!("{}file", "deep/".repeat(40)),
        b"at the bottom".to_vec(),
    );
    for (folder, count) in [("few", 3), ("some", 90), ("crowd", 1500)] {
        for number in 0..count {
            let name = format!("{folder}/one-of-the-files-{number:05}");
            files.insert(name, number.to_string().into_bytes());
        }
    }
    files
}

/// Writes the list of mkfs.xfs, and the contents next to it.
fn prototype(dir: &Path) -> PathBuf {
    let mut text = "/\n0 0\nd--755 3 4\n".to_owned();
    let mut open: Vec<String> = Vec::new();
    let source = dir.join("source");
    fs::create_dir(&source).unwrap();
    for (number, (path, bytes)) in files().into_iter().enumerate() {
        let contents = source.join(number.to_string());
        fs::write(&contents, bytes).unwrap();
        let mut steps: Vec<&str> = path.split('/').collect();
        let name = steps.pop().unwrap();
        let same = open.iter().zip(&steps).take_while(|(a, b)| a == b).count();
        for _ in same..open.len() {
            text.push_str("$\n");
        }
        open.truncate(same);
        for step in &steps[same..] {
            text.push_str(&format!("{step} d--755 3 4\n"));
            open.push((*step).to_owned());
        }
        text.push_str(&format!("{name} ---640 501 20 {}\n", contents.display()));
    }
    text.push_str(&"$\n".repeat(open.len()));
    text.push_str("link l--777 0 0 /etc/passwd\nfifo p--600 0 0\n$\n");
    let list = dir.join("list");
    fs::write(&list, text).unwrap();
    list
}

fn image(options: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let list = prototype(dir.path());
    let image = dir.path().join("image");
    File::create(&image).unwrap().set_len(320 * MIB).unwrap();
    let own = ["-q", "-p", list.to_str().unwrap(), image.to_str().unwrap()];
    run("mkfs.xfs", &[options, &own[..]].concat(), "");
    (dir, image)
}

fn compare(volume: &dyn Volume) {
    let mut expected = files();
    for (path, entry) in listing(volume) {
        let path = String::from_utf8(path).unwrap();
        assert_eq!(entry.problem, None, "{path}");
        match path.as_str() {
            "link" => assert_eq!(entry.kind, EntryKind::Symlink),
            "fifo" => assert_eq!(entry.kind, EntryKind::Fifo),
            _ => {
                let bytes = expected.remove(&path).unwrap_or_else(|| panic!("{path}"));
                assert_eq!(
                    (entry.mode, entry.owner),
                    (Some(0o640), Some((501, 20))),
                    "{path}"
                );
                assert_eq!(entry.size, bytes.len() as u64, "{path}");
                let mut read = vec![0; bytes.len()];
                let mut file = volume.open(&entry).unwrap();
                assert_eq!(file.read_at(0, &mut read).unwrap(), bytes.len(), "{path}");
                assert!(read == bytes, "{path}");
            }
        }
    }
    assert_eq!(expected.keys().next(), None);
}

#[test]
fn xfs_is_read_in_every_layout() {
    for options in [
        &[][..],
        &["-b", "size=1024", "-n", "size=4096"],
        &["-b", "size=1024", "-m", "bigtime=0,inobtcount=0,reflink=0"],
        &["-i", "size=1024"],
        &["-m", "crc=0"],
        &["-m", "crc=0", "-n", "ftype=0"],
    ] {
        let (_dir, image) = image(options);
        let device = open_device(&image).unwrap_or_else(|error| panic!("{options:?}: {error}"));
        assert_eq!(device.volumes()[0].format(), "XFS");
        compare(&*device.volumes()[0]);
    }
}

fn log_at(image: &Path) -> u64 {
    let long = |at| u64::from_be_bytes(read_at(image, at, 8).try_into().unwrap());
    let word = |at| u32::from_be_bytes(read_at(image, at, 4).try_into().unwrap());
    let shift = read_at(image, 124, 1)[0];
    let (start, block) = (long(48), u64::from(word(4)));
    let group = start >> shift;
    (group * u64::from(word(84)) + (start & ((1 << shift) - 1))) * block
}

#[test]
fn xfs_that_was_not_unmounted_is_refused_with_advice() {
    let (_dir, image) = image(&[]);
    let log = log_at(&image);
    assert_eq!(read_at(&image, log, 4), [0xfe, 0xed, 0xba, 0xbe]);
    // The one record of a new log says that the volume was unmounted.
    write_at(&image, log + 512 + 9, &[0]);
    match open_device(&image).unwrap_err() {
        MediaError::Unsupported(what) => assert!(what.contains("not unmounted"), "{what}"),
        other => panic!("{other}"),
    }
}

#[test]
fn xfs_with_flipped_bits_is_read_to_an_end() {
    for options in [&["-m", "crc=0"][..], &[]] {
        let (_dir, image) = image(options);
        // What says something: the file is almost all holes.
        let head = read_at(&image, 0, 8 * MIB as usize);
        let places: Vec<usize> = (0..head.len()).filter(|at| head[*at] != 0).collect();
        for run in 0..40u64 {
            let choice = pattern(run + 1, 32);
            let mut changed = Vec::new();
            for choice in choice.chunks(8).take(1 + (run % 4) as usize) {
                let number = u64::from_le_bytes(choice.try_into().unwrap()) as usize;
                let at = places[(number >> 8) % places.len()];
                write_at(&image, at as u64, &[head[at] ^ 1 << (number & 7)]);
                changed.push(at);
            }
            if let Ok(device) = open_device(&image) {
                exercise(&*device.volumes()[0]);
            }
            for at in changed {
                write_at(&image, at as u64, &head[at..=at]);
            }
        }
    }
}
