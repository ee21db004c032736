//! What a station remembers of a load, to continue it after a crash.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use packhorse_core::id::JobId;
use packhorse_transfer::JobFolder;
use serde::{Deserialize, Serialize};

use packhorse_wire::desk::RefusalCode;

use crate::desk::DeskError;
use crate::{LoadError, LoadRequest};

const FILE_NAME: &str = "load.json";

/// A load that was begun and has not been reported as over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// The job.
    pub job_id: JobId,
    /// Where the device was.
    #[serde(with = "any_path")]
    pub device: PathBuf,
    /// Which device it was.
    pub(crate) identity: String,
    /// The SIGNATURE of a device that has it on paper instead of in its root.
    pub(crate) signature_file: Option<String>,
    /// The volume that the operator chose.
    #[serde(default)]
    pub(crate) volume: Option<u32>,
}

/// A path as its bytes: JSON text cannot hold every one.
pub(crate) mod any_path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(serializer)
    }

    pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

impl Unfinished {
    /// How to go on. The job is not named as the operator's word: should another device lie at the
    /// path by now, the job must not be aborted for that.
    pub fn request(&self) -> LoadRequest {
        LoadRequest {
            device: self.device.clone(),
            job_id: None,
            signature_file: self.signature_file.clone(),
            volume: self.volume,
            resumes: Some(self.clone()),
        }
    }

    /// Remembers it: temporary name, sync, rename.
    pub(crate) fn save(&self, folder: &JobFolder) -> Result<(), LoadError> {
        let path = folder.path().join(FILE_NAME);
        self.write(folder.path(), &path)
            .map_err(|error| state(&path, error))
    }

    fn write(&self, folder: &Path, path: &Path) -> std::io::Result<()> {
        let unfinished = path.with_extension("json.part");
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(unfinished, path)?;
        File::open(folder)?.sync_all()
    }

    /// What is remembered of a job.
    pub(crate) fn of(folder: &JobFolder) -> Result<Option<Self>, LoadError> {
        let path = folder.path().join(FILE_NAME);
        match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read
                .and_then(|text| Ok(serde_json::from_slice(&text)?))
                .map(Some)
                .map_err(|error| state(&path, error)),
        }
    }

    /// The load is over; its ledger and report stay.
    pub(crate) fn forget(folder: &JobFolder) -> Result<(), LoadError> {
        let path = folder.path().join(FILE_NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(state(&path, error)),
            _ => Ok(()),
        }
    }

    /// Puts things right after a claim that had no success. A job that is over has nothing left to
    /// resume. Any other refusal leaves what was remembered before: the device that was refused may
    /// be a stranger's. Without an answer the claim may have been granted.
    pub(crate) fn after_refusal(
        folder: &JobFolder,
        before: Option<Self>,
        error: &DeskError,
    ) -> Result<(), LoadError> {
        match (error, before) {
            (DeskError::Refused(refusal), _) if refusal.code == RefusalCode::WrongState => {
                Self::forget(folder)
            }
            (DeskError::Refused(_) | DeskError::Unauthorized, Some(before)) => before.save(folder),
            (DeskError::Refused(_) | DeskError::Unauthorized, None) => Self::forget(folder),
            (DeskError::Unreachable(_) | DeskError::Strange(_), _) => Ok(()),
        }
    }

    /// Every load below `state_dir` that is not over, by folder name; an error for each whose record
    /// cannot be read, so that it does not hide the others.
    pub(crate) fn all(state_dir: &Path) -> Result<Vec<Result<Self, LoadError>>, LoadError> {
        let jobs = state_dir.join("jobs");
        let folders = match std::fs::read_dir(&jobs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            folders => folders.map_err(|error| state(&jobs, error))?,
        };
        let mut names = Vec::new();
        for folder in folders {
            names.push(folder.map_err(|error| state(&jobs, error))?.file_name());
        }
        names.sort();
        let ids = names
            .iter()
            .filter_map(|name| JobId::parse(name.to_str()?).ok());
        let loads = ids.map(|id| Self::of(&JobFolder::new(state_dir, &id)).transpose());
        Ok(loads.flatten().collect())
    }
}

fn state(path: &Path, source: std::io::Error) -> LoadError {
    LoadError::State {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use packhorse_wire::desk::Refusal;

    use super::*;

    struct Shelf {
        state: tempfile::TempDir,
        folder: JobFolder,
    }

    fn shelf() -> Shelf {
        let state = tempfile::tempdir().unwrap();
        let folder = JobFolder::new(state.path(), &JobId::parse("AB12CD34").unwrap());
        std::fs::create_dir_all(folder.path()).unwrap();
        Shelf { state, folder }
    }

    fn load(device: &[u8]) -> Unfinished {
        Unfinished {
            job_id: JobId::parse("AB12CD34").unwrap(),
            device: OsStr::from_bytes(device).into(),
            identity: "folder 1 2".into(),
            signature_file: None,
            volume: None,
        }
    }

    fn found(shelf: &Shelf) -> Vec<Unfinished> {
        Unfinished::all(shelf.state.path())
            .unwrap()
            .into_iter()
            .map(Result::unwrap)
            .collect()
    }

    fn refusal(code: RefusalCode) -> DeskError {
        DeskError::Refused(Refusal {
            code,
            message: "no".into(),
        })
    }

    #[test]
    fn remembers_until_it_forgets() {
        let shelf = shelf();
        assert_eq!(found(&shelf), []);
        load(b"/dev/\xff").save(&shelf.folder).unwrap();
        assert_eq!(found(&shelf), [load(b"/dev/\xff")]);
        Unfinished::forget(&shelf.folder).unwrap();
        Unfinished::forget(&shelf.folder).unwrap();
        assert_eq!(found(&shelf), []);
    }

    #[test]
    fn a_refused_stranger_does_not_take_the_place_of_the_device_to_resume() {
        for code in [
            RefusalCode::InvalidSignature,
            RefusalCode::Leased,
            RefusalCode::NoOwnerKey,
        ] {
            let shelf = shelf();
            load(b"/dev/stranger").save(&shelf.folder).unwrap();
            let before = Some(load(b"/dev/ours"));
            Unfinished::after_refusal(&shelf.folder, before, &refusal(code)).unwrap();
            assert_eq!(found(&shelf), [load(b"/dev/ours")], "{code:?}");
            Unfinished::after_refusal(&shelf.folder, None, &refusal(code)).unwrap();
            assert_eq!(found(&shelf), [], "{code:?}");
        }
    }

    #[test]
    fn what_is_over_is_forgotten_and_what_may_be_granted_is_not() {
        let shelf = shelf();
        load(b"/dev/sdz").save(&shelf.folder).unwrap();
        let silence = DeskError::Unreachable("down".into());
        Unfinished::after_refusal(&shelf.folder, None, &silence).unwrap();
        assert_eq!(found(&shelf).len(), 1);
        let over = refusal(RefusalCode::WrongState);
        Unfinished::after_refusal(&shelf.folder, Some(load(b"x")), &over).unwrap();
        assert_eq!(found(&shelf), []);
    }

    #[test]
    fn a_record_that_cannot_be_read_hides_no_other() {
        let shelf = shelf();
        load(b"/dev/sdz").save(&shelf.folder).unwrap();
        let broken = JobFolder::new(shelf.state.path(), &JobId::parse("11111111").unwrap());
        std::fs::create_dir_all(broken.path()).unwrap();
        std::fs::write(broken.path().join(FILE_NAME), "{").unwrap();
        std::fs::write(shelf.state.path().join("jobs/stray file"), "").unwrap();
        let all = Unfinished::all(shelf.state.path()).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all[0].is_err() && all[1].is_ok(), "{all:?}");
    }
}
