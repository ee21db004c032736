//! Disks that were not unmounted: what is in the journal counts, and the disk is not written to.

use std::fs;
use std::path::{Path, PathBuf};

use packhorse_media::{MediaError, open_device, read_root_file};
use tempfile::TempDir;

use crate::images::{debugfs, make, number, read_at, run, write_at};
use crate::tree::pattern;

const MIB: u64 = 1024 * 1024;

fn image(options: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), [b'-'; 3072]).unwrap();
    let image = dir.path().join("image");
    make(&image, 16 * MIB, &tree, options);
    (dir, image)
}

/// A file with one block to be written through the journal.
fn block(dir: &TempDir, name: &str, contents: &[u8]) -> String {
    let path = dir.path().join(name);
    fs::write(&path, contents).unwrap();
    path.to_str().unwrap().to_owned()
}

fn contents(image: &Path) -> Vec<u8> {
    let device = open_device(image).unwrap();
    read_root_file(&*device.volumes()[0], b"file", 10_000)
        .unwrap()
        .unwrap()
}

#[test]
fn what_the_journal_has_newer_is_read_and_the_image_stays_as_it_is() {
    for (options, open) in [
        ("-t ext4 -b 1024", "jo -c"),
        ("-t ext4 -b 1024", "jo -c -v 2"),
        ("-t ext4 -b 1024", "jo -c -v 3"),
        ("-t ext4 -b 1024 -O ^64bit,^metadata_csum", "jo"),
        ("-t ext3 -b 1024", "jo"),
    ] {
        let (dir, image) = image(options);
        let places = [0, 1, 2].map(|logical| number(&image, &format!("bmap file {logical}")));
        let newer = block(&dir, "newer", &pattern(1, 1024));
        // A block that looks like the journal's own is kept without its first four bytes.
        let escaped = [&[0xc0, 0x3b, 0x39, 0x98][..], &pattern(2, 1020)].concat();
        let disguised = block(&dir, "disguised", &escaped);
        let taken_back = block(&dir, "taken back", &pattern(3, 1024));
        let commands = [
            open.to_owned(),
            format!("jw -b {} {taken_back}", places[0]),
            format!("jw -b {} {disguised}", places[1]),
            format!("jw -r {}", places[0]),
            format!("jw -b {} {taken_back}", places[2]),
            format!("jw -b {} {newer}", places[2]),
            "jc".to_owned(),
        ];
        let said = debugfs(&image, &commands.join("\n"));
        let before = fs::read(&image).unwrap();
        let expected = [vec![b'-'; 1024], escaped, pattern(1, 1024)].concat();
        assert!(contents(&image) == expected, "{options}, {open}: {said}");
        assert!(
            fs::read(&image).unwrap() == before,
            "the image was written to"
        );
        assert_eq!(
            read_at(&image, places[2] * 1024, 9),
            [b'-'; 9],
            "nothing was replayed"
        );
        // The second opinion: e2fsck replays the journal onto the disk.
        run("e2fsck", &["-fy", image.to_str().unwrap()], "");
        assert!(
            contents(&image) == expected,
            "{options}, {open}, replayed by e2fsck"
        );
    }
}

#[test]
fn a_transaction_that_was_never_finished_does_not_count() {
    let (dir, image) = image("-t ext4 -b 1024");
    let place = number(&image, "bmap file 0");
    let first = block(&dir, "first", &pattern(1, 1024));
    let second = block(&dir, "second", &pattern(2, 1024));
    let writes = format!("jo -c\njw -b {place} {first}\njw -b {place} {second}\njc");
    debugfs(&image, &writes);
    assert_eq!(contents(&image)[..1024], pattern(2, 1024));
    // The mark of the last block that closes a transaction is gone, as if it was never written.
    let bytes = fs::read(&image).unwrap();
    let is_commit = |at: &usize| bytes[*at..].starts_with(b"\xc0\x3b\x39\x98\0\0\0\x02");
    let commits: Vec<usize> = (0..bytes.len()).step_by(1024).filter(is_commit).collect();
    assert_eq!(commits.len(), 2);
    write_at(&image, commits[1] as u64, &[0]);
    assert_eq!(contents(&image)[..1024], pattern(1, 1024));
    // And the first too: nothing happened.
    write_at(&image, commits[0] as u64, &[0]);
    assert_eq!(contents(&image), [b'-'; 3072]);
}

#[test]
fn a_damaged_journal_is_said_to_be_damaged() {
    let (dir, image) = image("-t ext4 -b 1024");
    let place = number(&image, "bmap file 0");
    let newer = block(&dir, "newer", &pattern(1, 1024));
    debugfs(&image, &format!("jo -c\njw -b {place} {newer}\njc"));
    let journal = number(&image, "bmap <8> 0");
    let bytes = fs::read(&image).unwrap();
    let copy = pattern(1, 1024);
    let in_journal = bytes
        .windows(1024)
        .position(|window| window == copy)
        .unwrap() as u64;
    write_at(&image, in_journal + 500, b"????");
    let error = open_device(&image).unwrap_err();
    assert!(
        matches!(&error, MediaError::Damaged(what) if what.contains("in the journal")),
        "{error}"
    );
    write_at(&image, journal * 1024 + 16, &[0xff; 4]);
    let error = open_device(&image).unwrap_err();
    assert!(
        matches!(&error, MediaError::Damaged(what) if what.contains("journal")),
        "{error}"
    );
}

#[test]
fn fast_commits_that_wait_are_refused_rather_than_lost() {
    let (dir, image) = image("-t ext4 -b 1024 -O ^metadata_csum");
    let place = number(&image, "bmap file 0");
    let newer = block(&dir, "newer", &pattern(1, 1024));
    debugfs(&image, &format!("jo\njw -b {place} {newer}\njc"));
    let journal = number(&image, "bmap <8> 0") * 1024;
    let sequence = u32::from_be_bytes(read_at(&image, journal + 24, 4).try_into().unwrap());
    let features = read_at(&image, journal + 40, 4);
    write_at(&image, journal + 43, &[features[3] | 0x20]);
    // The area's default size is 256 blocks at the end; a head of eight bytes names its commit.
    let area = number(&image, "bmap <8> 768") * 1024;
    for (commit, waits) in [(sequence, false), (sequence + 1, true)] {
        let head = [&[9, 0, 8, 0, 0, 0, 0, 0][..], &commit.to_le_bytes()].concat();
        write_at(&image, area, &head);
        match open_device(&image) {
            Ok(_) => assert!(!waits),
            Err(MediaError::Unsupported(what)) => assert!(waits && what.contains("fast commits")),
            Err(error) => panic!("{error}"),
        }
    }
}
