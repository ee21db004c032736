//! Where a quickstart keeps everything: a folder that is kept, or one that goes away with it.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;

use crate::config::Environment;
use crate::output::Hint;

/// Disk-backed by convention, unlike /tmp, which is memory on many systems: the objects go here.
const LARGE_TEMPORARY: &str = "/var/tmp";
/// It holds keys.
const MODE: u32 = 0o700;

/// The folder of one quickstart.
pub(super) struct Place {
    root: PathBuf,
    /// Removes the folder when the quickstart is over.
    temporary: Option<TempDir>,
}

impl Place {
    /// The folder to keep, which must be new or empty, or a temporary one.
    pub(super) fn open(keep: Option<&Path>, environment: &Environment) -> anyhow::Result<Self> {
        let Some(keep) = keep else {
            let parent = environment
                .get("TMPDIR")
                .map(PathBuf::from)
                .or_else(|| Some(PathBuf::from(LARGE_TEMPORARY)).filter(|path| path.is_dir()))
                .unwrap_or_else(std::env::temp_dir);
            let temporary = tempfile::Builder::new()
                .prefix("packhorse-quickstart-")
                .tempdir_in(&parent)
                .with_context(|| format!("make a folder in {}", parent.display()))?;
            let root = temporary.path().canonicalize()?;
            return Ok(Self {
                root,
                temporary: Some(temporary),
            });
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(MODE)
            .create(keep)
            .with_context(|| format!("make {}", keep.display()))?;
        let mut entries =
            std::fs::read_dir(keep).with_context(|| format!("read {}", keep.display()))?;
        if entries.next().is_some() {
            return Err(anyhow!("{} is not empty", keep.display())
                .context(Hint("give --keep a new folder".into())));
        }
        Ok(Self {
            root: keep.canonicalize()?,
            temporary: None,
        })
    }

    /// A path in the folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the folder outlives the quickstart.
    pub(super) fn is_kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// Refuses a device that the folder lies in: the load would read what it writes.
    pub(super) fn refuse_within(&self, device: &Path) -> anyhow::Result<()> {
        if self.root.starts_with(device) {
            let (root, device) = (self.root.display(), device.display());
            return Err(
                anyhow!("the data would be kept in {root}, which is part of {device}")
                    .context(Hint("give --keep a folder elsewhere".into())),
            );
        }
        Ok(())
    }

    /// Refuses to begin what cannot fit: the store's copy of the device.
    pub(super) fn refuse_without_room(&self, bytes: u64) -> anyhow::Result<()> {
        let root = self.root.display();
        let stat = rustix::fs::statvfs(&self.root).with_context(|| format!("look at {root}"))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if bytes > free {
            let (bytes, free) = (crate::output::bytes(bytes), crate::output::bytes(free));
            let error = anyhow!("the files have {bytes}, and {root} has room for {free}");
            return Err(error.context(Hint("give --keep a folder on a larger disk".into())));
        }
        Ok(())
    }

    /// Removes a temporary folder now, to say so when that fails.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self.temporary {
            Some(temporary) => temporary
                .close()
                .with_context(|| format!("remove {}", self.root.display())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mine"), "x").unwrap();
        assert!(Place::open(Some(folder.path()), &Environment::default()).is_err());
        assert!(folder.path().join("mine").exists());
        let new = folder.path().join("new/folder");
        assert!(
            Place::open(Some(&new), &Environment::default())
                .unwrap()
                .is_kept()
        );
        assert!(new.is_dir());
    }

    #[test]
    fn a_temporary_folder_goes_away() {
        let parent = tempfile::tempdir().unwrap();
        let variables = [("TMPDIR", parent.path().to_str().unwrap())];
        let place = Place::open(None, &Environment::from(&variables[..])).unwrap();
        let root = place.root().to_owned();
        assert!(root.is_dir() && !place.is_kept());
        place.close().unwrap();
        assert!(!root.exists());
    }

    #[test]
    fn a_device_around_the_folder_or_too_large_for_it_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let device = parent.path().canonicalize().unwrap();
        let place = Place::open(Some(&device.join("data")), &Environment::default()).unwrap();
        assert!(place.refuse_within(&device).is_err());
        assert!(place.refuse_within(&device.join("other")).is_ok());
        assert!(place.refuse_without_room(u64::MAX).is_err());
        assert!(place.refuse_without_room(1).is_ok());
    }
}
