//! Which devices are there: what the operator's patterns match, and the machine's own disks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::hardware;

/// More devices than this at one station are a pattern that matches too much.
const DEVICES_MAX: usize = 10_000;

/// Where devices may appear.
#[derive(Clone, Debug)]
pub struct Watched {
    patterns: Vec<String>,
    /// Whether disks that are plugged in count too.
    disks: bool,
    root: PathBuf,
}

/// A pattern that is none.
#[derive(Debug, thiserror::Error)]
#[error("{pattern:?} is no pattern of paths: {problem}")]
pub struct NotAPattern {
    pattern: String,
    problem: &'static str,
}

/// A device as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    /// Changes when another device takes its place.
    pub(super) identity: String,
    /// Changes while a file is being written: size and time.
    pub(super) version: (u64, i64, i64),
}

impl Watched {
    /// Paths that match one of `patterns` (`*`, `?`, `[…]`, `**`), and with `disks` the disks of this
    /// machine that nothing uses.
    pub fn new(patterns: &[PathBuf], disks: bool) -> Result<Self, NotAPattern> {
        let mut checked = Vec::new();
        for pattern in patterns {
            let text = pattern.to_str();
            let refused = |problem| NotAPattern {
                pattern: pattern.to_string_lossy().into_owned(),
                problem,
            };
            let text = text.ok_or_else(|| refused("it is not UTF-8 text"))?;
            glob::Pattern::new(text).map_err(|error| refused(error.msg))?;
            checked.push(text.to_owned());
        }
        Ok(Self {
            patterns: checked,
            disks,
            root: PathBuf::from("/"),
        })
    }

    /// Whether nothing can ever appear.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty() && !self.disks
    }

    /// What is there now. Blocks for as long as folders take to list.
    pub(super) fn present(&self) -> BTreeMap<PathBuf, Present> {
        let matched = self.patterns.iter().filter_map(|it| glob::glob(it).ok());
        let matched = matched.flatten().filter_map(Result::ok);
        let disks = match self.disks {
            true => hardware::idle_disks(&self.root),
            false => Vec::new(),
        };
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for path in matched.chain(disks).take(DEVICES_MAX) {
            // One disk has many names below /dev, and patterns may overlap: the first name counts.
            match self.look(&path) {
                Some(present) if seen.insert(present.identity.clone()) => {
                    found.insert(path, present);
                }
                _ => {}
            }
        }
        found
    }

    fn look(&self, path: &Path) -> Option<Present> {
        let metadata = fs::metadata(path).ok()?;
        if metadata.file_type().is_block_device() {
            let sequence = hardware::sequence(metadata.rdev(), &self.root)?;
            return Some(Present {
                identity: format!("disk {} {sequence}", metadata.rdev()),
                version: (0, 0, 0),
            });
        }
        let is_device = metadata.is_file() || metadata.is_dir();
        is_device.then(|| Present {
            identity: format!("{} {}", metadata.dev(), metadata.ino()),
            version: version(&metadata),
        })
    }
}

fn version(metadata: &Metadata) -> (u64, i64, i64) {
    match metadata.is_dir() {
        // A folder's own size and time say nothing of what is below it.
        true => (0, 0, 0),
        false => (metadata.len(), metadata.mtime(), metadata.mtime_nsec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_is_there_and_a_new_file_is_another_device() {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join("*.img");
        let watched = Watched::new(&[pattern], false).unwrap();
        assert!(watched.present().is_empty());
        let path = folder.path().join("a.img");
        fs::write(&path, "one").unwrap();
        fs::write(folder.path().join("a.txt"), "").unwrap();
        let first = watched.present();
        assert_eq!(first.keys().collect::<Vec<_>>(), [&path]);
        fs::write(&path, "longer").unwrap();
        let written = watched.present();
        assert_eq!(written[&path].identity, first[&path].identity);
        assert_ne!(written[&path].version, first[&path].version);
        fs::write(folder.path().join("other"), "two").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert_ne!(watched.present()[&path].identity, first[&path].identity);
    }

    #[test]
    fn a_device_with_several_names_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("a.img"), folder.path().join("b.img"));
        fs::write(&one, "x").unwrap();
        std::os::unix::fs::symlink(&one, &other).unwrap();
        let watched = Watched::new(&[folder.path().join("*.img"), other], false).unwrap();
        assert_eq!(watched.present().keys().collect::<Vec<_>>(), [&one]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let error = Watched::new(&["/dev/[a".into()], false).unwrap_err();
        assert!(error.to_string().contains("/dev/[a"), "{error}");
    }
}
