//! Discs without Rock Ridge, files in several stretches, and discs whose files are UDF's.

use std::fs;
use std::path::{Path, PathBuf};

use packhorse_media::{MediaError, open_device};
use tempfile::TempDir;

use crate::crafted::{list, place_of, read, text};
use crate::images::{read_at, run, write_at};

fn disc(options: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("FOLDER")).unwrap();
    fs::write(tree.join("AAA.TXT"), [b'a'; 4096]).unwrap();
    fs::write(tree.join("AAB.TXT"), "the end").unwrap();
    fs::write(tree.join("FOLDER/Grüße, 世界.txt"), "hello").unwrap();
    let image = dir.path().join("image");
    let to = ["-o", image.to_str().unwrap(), tree.to_str().unwrap()];
    run(
        "genisoimage",
        &[&["-quiet", "-input-charset", "utf-8"], options, &to[..]].concat(),
        "",
    );
    (dir, image)
}

fn format(image: &Path) -> String {
    open_device(image).unwrap().volumes()[0].format().to_owned()
}

#[test]
fn joliet_has_the_names_where_there_is_no_rock_ridge() {
    let (_dir, image) = disc(&["-J"]);
    assert_eq!(format(&image), "ISO 9660 with Joliet");
    assert_eq!(read(&image, "FOLDER/Grüße, 世界.txt").unwrap(), b"hello");
    let (_dir, image) = disc(&["-R", "-J"]);
    assert_eq!(format(&image), "ISO 9660 with Rock Ridge");
    assert_eq!(read(&image, "FOLDER/Grüße, 世界.txt").unwrap(), b"hello");
}

#[test]
fn a_plain_disc_has_plain_names() {
    let (_dir, image) = disc(&[]);
    assert_eq!(format(&image), "ISO 9660");
    let rows = text(&list(&image));
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(read(&image, "AAB.TXT").unwrap(), b"the end");
}

#[test]
fn a_file_in_several_stretches_is_one_file() {
    let (_dir, image) = disc(&[]);
    let record = place_of(&image, b"AAA.TXT;1") - 33;
    let flags = read_at(&image, record + 25, 1)[0];
    write_at(&image, record + 25, &[flags | 0x80]);
    // The next has another name still.
    assert!(text(&list(&image)).contains(&("AAA.TXT".to_owned(), Some(500))));
    write_at(&image, place_of(&image, b"AAB.TXT;1"), b"AAA.TXT;1");
    let whole = read(&image, "AAA.TXT").unwrap();
    assert_eq!(whole, [&[b'a'; 4096][..], b"the end"].concat());
    // And one that lies beyond the end.
    write_at(&image, record + 2, &[0xff; 4]);
    assert!(text(&list(&image)).contains(&("AAA.TXT".to_owned(), Some(500))));
}

#[test]
fn a_disc_with_udf_is_named_so() {
    let (_dir, image) = disc(&["-udf"]);
    match open_device(&image).unwrap_err() {
        MediaError::Unsupported(what) => assert!(what.contains("UDF"), "{what}"),
        other => panic!("{other}"),
    }
}
