//! Folders as they are, as they should not be, and as they change under the walk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use packhorse_core::ledger::{EntryKind, Verdict};
use rustix::fs::{CWD, Mode, mkfifoat};

use crate::device::open_device;
use crate::volume::{Entry, FileReader, ReadError, read_root_file};

fn listing(path: &Path) -> BTreeMap<Vec<u8>, Entry> {
    let mut found = BTreeMap::new();
    let device = open_device(path).unwrap();
    device.volumes()[0]
        .walk(&mut |entry| {
            assert!(found.insert(entry.path.clone(), entry).is_none());
            ControlFlow::Continue(())
        })
        .unwrap();
    found
}

fn read_all(reader: &mut dyn FileReader, size: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = vec![0; size as usize];
    let read = reader.read_at(0, &mut bytes)?;
    assert_eq!(read as u64, size);
    reader.finish()?;
    Ok(bytes)
}

#[test]
fn lists_every_file_with_its_size_and_time_and_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("a/ünï/c")).unwrap();
    fs::write(root.join("a/ünï/c/file"), "contents").unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"stray\xff")), "x").unwrap();
    let time = std::time::UNIX_EPOCH - std::time::Duration::new(5, 250_000_000);
    File::options()
        .write(true)
        .open(root.join("empty"))
        .unwrap()
        .set_modified(time)
        .unwrap();

    let found = listing(root);
    let paths: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
    assert_eq!(paths, ["a/ünï/c/file".as_bytes(), b"empty", b"stray\xff"]);
    assert_eq!(
        found[b"empty".as_slice()].modified.unwrap().as_nanosecond(),
        -5_250_000_000
    );
    let device = open_device(root).unwrap();
    for (path, contents) in [("a/ünï/c/file", "contents"), ("empty", "")] {
        let entry = &found[path.as_bytes()];
        assert_eq!(entry.size, contents.len() as u64);
        let mut reader = device.volumes()[0].open(entry).unwrap();
        assert_eq!(
            read_all(&mut *reader, entry.size).unwrap(),
            contents.as_bytes()
        );
    }
}

#[test]
fn links_and_special_files_are_entries_and_are_never_opened() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    symlink(".", root.join("loop")).unwrap();
    symlink("/etc/passwd", root.join("out")).unwrap();
    mkfifoat(CWD, root.join("fifo"), Mode::from_raw_mode(0o644)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();

    let found = listing(root);
    let kinds: Vec<EntryKind> = found.values().map(|entry| entry.kind).collect();
    let links = [EntryKind::Symlink; 2];
    assert_eq!(
        kinds,
        [[EntryKind::Fifo, links[0]], [links[1], EntryKind::Socket]].concat()
    );
    let device = open_device(root).unwrap();
    for entry in found.values() {
        let opened = device.volumes()[0].open(entry);
        assert!(
            matches!(opened.err(), Some(ReadError::Vanished)),
            "{entry:?}"
        );
    }
}

#[test]
fn a_device_path_that_is_a_pipe_or_missing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o644)).unwrap();
    let error = open_device(&pipe).unwrap_err().to_string();
    assert!(
        error.starts_with("unsupported format:") && error.contains("is a pipe"),
        "{error}"
    );
    let error = open_device(&dir.path().join("none"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no such device:"), "{error}");
}

#[test]
fn ten_thousand_nested_directories_are_walked() {
    const DEPTH: usize = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
    let mut at = rustix::fs::open(dir.path(), flags, Mode::empty()).unwrap();
    let write = |at: &_, name: &str| {
        let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
        let fd = rustix::fs::openat(at, name, flags, Mode::from_raw_mode(0o644)).unwrap();
        rustix::io::write(fd, name.as_bytes()).unwrap();
    };
    for level in 0..DEPTH {
        if level % 1000 == 0 {
            write(&at, "a-file");
            write(&at, "z-file");
        }
        rustix::fs::mkdirat(&at, "d", Mode::from_raw_mode(0o755)).unwrap();
        at = rustix::fs::openat(&at, "d", flags, Mode::empty()).unwrap();
    }
    write(&at, "bottom");

    let found = listing(dir.path());
    assert_eq!(found.len(), 21);
    let device = open_device(dir.path()).unwrap();
    for entry in found.values() {
        let mut reader = device.volumes()[0].open(entry).unwrap();
        let name = entry.path.rsplit(|b| *b == b'/').next().unwrap();
        assert_eq!(read_all(&mut *reader, entry.size).unwrap(), name);
    }
    // Taken apart from the inside: not every remove_dir_all goes this deep.
    for _ in 0..DEPTH {
        for name in ["a-file", "z-file", "bottom"] {
            let _ = rustix::fs::unlinkat(&at, name, rustix::fs::AtFlags::empty());
        }
        at = rustix::fs::openat(&at, "..", flags, Mode::empty()).unwrap();
        rustix::fs::unlinkat(&at, "d", rustix::fs::AtFlags::REMOVEDIR).unwrap();
    }
}

#[test]
fn a_path_beyond_the_limit_is_a_row_and_the_walk_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
    let name = "n".repeat(255);
    let mut at = rustix::fs::open(dir.path(), flags, Mode::empty()).unwrap();
    for _ in 0..260 {
        rustix::fs::mkdirat(&at, &*name, Mode::from_raw_mode(0o755)).unwrap();
        at = rustix::fs::openat(&at, &*name, flags, Mode::empty()).unwrap();
    }
    fs::write(dir.path().join("file"), "x").unwrap();
    let found = listing(dir.path());
    let problems: Vec<_> = found
        .values()
        .filter_map(|entry| entry.problem.clone())
        .collect();
    assert_eq!(problems, [Verdict::key_too_long()]);
    assert_eq!(found.len(), 2);
    for _ in 0..260 {
        at = rustix::fs::openat(&at, "..", flags, Mode::empty()).unwrap();
        rustix::fs::unlinkat(&at, &*name, rustix::fs::AtFlags::REMOVEDIR).unwrap();
    }
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_said_to_have_changed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "before").unwrap();
    let entry = listing(dir.path()).remove(b"file".as_slice()).unwrap();
    let device = open_device(dir.path()).unwrap();
    let volume = &device.volumes()[0];

    let mut grown = volume.open(&entry).unwrap();
    let mut shrunk = volume.open(&entry).unwrap();
    File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .set_len(9)
        .unwrap();
    let mut bytes = [0; 20];
    assert_eq!(grown.read_at(0, &mut bytes).unwrap(), 6);
    assert!(matches!(grown.finish(), Err(ReadError::Changed)));
    assert!(matches!(
        volume.open(&entry).err(),
        Some(ReadError::Changed)
    ));

    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(2)
        .unwrap();
    assert!(matches!(
        shrunk.read_at(0, &mut bytes),
        Err(ReadError::Changed)
    ));
    assert!(matches!(shrunk.finish(), Err(ReadError::Changed)));

    fs::remove_file(&path).unwrap();
    assert!(matches!(
        volume.open(&entry).err(),
        Some(ReadError::Vanished)
    ));
    symlink("/etc/passwd", &path).unwrap();
    assert!(matches!(
        volume.open(&entry).err(),
        Some(ReadError::Vanished)
    ));
}

#[test]
fn a_touched_file_has_changed_even_with_the_same_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "same").unwrap();
    let entry = listing(dir.path()).remove(b"file".as_slice()).unwrap();
    let device = open_device(dir.path()).unwrap();
    let mut reader = device.volumes()[0].open(&entry).unwrap();
    let later =
        fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_nanos(1);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(later)
        .unwrap();
    assert!(matches!(reader.finish(), Err(ReadError::Changed)));
}

/// Runs `test` as somebody whom file modes bind, also when the tests are run by root.
fn without_privileges(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
            let mut sets = capabilities(None).unwrap();
            sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            set_capabilities(None, sets).unwrap();
            test();
        });
    });
}

#[test]
fn what_may_not_be_read_is_an_entry_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::write(root.join("secret"), "x").unwrap();
    fs::create_dir(root.join("closed")).unwrap();
    fs::create_dir(root.join("no-search")).unwrap();
    fs::write(root.join("closed/inside"), "x").unwrap();
    fs::write(root.join("no-search/inside"), "x").unwrap();
    let set = |name: &str, mode| {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("secret", 0o000);
    set("closed", 0o000);
    set("no-search", 0o400);
    without_privileges(|| {
        let found = listing(root);
        let denied = Some(Verdict::access_denied());
        for path in ["secret", "closed", "no-search/inside"] {
            assert_eq!(found[path.as_bytes()].problem, denied, "{path}");
        }
        assert_eq!(found.len(), 3);
        let device = open_device(root).unwrap();
        let opened = device.volumes()[0].open(&found[b"secret".as_slice()]);
        assert!(matches!(opened.err(), Some(ReadError::Denied)));
    });
    set("closed", 0o700);
    set("no-search", 0o700);
}

#[test]
fn a_file_of_the_root_is_found_by_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("folder")).unwrap();
    fs::write(dir.path().join("SIGNATURE"), "0123456789").unwrap();
    symlink("SIGNATURE", dir.path().join("link")).unwrap();
    let device = open_device(dir.path()).unwrap();
    let read = |name: &str, bytes_max| {
        read_root_file(&*device.volumes()[0], name.as_bytes(), bytes_max).unwrap()
    };
    assert_eq!(read("SIGNATURE", 4096).unwrap(), b"0123456789");
    assert_eq!(read("SIGNATURE", 4).unwrap(), b"01234");
    for absent in [
        "signature",
        "link",
        "folder",
        "../x",
        "",
        ".",
        &"n".repeat(300),
    ] {
        assert_eq!(read(absent, 4096), None, "{absent}");
    }
}

#[test]
fn directories_that_move_during_the_walk_lead_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir_in(dir.path()).unwrap();
    let root = dir.path().join("root");
    // Deeper than the walk holds open, so that it must find its way back.
    let mut deep = root.clone();
    for _ in 0..200 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "x").unwrap();
    fs::write(root.join("d/d/sibling"), "x").unwrap();
    let device = open_device(&root).unwrap();
    let mut rows = Vec::new();
    device.volumes()[0]
        .walk(&mut |entry| {
            if entry.path.ends_with(b"/file") {
                fs::rename(root.join("d/d/d"), outside.path().join("moved")).unwrap();
                fs::write(outside.path().join("not-ours"), "x").unwrap();
            }
            rows.push((String::from_utf8(entry.path).unwrap(), entry.problem));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(
        rows.iter().all(|(path, _)| !path.contains("not-ours")),
        "{rows:?}"
    );
    assert!(
        rows.iter().any(|(path, _)| path == "d/d/sibling"),
        "{rows:?}"
    );
    assert!(
        rows.iter().any(|(path, _)| path.ends_with("/file")),
        "{rows:?}"
    );
}
