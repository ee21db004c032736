//! Makes a small image of each file system and container in a folder, by the tools that the tests
//! use: what `make fuzz` changes bits of.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    dead_code,
    reason = "the makers of the tests, of which not all are used here"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[path = "../tests/it/conformance/exfat.rs"]
mod exfat;
#[path = "../tests/it/images.rs"]
mod images;
#[path = "../tests/it/conformance/makers.rs"]
mod makers;

const MIB: u64 = 1024 * 1024;

fn tree(root: &Path) {
    fs::create_dir_all(root.join("a/b/c")).unwrap();
    fs::create_dir(root.join("crowd")).unwrap();
    for number in 0..40 {
        fs::write(root.join(format!("crowd/some name or other {number}")), "x").unwrap();
    }
    fs::write(root.join("SIGNATURE"), "version:2.0").unwrap();
    fs::write(root.join("a/b/c/packed"), b"again and ".repeat(9000)).unwrap();
    std::os::unix::fs::symlink("SIGNATURE", root.join("link")).unwrap();
}

fn ext(image: &Path, folder: &Path, options: &str) {
    images::make(image, 4 * MIB, folder, options);
}

fn main() -> ExitCode {
    let Some(to) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("error: name the folder for the images");
        return ExitCode::from(2);
    };
    fs::create_dir_all(&to).unwrap();
    let source = tempfile::tempdir().unwrap();
    tree(source.path());
    let tree = source.path();
    let image = |name: &str| to.join(name);
    ext(
        &image("ext4"),
        tree,
        "-t ext4 -b 1024 -N 128 -O ^metadata_csum,inline_data",
    );
    ext(&image("ext2"), tree, "-t ext2 -b 1024 -N 128");
    makers::ntfs_tiny(&image("ntfs"), tree);
    makers::hfs(&image("hfs"), tree);
    makers::iso(&image("iso"), tree);
    // Neither FAT nor exFAT has links.
    fs::remove_file(tree.join("link")).unwrap();
    makers::fat16_tiny(&image("fat16"), tree);
    makers::fat32_tiny(&image("fat32"), tree);
    makers::exfat_tiny(&image("exfat"), tree);
    let raw = image("fat16");
    for (name, format, options) in [
        ("qcow2", "qcow2", ""),
        ("vhd", "vpc", "subformat=dynamic"),
        ("vhdx", "vhdx", "subformat=dynamic"),
    ] {
        let made = image(name);
        let packed: &[&str] = if format == "qcow2" {
            &["-c"]
        } else {
            &["-o", options]
        };
        let files = [raw.to_str().unwrap(), made.to_str().unwrap()];
        let format = ["convert", "-f", "raw", "-O", format];
        images::run("qemu-img", &[&format[..], packed, &files].concat(), "");
    }
    let disk = image("gpt");
    fs::File::create(&disk).unwrap().set_len(8 * MIB).unwrap();
    let script = "label: gpt\nstart=2048,size=12288\n";
    images::run("sfdisk", &["--quiet", disk.to_str().unwrap()], script);
    images::embed(&disk, MIB, &raw);
    let disk = image("mbr");
    fs::File::create(&disk).unwrap().set_len(8 * MIB).unwrap();
    let script = "label: dos\nstart=2048,size=14336,type=5\nstart=2112,size=12288,type=6\n";
    images::run(
        "sfdisk",
        &["--quiet", "--force", disk.to_str().unwrap()],
        script,
    );
    images::embed(&disk, 2112 * 512, &raw);
    ExitCode::SUCCESS
}
