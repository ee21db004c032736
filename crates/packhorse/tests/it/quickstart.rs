//! The main job in one process.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::support::{Ran, packhorse};

fn quickstart(arguments: &[&OsStr], temporary: &Path) -> Ran {
    let mut command = packhorse();
    command
        .arg("quickstart")
        .args(arguments)
        .env("TMPDIR", temporary);
    Ran::of(&mut command)
}

#[test]
fn the_sample_is_stored_verified_and_reported() {
    let temporary = tempfile::tempdir().unwrap();
    let ran = quickstart(&[], temporary.path()).expect(0);
    assert!(
        ran.stdout.contains("Every file was stored and verified."),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("video/large.bin") || ran.stdout.contains("more"),
        "{ran:?}"
    );
    ran.says("SIGNATURE");
    // Every option that becomes a header was read back.
    for (option, header, value) in [
        ("cacheControl", "cache-control", "max-age=3600"),
        ("contentDisposition", "content-disposition", "inline"),
        ("contentLanguage", "content-language", "en"),
        ("expires", "expires", "Mon, 01 Dec 2031 16:00:00 GMT"),
        ("contentTypes", "content-type", "text/csv; charset=utf-8"),
        ("defaultContentType", "content-type", "application/x-sample"),
        ("setContentEncodingForGzFiles", "content-encoding", "gzip"),
        ("staticMetadata", "x-amz-meta-department", "archive"),
        (
            "diskTimestampMetadataKey",
            "x-amz-meta-disk-time",
            "1242907200000",
        ),
        ("storageClass", "x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("packhorse.preserveMetadata", "x-amz-meta-mode", "644"),
        (
            "acl",
            "read without a key",
            "yes (the report: 403 Forbidden)",
        ),
    ] {
        let is_it = |line: &&str| line.starts_with(option) && line.contains(header);
        let line = ran.stdout.lines().find(is_it);
        assert!(
            line.is_some_and(|line| line.ends_with(value)),
            "{option}: {ran:?}"
        );
    }
    // It was temporary.
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

/// Name, inode, size, links and both times of everything in a folder.
fn look(folder: &Path) -> Vec<(std::path::PathBuf, [i64; 7])> {
    let mut seen = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            if data.is_dir() {
                open.push(path.clone());
            }
            let numbers = [
                data.ino() as i64,
                data.size() as i64,
                data.nlink() as i64,
                data.mtime(),
                data.mtime_nsec(),
                data.ctime(),
                data.ctime_nsec(),
            ];
            seen.push((path, numbers));
        }
    }
    seen.sort();
    seen
}

#[test]
fn awkward_names_are_rows_and_the_users_folder_is_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("my disk");
    std::fs::create_dir_all(device.join("a/b")).unwrap();
    std::fs::write(device.join("a/b/good.txt"), "good").unwrap();
    std::fs::write(device.join(OsStr::from_bytes(b"bad\xffname")), "x").unwrap();
    std::fs::write(device.join("new\nline\u{1b}[31m"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", device.join("link")).unwrap();
    std::os::unix::fs::symlink(".", device.join("loop")).unwrap();
    let fifo = device.join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    let before = look(&device);

    let keep = folder.path().join("kept");
    let json = OsStr::new("--output=json");
    let arguments = [
        device.as_os_str(),
        OsStr::new("--keep"),
        keep.as_os_str(),
        json,
    ];
    let ran = quickstart(&arguments, folder.path()).expect(3);
    assert_eq!(look(&device), before);
    let summary = ran.json();
    assert_eq!(summary["verified"], false);
    assert_eq!(
        (&summary["stored"], &summary["failed"]),
        (&2.into(), &4.into())
    );
    assert_eq!(summary["rows"], 6);
    assert_eq!(summary["objects"], 3);
    assert_eq!(summary["proofs"], serde_json::json!([]));

    let report = std::fs::read_to_string(keep.join("report.csv")).unwrap();
    for row in [
        ",a/b/good.txt,200,OK,quickstart/a/b/good.txt,",
        r",bad\xffname,400,InvalidName,",
        ",link,400,SymbolicLink,",
        ",loop,400,SymbolicLink,",
        ",fifo,400,SpecialFile,",
        "new\nline",
    ] {
        assert!(report.contains(row), "{row}: {report}");
    }
    assert!(!report.contains("root:"), "a link was followed");
}

#[test]
fn failed_rows_are_shown_and_cannot_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("device");
    std::fs::create_dir(&device).unwrap();
    std::os::unix::fs::symlink("x", device.join("evil\u{1b}]0;title\u{7}")).unwrap();
    let ran = quickstart(&[device.as_os_str()], folder.path()).expect(3);
    assert!(
        ran.stdout.contains("rows of files that failed (1):"),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("400     SymbolicLink  evil\\u{1b}]0;title\\u{7}"),
        "{ran:?}"
    );
}

#[test]
fn what_cannot_be_loaded_is_said_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().join("kept");
    let flag = OsStr::new("--keep");
    let within = [folder.path().as_os_str(), flag, keep.as_os_str()];
    quickstart(&within, folder.path())
        .expect(1)
        .says("which is part of")
        .says("hint: give --keep");
    let missing = folder.path().join("missing");
    quickstart(&[missing.as_os_str()], folder.path())
        .expect(1)
        .says("error: find");
    let image = folder.path().join("noise.img");
    std::fs::write(&image, vec![7; 1 << 20]).unwrap();
    quickstart(&[image.as_os_str()], folder.path())
        .expect(1)
        .says("error: open");
    std::fs::write(keep.join("mine"), "x").unwrap();
    quickstart(&[flag, keep.as_os_str()], folder.path())
        .expect(1)
        .says("is not empty");
}
