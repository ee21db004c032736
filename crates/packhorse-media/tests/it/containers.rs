//! Disks in files of a format of their own, as qemu-img writes them, and raw images in pieces.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use packhorse_media::{MediaError, open_device};
use tempfile::TempDir;

use crate::images::{make, read_at, run, write_at};
use crate::tree::{compare, pattern};

const MIB: u64 = 1024 * 1024;

/// A raw image with a file system, and the folder it was made from.
fn raw() -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir_all(tree.join("folder")).unwrap();
    fs::write(tree.join("folder/random"), pattern(1, 9_000_000)).unwrap();
    fs::write(tree.join("again"), b"again and ".repeat(300_000)).unwrap();
    for number in 0..200 {
        fs::write(tree.join(format!("file {number}")), number.to_string()).unwrap();
    }
    let image = dir.path().join("raw");
    make(&image, 48 * MIB, &tree, "-t ext4");
    (dir, tree, image)
}

fn convert(from: &Path, to: &Path, format: &str, options: &[&str]) {
    let files = [from.to_str().unwrap(), to.to_str().unwrap()];
    let arguments = [&["convert", "-O", format], options, &files].concat();
    run("qemu-img", &arguments, "");
}

fn check(image: &Path, tree: &Path) {
    let device = open_device(image).unwrap_or_else(|error| panic!("{image:?}: {error}"));
    compare(&*device.volumes()[0], tree);
}

#[test]
fn the_formats_of_virtual_machines_are_read() {
    let (dir, tree, raw) = raw();
    let variants: [(&str, &[&str]); 11] = [
        ("qcow2", &[]),
        ("qcow2", &["-c"]),
        ("qcow2", &["-c", "-o", "compression_type=zstd"]),
        ("qcow2", &["-o", "cluster_size=512"]),
        ("qcow2", &["-o", "cluster_size=2M"]),
        ("qcow2", &["-o", "compat=0.10"]),
        ("vpc", &[]),
        ("vpc", &["-o", "subformat=fixed"]),
        ("vpc", &["-o", "subformat=dynamic,force_size=on"]),
        ("vhdx", &[]),
        ("vhdx", &["-o", "subformat=fixed,block_size=1M"]),
    ];
    for (format, options) in variants {
        eprintln!("comparing {format} {options:?}");
        let image = dir.path().join("converted");
        convert(&raw, &image, format, options);
        check(&image, &tree);
    }
}

#[test]
fn the_end_of_a_dynamic_vhd_may_be_lost() {
    let (dir, tree, raw) = raw();
    let image = dir.path().join("converted");
    convert(&raw, &image, "vpc", &[]);
    let file = File::options().write(true).open(&image).unwrap();
    file.set_len(fs::metadata(&image).unwrap().len() - 512)
        .unwrap();
    check(&image, &tree);
}

#[test]
fn images_that_lead_elsewhere_are_refused() {
    let (dir, _, raw) = raw();
    let base = dir.path().join("base");
    convert(&raw, &base, "qcow2", &[]);
    let child = dir.path().join("child");
    let [base, name] = [&base, &child].map(|path| path.to_str().unwrap());
    run(
        "qemu-img",
        &["create", "-f", "qcow2", "-F", "qcow2", "-b", base, name],
        "",
    );
    let error = open_device(&child).unwrap_err().to_string();
    assert!(error.contains("rests on another file"), "{error}");
    let sealed = dir.path().join("sealed");
    let elsewhere = format!("data_file={}", dir.path().join("elsewhere").display());
    convert(
        &raw,
        &sealed,
        "qcow2",
        &["-o", &elsewhere, "-o", "data_file_raw=on"],
    );
    let error = open_device(&sealed).unwrap_err().to_string();
    assert!(error.contains("whose data is in another file"), "{error}");
}

#[test]
fn pieces_of_a_raw_image_are_put_together() {
    let (dir, tree, raw) = raw();
    let bytes = fs::read(&raw).unwrap();
    let piece = |number: usize| dir.path().join(format!("disk.{number:03}"));
    for (index, part) in bytes.chunks(5_000_001).enumerate() {
        fs::write(piece(index + 1), part).unwrap();
    }
    check(&piece(1), &tree);
    let error = open_device(&piece(3)).unwrap_err().to_string();
    assert!(error.contains("name its first piece"), "{error}");
    fs::remove_file(piece(4)).unwrap();
    let error = open_device(&piece(1)).unwrap_err();
    assert!(matches!(error, MediaError::Damaged(_)), "{error}");
    assert!(error.to_string().contains("piece 004"), "{error}");
}

#[test]
fn images_with_flipped_bits_are_read_to_an_end() {
    let (dir, _, raw) = raw();
    for format in ["qcow2", "vpc", "vhdx"] {
        let image = dir.path().join("converted");
        convert(&raw, &image, format, &[]);
        let size = fs::metadata(&image).unwrap().len();
        for run in 0..60u64 {
            let choice = pattern(run + 1, 16);
            let number = u64::from_le_bytes(choice[..8].try_into().unwrap());
            // The structures lie in front; the last sector is VHD's.
            let at = match number % 8 {
                0 => size - 512 + number / 8 % 512,
                1 | 2 => number / 8 % 512,
                _ => number / 8 % size.min(4 * MIB),
            };
            let before = read_at(&image, at, 1);
            write_at(&image, at, &[before[0] ^ choice[9] | 1]);
            if let Ok(device) = open_device(&image) {
                for volume in device.volumes() {
                    crate::mutation::exercise(&**volume);
                }
            }
            write_at(&image, at, &before);
        }
    }
}
