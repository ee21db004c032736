//! The sample device: a folder of ordinary files, made by code so that nothing is downloaded.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

/// Larger than any part of a multipart upload, so that the large-file lane has work.
const LARGE_BYTES: u64 = 40 * 1024 * 1024;
/// Seed of the large file: any number but zero.
const SEED: u64 = 0x5061_636b_686f_7273;

/// When the small files were last modified: 2009-05-21 12:00 UTC, in milliseconds since 1970.
const MODIFIED: u64 = 1_242_907_200_000;
/// Their mode.
const MODE: u32 = 0o644;
/// [`MODIFIED`] as a text.
pub(super) const MODIFIED_MILLIS: &str = "1242907200000";

/// `gzip -9` of the line "Packhorse carries disks into object stores."
const GZIP: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0x0b, 0x48, 0x4c, 0xce, 0xce, 0xc8,
    0x2f, 0x2a, 0x4e, 0x55, 0x48, 0x4e, 0x2c, 0x2a, 0xca, 0x4c, 0x2d, 0x56, 0x48, 0xc9, 0x2c, 0xce,
    0x2e, 0x56, 0xc8, 0xcc, 0x2b, 0xc9, 0x57, 0xc8, 0x4f, 0xca, 0x4a, 0x4d, 0x2e, 0x51, 0x28, 0x2e,
    0xc9, 0x2f, 0x4a, 0x2d, 0xd6, 0xe3, 0x02, 0x00, 0x8f, 0x86, 0x92, 0xd7, 0x2c, 0x00, 0x00, 0x00,
];

/// The small files.
const FILES: &[(&str, &[u8])] = &[
    (
        "Read me first.txt",
        b"A sample disk. Every file here becomes one object.\n",
    ),
    ("empty.txt", b""),
    ("archive/2009/notes.txt.gz", GZIP),
    (
        "archive/2009/ledger.csv",
        b"date,amount\n2009-05-21,80.00\n2009-06-10,2.49\n",
    ),
    (
        "archive/2010/ledger.csv",
        b"date,amount\n2010-06-03,80.00\n",
    ),
    (
        "site/index.html",
        b"<!doctype html>\n<title>Sample</title>\n<p>Hello, dock.\n",
    ),
    ("site/style.css", b"p { margin: 0 }\n"),
    (
        "site/.hidden",
        b"Names that start with a dot are files like any other.\n",
    ),
    ("a/deeply/nested/folder/of/folders/leaf.txt", b"leaf\n"),
    ("unicode/\u{fc}bersicht.txt", "Gr\u{fc}\u{df}e\n".as_bytes()),
    (
        "unicode/\u{65e5}\u{672c}\u{8a9e}.txt",
        "\u{65e5}\u{672c}\u{8a9e}\n".as_bytes(),
    ),
    (
        "unicode/cafe\u{301}.txt",
        b"The accent is a letter of its own.\n",
    ),
    (
        "odd names/100% + one, two & three's.txt",
        b"Signs that need care in a URL.\n",
    ),
    (
        "odd names/a 'quoted' \"name\".txt",
        b"Signs that need care in a CSV.\n",
    ),
    ("data.json", b"{\"sample\": true}\n"),
    ("no-extension", b"Its type is the default one.\n"),
];

/// Fills the empty folder `root`. The same files with the same bytes every time.
pub(super) fn write(root: &Path) -> anyhow::Result<()> {
    for (name, contents) in FILES {
        let path = root.join(name);
        let folder = path.parent().unwrap_or(root);
        std::fs::create_dir_all(folder)
            .and_then(|()| write_small(&path, contents))
            .with_context(|| format!("write {}", path.display()))?;
    }
    let path = root.join("video/large.bin");
    std::fs::create_dir_all(root.join("video"))
        .and_then(|()| write_large(&path))
        .with_context(|| format!("write {}", path.display()))
}

/// Of a fixed time and mode, whatever the user's umask.
fn write_small(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(contents)?;
    file.set_permissions(std::fs::Permissions::from_mode(MODE))?;
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_millis(MODIFIED))
}

/// Pseudo-random bytes (xorshift64*): they do not compress, so no layer can cheat.
fn write_large(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut state = SEED;
    for _ in 0..LARGE_BYTES / 8 {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        file.write_all(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes())?;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_every_kind_of_ordinary_file() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        for (name, contents) in FILES {
            assert_eq!(
                std::fs::read(folder.path().join(name)).unwrap(),
                *contents,
                "{name}"
            );
            let modified = std::fs::metadata(folder.path().join(name))
                .unwrap()
                .modified();
            let age = modified
                .unwrap()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap();
            assert_eq!(age.as_millis().to_string(), MODIFIED_MILLIS, "{name}");
        }
        let large = std::fs::metadata(folder.path().join("video/large.bin")).unwrap();
        assert_eq!(large.len(), LARGE_BYTES);
    }
}
