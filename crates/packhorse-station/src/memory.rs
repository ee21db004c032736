//! What a station remembers of a load, to continue it after a crash.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use packhorse_core::id::JobId;
use packhorse_transfer::JobFolder;
use serde::{Deserialize, Serialize};

use crate::LoadRequest;

const FILE_NAME: &str = "load.json";

/// A load that was begun and has not been reported as over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The job.
    pub job_id: JobId,
    /// Where the device was.
    #[serde(with = "any_path")]
    pub device: PathBuf,
    /// The SIGNATURE of a device that has it on paper instead of in its root.
    #[serde(default)]
    pub signature_file: Option<String>,
}

/// A path as its bytes: JSON text cannot hold every one.
mod any_path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(serializer)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

impl Unfinished {
    /// How to go on. The job is not named: the SIGNATURE names it, and should another device lie at
    /// the path by now, the job must not be aborted for that.
    pub fn request(&self) -> LoadRequest {
        LoadRequest {
            device: self.device.clone(),
            job_id: None,
            signature_file: self.signature_file.clone(),
            only_job: Some(self.job_id.clone()),
        }
    }

    /// Remembers it: temporary name, sync, rename.
    pub(crate) fn save(&self, folder: &JobFolder) -> std::io::Result<()> {
        std::fs::create_dir_all(folder.path())?;
        let path = folder.path().join(FILE_NAME);
        let unfinished = path.with_extension("json.part");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(unfinished, path)?;
        File::open(folder.path())?.sync_all()
    }

    /// Whether an earlier run is remembered.
    pub(crate) fn is_saved(folder: &JobFolder) -> bool {
        folder.path().join(FILE_NAME).exists()
    }

    /// The load is over; its ledger and report stay.
    pub(crate) fn forget(folder: &JobFolder) -> std::io::Result<()> {
        match std::fs::remove_file(folder.path().join(FILE_NAME)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Every load below `state_dir` that is not over, by job id.
    pub(crate) fn all(state_dir: &Path) -> std::io::Result<Vec<Self>> {
        let folders = match std::fs::read_dir(state_dir.join("jobs")) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            folders => folders?,
        };
        let mut found = Vec::new();
        for folder in folders {
            match std::fs::read(folder?.path().join(FILE_NAME)) {
                Ok(text) => found.push(serde_json::from_slice::<Self>(&text)?),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.job_id.cmp(&b.job_id));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn remembers_until_it_forgets() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Unfinished::all(state.path()).unwrap(), []);
        let job_id = JobId::parse("AB12CD34").unwrap();
        let folder = JobFolder::new(state.path(), &job_id);
        let load = Unfinished {
            job_id,
            device: OsStr::from_bytes(b"/dev/\xff").into(),
            signature_file: None,
        };
        load.save(&folder).unwrap();
        assert_eq!(Unfinished::all(state.path()).unwrap(), [load]);
        Unfinished::forget(&folder).unwrap();
        Unfinished::forget(&folder).unwrap();
        assert_eq!(Unfinished::all(state.path()).unwrap(), []);
    }
}
