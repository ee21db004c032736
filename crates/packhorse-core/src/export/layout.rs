//! Where on the device an object goes.

use crate::manifest::{ExportOperation, S3Export};
use crate::signature_file;

use super::name::{self, Misfit};
use super::sidecar::SIDECAR;

/// The longest path, in bytes: Linux takes 4,095 together with where the device is mounted.
pub const PATH_BYTES_MAX: usize = 2048;
/// Folders of the recovery directory, and files of each (guide page "recoveryDirectory").
const RECOVERY_PAGE: u64 = 10_000;
/// How many objects the recovery directory takes.
pub const RECOVERED_MAX: u64 = RECOVERY_PAGE * RECOVERY_PAGE;

/// The rules of one export.
#[derive(Clone, Debug)]
pub struct Layout<'a> {
    export: &'a S3Export,
    recovery: String,
    /// Folded paths that no object may have, nor have above it.
    reserved: Vec<String>,
}

/// A manifest whose folders cannot be on such a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The recovery directory itself is none that the file system takes.
    #[error("recoveryDirectory {directory:?} cannot be a folder of the device ({})", misfit.code())]
    RecoveryDirectory {
        /// As in the manifest.
        directory: String,
        /// Why.
        misfit: Misfit,
    },
}

impl<'a> Layout<'a> {
    /// The rules of `export`.
    pub fn new(export: &'a S3Export) -> Result<Self, LayoutError> {
        let mut layout = Self {
            export,
            recovery: String::new(),
            reserved: Vec::new(),
        };
        let reserved = [SIDECAR, signature_file::FILE_NAME];
        layout.reserved = reserved.iter().map(|path| layout.fold(path)).collect();
        let directory = &export.recovery_directory;
        layout.recovery =
            layout
                .path(directory)
                .map_err(|misfit| LayoutError::RecoveryDirectory {
                    directory: directory.clone(),
                    misfit,
                })?;
        layout.reserved.push(layout.fold(&layout.recovery));
        Ok(layout)
    }

    /// The path of an object, `/` between names, none in front. Nothing that it can be leads out of
    /// the device: each name is one name.
    pub fn place(&self, operation: &ExportOperation, key: &str) -> Result<String, Misfit> {
        let folder = operation.target_directory.as_deref();
        let folder = folder.unwrap_or_else(|| operation.export_bucket.as_str());
        self.path(&format!("{folder}/{key}"))
    }

    /// The path of the object with this number in the recovery directory, counted from 0.
    pub fn recovered(&self, number: u64) -> Option<String> {
        let (folder, file) = (number / RECOVERY_PAGE, number % RECOVERY_PAGE);
        let path = format!("{}/{folder:04}/{file:04}", self.recovery);
        (number < RECOVERED_MAX).then_some(path)
    }

    /// Two paths with the same text are one file to the file system.
    pub fn fold(&self, path: &str) -> String {
        name::fold(path, self.export.file_system)
    }

    fn path(&self, wanted: &str) -> Result<String, Misfit> {
        let mut path = String::with_capacity(wanted.len());
        for (index, name) in wanted.split('/').enumerate() {
            if index > 0 {
                path.push('/');
            }
            // What substitutions make is judged again as a name, so no slash of theirs is one.
            let name = self.export.substitutions.apply(name.to_owned());
            let name = name.ok_or(Misfit::NameTooLong)?;
            path.push_str(&name::clean(&name, self.export.file_system, index == 0)?);
        }
        if path.len() > PATH_BYTES_MAX {
            return Err(Misfit::PathTooLong);
        }
        let folded = self.fold(&path);
        let below = |root: &String| {
            let rest = folded.strip_prefix(root.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match self.reserved.iter().any(below) {
            true => Err(Misfit::ReservedPath),
            false => Ok(path),
        }
    }
}
