//! Writes the SIGNATURE file into the root of a device that is mounted as a folder.

use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use packhorse_core::id::JobId;
use packhorse_core::signature_file::{BYTES_MAX, FILE_NAME, SignatureFile};
use rustix::fs::Access;

use crate::output::Hint;
use crate::whole_file;

/// Writes `contents` as the SIGNATURE file of `folder`: whole or not at all, an older one is
/// replaced. Gives the file's path.
pub(crate) fn write_to_device(folder: &Path, contents: &str) -> anyhow::Result<PathBuf> {
    refuse_unless_folder(folder)?;
    write_file(&folder.join(FILE_NAME), contents)
}

/// Writes a SIGNATURE file at `path`, whatever its name.
pub(crate) fn write_file(path: &Path, contents: &str) -> anyhow::Result<PathBuf> {
    whole_file::write(path, contents.as_bytes())?;
    Ok(path.to_owned())
}

/// The file that [`write_to_device`] would write.
pub(crate) fn path_on_device(folder: &Path) -> anyhow::Result<PathBuf> {
    refuse_unless_folder(folder)?;
    Ok(folder.join(FILE_NAME))
}

/// Refuses a file that could not be written, as far as can be told without writing. Gives the job
/// of a SIGNATURE that is there already.
pub(crate) fn look_before_writing(path: &Path) -> anyhow::Result<Option<JobId>> {
    let shown = path.display();
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let may = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::access(folder, may)
        .map_err(std::io::Error::from)
        .with_context(|| format!("write to {}", folder.display()))?;
    let old = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        old => old.with_context(|| format!("look at {shown}"))?,
    };
    let foreign = |what: &str| {
        anyhow!("{shown} exists and is {what}").context(Hint(format!(
            "move it away, or give another place with --signature-file: {shown} would be replaced"
        )))
    };
    if !old.is_file() {
        return Err(foreign("not a file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .with_context(|| format!("read {shown}"))?;
    match SignatureFile::parse(&bytes) {
        Ok(signed) => Ok(Some(signed.job_id)),
        Err(error) => Err(foreign(&format!("no SIGNATURE of a job ({error})"))),
    }
}

/// A SIGNATURE can be written into a mounted file system only.
pub(crate) fn refuse_unless_folder(path: &Path) -> anyhow::Result<()> {
    let kind = std::fs::metadata(path)
        .with_context(|| format!("look at {}", path.display()))?
        .file_type();
    if kind.is_dir() {
        return Ok(());
    }
    let what = if kind.is_block_device() {
        "a block device"
    } else {
        "not a folder"
    };
    Err(anyhow!("{} is {what}", path.display()).context(Hint(
        "mount its file system, prepare the folder it is mounted on, and unmount it; \
         or keep the text with `job create --signature-file FILE` and copy it to the root of \
         the disk as SIGNATURE"
            .into(),
    )))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn replaces_an_older_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write_to_device(folder.path(), "old").unwrap();
        let path = write_to_device(folder.path(), "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
    }

    #[test]
    fn a_link_is_replaced_and_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "mine").unwrap();
        let device = folder.path().join("device");
        std::fs::create_dir(&device).unwrap();
        std::os::unix::fs::symlink(&outside, device.join(FILE_NAME)).unwrap();
        write_to_device(&device, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&outside).unwrap(), "mine");
        assert!(device.join(FILE_NAME).symlink_metadata().unwrap().is_file());
    }

    #[test]
    fn an_image_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("disk.img");
        std::fs::write(&image, "x").unwrap();
        let error = write_to_device(&image, "new").unwrap_err();
        assert!(error.downcast_ref::<Hint>().unwrap().0.contains("mount"));
        assert_eq!(std::fs::read_to_string(&image).unwrap(), "x");
    }
}
