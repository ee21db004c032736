//! Images by each system's own tools, on plain files: no root, no mount.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::images::{make, run, tool};

const MIB: u64 = 1024 * 1024;

pub(super) fn ext4(image: &Path, folder: &Path) {
    make(image, 512 * MIB, folder, "-t ext4");
}

pub(super) fn fat12(image: &Path, folder: &Path) {
    fat(image, folder, 30, &["-F", "12", "-s", "16"]);
}

pub(super) fn fat16(image: &Path, folder: &Path) {
    fat(image, folder, 60, &["-F", "16", "-s", "4"]);
}

pub(super) fn fat32(image: &Path, folder: &Path) {
    fat(image, folder, 300, &["-F", "32", "-s", "8"]);
}

pub(super) fn fat32_large_sectors(image: &Path, folder: &Path) {
    fat(image, folder, 300, &["-F", "32", "-S", "4096", "-s", "1"]);
}

pub(crate) fn fat16_tiny(image: &Path, folder: &Path) {
    fat(image, folder, 6, &["-F", "16", "-s", "1"]);
}

pub(crate) fn fat32_tiny(image: &Path, folder: &Path) {
    fat(image, folder, 34, &["-F", "32", "-s", "1"]);
}

pub(crate) fn exfat_tiny(image: &Path, folder: &Path) {
    exfat_with(image, folder, 8, "1K");
}

pub(crate) fn ntfs_tiny(image: &Path, folder: &Path) {
    ntfs_with(image, folder, 8, &["-c", "1024"]);
}

/// mkfs.fat, and mcopy of the mtools.
fn fat(image: &Path, folder: &Path, megabytes: u64, options: &[&str]) {
    empty(image, megabytes * MIB);
    let image = image.to_str().unwrap();
    run("mkfs.fat", &[options, &[image]].concat(), "");
    let mut items: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    items.sort();
    let output = Command::new(tool("mcopy"))
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .env("MTOOLS_SKIP_CHECK", "1")
        .args(["-i", image, "-s", "-m", "-Q"])
        .args(items)
        .arg("::")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "mcopy: {errors}");
    run("fsck.fat", &["-n", image], "");
}

pub(super) fn exfat(image: &Path, folder: &Path) {
    exfat_with(image, folder, 512, "4K");
}

pub(super) fn exfat_small(image: &Path, folder: &Path) {
    exfat_with(image, folder, 128, "512");
}

fn exfat_with(image: &Path, folder: &Path, megabytes: u64, cluster: &str) {
    empty(image, megabytes * MIB);
    let name = image.to_str().unwrap();
    run("mkfs.exfat", &["-c", cluster, name], "");
    super::exfat::fill(image, folder);
    run("fsck.exfat", &["-n", name], "");
}

pub(super) fn ntfs(image: &Path, folder: &Path) {
    ntfs_with(image, folder, 512, &[]);
}

pub(super) fn ntfs_small(image: &Path, folder: &Path) {
    ntfs_with(image, folder, 256, &["-c", "512"]);
}

pub(super) fn ntfs_large(image: &Path, folder: &Path) {
    ntfs_with(image, folder, 512, &["-c", "65536"]);
}

pub(super) fn ntfs_large_sectors(image: &Path, folder: &Path) {
    ntfs_with(image, folder, 256, &["-s", "4096"]);
}

/// mkntfs, and wimlib, which knows the way into an NTFS that is not mounted.
fn ntfs_with(image: &Path, folder: &Path, megabytes: u64, options: &[&str]) {
    empty(image, megabytes * MIB);
    let name = image.to_str().unwrap();
    run("mkntfs", &[options, &["-F", "-Q", "-q", name]].concat(), "");
    let sparse = folder.join("sparse");
    let whole = fs::metadata(&sparse).map_or(0, |sparse| sparse.len());
    // The archive would hold five gigabytes of zeros: they are added on the volume itself.
    resize(&sparse, whole.min(100_000));
    let archive = image.with_extension("wim");
    let archive = archive.to_str().unwrap();
    let quiet = ["--compress=none", "--no-acls", "--quiet"];
    let source = folder.to_str().unwrap();
    run(
        "wimlib-imagex",
        &[&["capture", source, archive], &quiet[..]].concat(),
        "",
    );
    run(
        "wimlib-imagex",
        &["apply", archive, "1", name, "--quiet"],
        "",
    );
    fs::remove_file(archive).unwrap();
    if whole > 0 {
        resize(&sparse, whole);
        let record = run("ntfsinfo", &["-F", "/sparse", name], "");
        let record = record.split("Inode ").nth(1).unwrap_or_default().to_owned();
        let record = record
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        run("ntfstruncate", &[name, &record, &whole.to_string()], "");
    }
}

/// The HFS+ side of a disc for the Mac: a partition of the image.
pub(crate) fn hfs(image: &Path, folder: &Path) {
    xorriso(image, folder, &["-hfsplus"]);
}

pub(crate) fn iso(image: &Path, folder: &Path) {
    xorriso(image, folder, &["-R", "-J"]);
}

fn xorriso(image: &Path, folder: &Path, options: &[&str]) {
    let to = ["-o", image.to_str().unwrap(), folder.to_str().unwrap()];
    let quiet = ["-as", "mkisofs", "-quiet", "-iso-level", "3"];
    run("xorriso", &[&quiet, options, &to[..]].concat(), "");
}

/// Folders deeper than eight are elsewhere, with a note in their place.
pub(super) fn iso_by_genisoimage(image: &Path, folder: &Path) {
    let to = ["-o", image.to_str().unwrap(), folder.to_str().unwrap()];
    let options = ["-quiet", "-iso-level", "3", "-input-charset", "utf-8", "-R"];
    run("genisoimage", &[&options, &to[..]].concat(), "");
}

/// Changes a file's size and not its time; does nothing where there is no such file.
fn resize(path: &Path, bytes: u64) {
    if let Ok(file) = File::options().write(true).open(path) {
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_len(bytes).unwrap();
        file.set_modified(modified).unwrap();
    }
}

fn empty(image: &Path, bytes: u64) {
    File::create(image).unwrap().set_len(bytes).unwrap();
}
