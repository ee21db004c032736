//! Writes a file whole or not at all.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

/// Readable by everybody, as files that a person makes are.
const MODE: u32 = 0o644;

/// Writes `contents` under this name; an older file is replaced.
pub(crate) fn write(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut file = tempfile::Builder::new()
            .prefix(".packhorse-")
            .tempfile_in(folder)?;
        file.write_all(contents)?;
        // A FAT disk knows no modes; what it gives instead serves as well.
        drop(
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(MODE)),
        );
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("write {}", path.display()))
}
