//! `station scan`, `ls` and `cat`: looking at devices that were not mounted and may be hostile.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Ran, run};

const PATH: &str = "/usr/sbin:/sbin:/usr/bin:/bin";

fn tool(name: &str, arguments: &[&str], input: &str) {
    let mut child = Command::new(name)
        .env("PATH", PATH)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{name} {arguments:?}");
}

/// A disk with two Linux partitions and an empty one; the second has the odd names.
fn disk() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk:with a colon.img");
    let file = File::create(&disk).unwrap();
    file.set_len(32 << 20).unwrap();
    let script =
        "label: gpt\nstart=2048,size=16384\nstart=20480,size=16384\nstart=40960,size=8192\n";
    tool("sfdisk", &["--quiet", disk.to_str().unwrap()], script);
    for (number, start) in [(1, 2048), (2, 20480)] {
        let tree = dir.path().join(format!("tree{number}"));
        fs::create_dir_all(tree.join("photos/2009")).unwrap();
        fs::write(tree.join("photos/2009/a.jpg"), "jpeg").unwrap();
        if number == 2 {
            for name in [
                &b"tab\tand\x1b[31m"[..],
                b"stray\xff",
                "日本語 🐎".as_bytes(),
                b"a:b",
            ] {
                fs::write(tree.join(std::ffi::OsStr::from_bytes(name)), "odd").unwrap();
            }
            std::os::unix::fs::symlink("/etc/passwd", tree.join("link")).unwrap();
        }
        let image = dir.path().join("part");
        File::create(&image).unwrap().set_len(16384 * 512).unwrap();
        let arguments = ["-q", "-F", "-t", "ext4", "-d", tree.to_str().unwrap()];
        tool(
            "mke2fs",
            &[&arguments[..], &[image.to_str().unwrap()]].concat(),
            "",
        );
        file.write_all_at(&fs::read(&image).unwrap(), start * 512)
            .unwrap();
    }
    (dir, disk)
}

fn ls(disk: &Path, path: &str, more: &[&str]) -> Ran {
    let place = format!("{}{path}", disk.display());
    run(&[&["station", "ls", &place], more].concat())
}

fn paths(ran: Ran) -> Vec<String> {
    let found = ran.expect(0).json();
    let path = |line: &serde_json::Value| line["path"].as_str().unwrap().to_owned();
    found.as_array().unwrap().iter().map(path).collect()
}

#[test]
fn scan_shows_every_partition_and_what_is_wrong_with_it() {
    let (_dir, disk) = disk();
    let found = run(&[
        "station",
        "scan",
        disk.to_str().unwrap(),
        "--output",
        "json",
    ]);
    let found = found.expect(0).json();
    assert_eq!(found[0]["partition_table"], "GPT");
    assert_eq!(found[0]["kind"], "image file");
    let volumes = found[0]["volumes"].as_array().unwrap();
    let short = |volume: &serde_json::Value| {
        let number = |name: &str| volume[name].as_u64().unwrap();
        let found = volume["found"].as_str().unwrap().to_owned();
        (
            number("partition"),
            number("offset") / 512,
            number("size"),
            found,
        )
    };
    let expected = [
        (1, 2048, 16384 * 512, "ext4".to_owned()),
        (2, 20480, 16384 * 512, "ext4".to_owned()),
        (3, 40960, 8192 * 512, "only zeros".to_owned()),
    ];
    assert_eq!(volumes.iter().map(short).collect::<Vec<_>>(), expected);
    assert_eq!(volumes[2]["readable"], false);
    let table = run(&["station", "scan", disk.to_str().unwrap(), "/nonexistent"])
        .expect(4)
        .stdout;
    assert!(table.contains("cannot be read: only zeros"), "{table}");
    assert!(table.contains("no such device"), "{table}");
}

#[test]
fn ls_lists_folders_of_any_volume_under_odd_names_too() {
    let (_dir, disk) = disk();
    let json = ["--output", "json"];
    assert_eq!(paths(ls(&disk, "", &json))[0], "volume1/photos/");
    assert_eq!(
        paths(ls(&disk, ":volume1/photos/2009", &json)),
        ["volume1/photos/2009/a.jpg"]
    );
    let mut found = paths(ls(&disk, ":volume2", &json));
    found.sort();
    let expected = [
        "a:b",
        "link",
        "photos/",
        "stray\\xff",
        "tab\tand\u{1b}[31m",
        "日本語 🐎",
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|name| format!("volume2/{name}"))
        .collect();
    assert_eq!(found, expected);
    // A terminal is sent nothing that it would obey.
    let table = ls(&disk, ":volume2", &["--recursive"]).expect(0).stdout;
    assert!(!table.contains('\x1b'), "{table:?}");
    assert!(table.contains("photos/2009/a.jpg"), "{table}");
    let cut = ls(&disk, ":volume2", &["--limit", "2", "--output", "json"]);
    cut.says("only 2 entries are shown");
    assert_eq!(paths(cut).len(), 2);
}

#[test]
fn ls_and_cat_say_what_is_not_there() {
    let (_dir, disk) = disk();
    ls(&disk, ":volume9/a", &[]).expect(1).says("has 2 volumes");
    ls(&disk, ":volume1/nothing", &[])
        .expect(1)
        .says("no file at or below");
    let cat = |path: &str| run(&["station", "cat", &format!("{}{path}", disk.display())]);
    assert_eq!(cat(":volume2/a:b").expect(0).stdout, "odd");
    assert_eq!(cat(":volume1/photos/2009/a.jpg").expect(0).stdout, "jpeg");
    cat(":volume2/link").expect(1).says("is no file: link");
    cat(":volume1/photos").expect(1).says("is no file: folder");
    cat(":volume1").expect(1).says("no file is named");
}

#[test]
fn a_hostile_image_is_listed_to_its_end() {
    let (_dir, disk) = disk();
    let file = File::options().write(true).open(&disk).unwrap();
    let bytes = fs::read(&disk).unwrap();
    // Every record of a name in the second volume claims to be as long as can be.
    let places = (20480 * 512..36864 * 512).filter(|at| bytes[*at..].starts_with(b"photos"));
    for at in places {
        file.write_all_at(&[0xff, 0xff], at as u64 - 4).unwrap();
    }
    let found = ls(&disk, ":volume2", &["--recursive", "--output", "json"])
        .expect(0)
        .json();
    let rows = found.as_array().unwrap();
    assert!(
        rows.iter().any(|row| row["problem"] == "DamagedEntry"),
        "{rows:?}"
    );
    // The other volume is none the worse.
    let other = paths(ls(&disk, ":volume1", &["--recursive", "--output", "json"]));
    assert_eq!(other, ["volume1/photos/2009/a.jpg"]);
}
