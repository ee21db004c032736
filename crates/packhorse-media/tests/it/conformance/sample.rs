//! The tree that every file system gets, as far as it can keep it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use unicode_normalization::UnicodeNormalization as _;

use super::Property;
use crate::tree::pattern;

const SPARSE_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// What is in the tree.
pub(super) struct Sample {
    /// By path. Only what a walk lists: no folders.
    pub(super) entries: BTreeMap<Vec<u8>, Expected>,
}

pub(super) struct Expected {
    pub(super) content: Content,
    pub(super) seconds: i64,
    pub(super) mode: u32,
}

pub(super) enum Content {
    /// The original.
    File(PathBuf),
    Link,
}

impl Sample {
    /// Builds in `root` what a system has, with `crowd` files in one folder.
    pub(super) fn build(root: &Path, crowd: usize, has: impl Fn(Property) -> bool) -> Self {
        fs::write(root.join("SIGNATURE"), "version:2.0").unwrap();
        sizes(root);
        let names = root.join("names");
        fs::create_dir(&names).unwrap();
        scripts(&names);
        if has(Property::Supplementary) {
            fs::write(names.join("🐎 𝒻 𠀀"), "beyond sixteen bits").unwrap();
        }
        if has(Property::NormalForms) {
            fs::write(names.join("e\u{301} in two parts"), "NFD").unwrap();
            fs::write(names.join("\u{e9} in two parts"), "NFC").unwrap();
        }
        if has(Property::PosixNames) {
            for name in [
                b"control\x01\n\t".as_slice(),
                b"a:b\\c?*",
                b"end. ",
                b"aux",
                b"AUX",
            ] {
                fs::write(names.join(OsStr::from_bytes(name)), name).unwrap();
            }
        }
        let deep = root.join("deep/".repeat(60));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "at the bottom").unwrap();
        fs::create_dir_all(root.join("empty folder/another")).unwrap();
        let folder = root.join("crowd");
        fs::create_dir(&folder).unwrap();
        for number in 0..crowd {
            let name = format!("{number:05} of very many files");
            fs::write(folder.join(name), number.to_string()).unwrap();
        }
        if has(Property::Sparse) {
            let file = File::create(root.join("sparse")).unwrap();
            file.write_all_at(&pattern(5, 100_000), 0).unwrap();
            file.set_len(SPARSE_BYTES).unwrap();
        }
        if has(Property::HardLinks) {
            fs::hard_link(root.join("size-4097"), names.join("hard link")).unwrap();
        }
        if has(Property::SymbolicLinks) {
            symlink("../size-1", names.join("link")).unwrap();
            symlink("..", names.join("loop")).unwrap();
        }
        for (name, seconds) in [("size-1", 1_000_000_000), ("size-4095", 1_893_456_001)] {
            let file = File::options().write(true).open(root.join(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
                .unwrap();
        }
        let mut entries = BTreeMap::new();
        collect(root, root, &mut entries);
        Self { entries }
    }
}

impl Sample {
    /// The same with every name in its parts, as HFS+ keeps it.
    pub(super) fn decomposed(self) -> Self {
        let decompose = |path: Vec<u8>| -> Vec<u8> {
            let path = String::from_utf8(path).unwrap();
            // The format is older than the accent that Greek has today.
            let parts = path.nfd().collect::<String>();
            parts.replace("ε\u{301}", "ε\u{30d}").into_bytes()
        };
        let entries = self.entries.into_iter();
        Self {
            entries: entries.map(|(path, it)| (decompose(path), it)).collect(),
        }
    }
}

fn sizes(root: &Path) {
    for size in [0, 1, 511, 512, 700, 4095, 4096, 4097, 70_000, 3_000_000] {
        let bytes = pattern(size, size as usize);
        fs::write(root.join(format!("size-{size}")), bytes).unwrap();
    }
    // What packs well, what packs badly, and zeros between, in stretches of many lengths.
    let mut mixed = Vec::new();
    for number in 0..60u64 {
        mixed.extend(b"the same again and again ".repeat(40 * number as usize));
        mixed.extend(pattern(number, 977 * number as usize));
        mixed.extend(vec![0; 1500 * number as usize]);
    }
    fs::write(root.join("mixed"), mixed).unwrap();
}

fn scripts(names: &Path) {
    for name in [
        "ünïcödé 日本語",
        "Ωμέγα и кириллица",
        "שלום עולם",
        "مرحبا بالعالم",
        "नमस्ते दुनिया",
        "สวัสดีชาวโลก",
        "한국어 이름",
        " leading blank",
        "..not-a-parent",
        "UPPER",
        "lower.txt",
        "Mixed.Case.Name",
        "SHORT.TXT",
        "a;b=c,d+e[f]",
        &"n".repeat(255),
    ] {
        fs::write(names.join(name), name).unwrap();
    }
}

fn collect(root: &Path, folder: &Path, entries: &mut BTreeMap<Vec<u8>, Expected>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        if data.is_dir() {
            collect(root, &path, entries);
            continue;
        }
        let inner = path.strip_prefix(root).unwrap().as_os_str().as_bytes();
        let expected = Expected {
            content: match data.is_symlink() {
                true => Content::Link,
                false => Content::File(path.clone()),
            },
            seconds: data.mtime(),
            mode: data.mode() & 0o7777,
        };
        entries.insert(inner.to_vec(), expected);
    }
}
