//! Images made by mke2fs, sfdisk and debugfs on plain files; none of it needs root.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian keeps these tools, which is not on everybody's path.
const TOOL_FOLDERS: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// A tool of e2fsprogs or fdisk.
pub(crate) fn tool(name: &str) -> PathBuf {
    TOOL_FOLDERS
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{name} is missing: apt-get install e2fsprogs fdisk"))
}

pub(crate) fn run(name: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(tool(name))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    // e2fsck says 1 when it changed something, which is what it is asked for.
    let is_success =
        output.status.success() || (name == "e2fsck" && output.status.code() == Some(1));
    assert!(is_success, "{name} {arguments:?}: {text} {errors}");
    text
}

/// An image of `size` bytes with what `folder` holds, made with these options of mke2fs.
pub(crate) fn make(image: &Path, size: u64, folder: &Path, options: &str) {
    File::create(image).unwrap().set_len(size).unwrap();
    let mut arguments: Vec<&str> = options.split_whitespace().collect();
    arguments.extend([
        "-q",
        "-F",
        "-d",
        folder.to_str().unwrap(),
        image.to_str().unwrap(),
    ]);
    run("mke2fs", &arguments, "");
}

/// Runs debugfs commands on an image; complains about what debugfs complains about.
pub(crate) fn debugfs(image: &Path, commands: &str) -> String {
    run(
        "debugfs",
        &["-w", "-f", "-", image.to_str().unwrap()],
        commands,
    )
}

/// The number that debugfs's `command` prints first.
pub(crate) fn number(image: &Path, command: &str) -> u64 {
    let text = debugfs(image, command);
    let printed = text.lines().filter(|line| !line.starts_with("debugfs"));
    let words = printed.flat_map(str::split_whitespace);
    words
        .filter_map(|word| word.parse().ok())
        .next()
        .unwrap_or_else(|| panic!("{command}: {text}"))
}

pub(crate) fn write_at(image: &Path, offset: u64, bytes: &[u8]) {
    let file = File::options().write(true).open(image).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

pub(crate) fn read_at(image: &Path, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    File::open(image)
        .unwrap()
        .read_exact_at(&mut bytes, offset)
        .unwrap();
    bytes
}

/// Puts one image into another at an offset.
pub(crate) fn embed(image: &Path, offset: u64, part: &Path) {
    write_at(image, offset, &fs::read(part).unwrap());
}

/// Replaces each `from` in the image with `to`, of the same length.
pub(crate) fn replace(image: &Path, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let bytes = fs::read(image).unwrap();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, window)| (window == from).then_some(at))
        .collect();
    assert!(!places.is_empty(), "{from:?} is not in the image");
    places.iter().for_each(|at| write_at(image, *at as u64, to));
}
