//! Bodies too large for the index, one file each.
//!
//! A body is written under a temporary name, synced, renamed and its folder synced before the index
//! names it, so the index never names a body that is not wholly there. Bodies that the index does
//! not name are swept when the store is opened. Files never change once they have their name.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The number of a body, also of an upload. Never used twice while anything refers to it.
pub(crate) type BodyId = u64;

/// Folders that bodies are spread over, so that none gets too many entries for its file system.
const SHARDS: u64 = 256;
const TEMPORARY: &str = "incoming";

/// The folder of bodies.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    /// Here, because whoever still writes or reads a body after the store was closed would
    /// otherwise do so in somebody else's.
    _lock: File,
    next: AtomicU64,
    reading: Mutex<Reading>,
}

/// Which readers there are, and which files wait for them to leave.
#[derive(Debug, Default)]
struct Reading {
    next: u64,
    active: BTreeSet<u64>,
    /// Bodies and the first reader that cannot have seen them.
    doomed: VecDeque<(u64, BodyId)>,
}

/// While it lives, no file is removed that the index named when it was taken.
#[derive(Debug)]
pub(crate) struct ReadLease {
    files: Arc<Files>,
    number: u64,
}

/// A file being written, or written and not yet named by the index: removed when dropped.
#[derive(Debug)]
pub(crate) struct NewFile {
    files: Arc<Files>,
    id: BodyId,
    file: File,
    path: PathBuf,
    kept: bool,
}

impl Files {
    /// Opens the folder, making it if need be. Ids are given from `next` on; `lock` is held for as
    /// long as anything here is in use.
    pub(crate) fn open(root: PathBuf, lock: File, next: BodyId) -> io::Result<Arc<Self>> {
        let incoming = root.join(TEMPORARY);
        fs::create_dir_all(&incoming)?;
        for shard in 0..SHARDS {
            fs::create_dir_all(root.join(format!("{shard:02x}")))?;
        }
        sync_folder(&root)?;
        for entry in fs::read_dir(&incoming)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Arc::new(Self {
            root,
            _lock: lock,
            next: AtomicU64::new(next),
            reading: Mutex::default(),
        }))
    }

    /// Removes every file that `is_named` does not know. Only before the store is in use.
    pub(crate) fn sweep<E: From<io::Error>>(
        &self,
        mut is_named: impl FnMut(BodyId) -> Result<bool, E>,
    ) -> Result<u64, E> {
        let mut removed = 0;
        for shard in 0..SHARDS {
            for entry in fs::read_dir(self.root.join(format!("{shard:02x}")))? {
                let entry = entry?;
                let id = entry
                    .file_name()
                    .to_str()
                    .and_then(|name| BodyId::from_str_radix(name, 16).ok());
                match id {
                    Some(id) if is_named(id)? => {}
                    _ => {
                        fs::remove_file(entry.path())?;
                        removed += 1;
                    }
                }
            }
        }
        Ok(removed)
    }

    /// A number that nothing has.
    pub(crate) fn new_id(&self) -> BodyId {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins a file.
    pub(crate) fn create(self: &Arc<Self>) -> io::Result<NewFile> {
        let id = self.new_id();
        let path = self.root.join(TEMPORARY).join(format!("{id:016x}"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(NewFile {
            files: Arc::clone(self),
            id,
            file,
            path,
            kept: false,
        })
    }

    /// Opens a body to read. The caller holds a [`ReadLease`] from before it looked into the index.
    pub(crate) fn read(&self, id: BodyId) -> io::Result<File> {
        File::open(self.path_of(id))
    }

    /// Keeps all files that are named now.
    pub(crate) fn lease(self: &Arc<Self>) -> ReadLease {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let number = reading.next;
        reading.next += 1;
        reading.active.insert(number);
        ReadLease {
            files: Arc::clone(self),
            number,
        }
    }

    /// Removes files that the index does not name any more, once nobody reads them.
    pub(crate) fn remove(&self, ids: Vec<BodyId>) {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let bound = reading.next;
        reading.doomed.extend(ids.into_iter().map(|id| (bound, id)));
        let free = reading.take_free();
        drop(reading);
        self.unlink(free);
    }

    /// A file that cannot be removed is swept at the next start.
    fn unlink(&self, ids: Vec<BodyId>) {
        for id in ids {
            if let Err(error) = fs::remove_file(self.path_of(id)) {
                tracing::warn!(%error, body = id, "could not remove a body");
            }
        }
    }

    fn path_of(&self, id: BodyId) -> PathBuf {
        let shard = id % SHARDS;
        self.root
            .join(format!("{shard:02x}"))
            .join(format!("{id:016x}"))
    }
}

impl Reading {
    fn take_free(&mut self) -> Vec<BodyId> {
        let oldest = self.active.first().copied().unwrap_or(self.next);
        let mut free = Vec::new();
        while let Some((bound, id)) = self.doomed.front().copied() {
            if bound > oldest {
                break;
            }
            self.doomed.pop_front();
            free.push(id);
        }
        free
    }
}

impl Drop for ReadLease {
    fn drop(&mut self) {
        let mut reading = self
            .files
            .reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        reading.active.remove(&self.number);
        let free = reading.take_free();
        drop(reading);
        self.files.unlink(free);
    }
}

impl NewFile {
    pub(crate) fn id(&self) -> BodyId {
        self.id
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the body durable under its final name.
    pub(crate) fn seal(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let path = self.files.path_of(self.id);
        fs::rename(&self.path, &path)?;
        self.path = path;
        match self.path.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    }

    /// The index names it now, or may name it: it stays.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // What is left is swept at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn open(folder: &Path, next: BodyId) -> Arc<Files> {
        let lock = File::create(folder.join("lock")).unwrap();
        Files::open(folder.join("bodies"), lock, next).unwrap()
    }

    fn stored(files: &Arc<Files>) -> BodyId {
        let mut new = files.create().unwrap();
        new.file().write_all(b"body").unwrap();
        new.seal().unwrap();
        let id = new.id();
        new.keep();
        id
    }

    #[test]
    fn a_file_that_is_read_is_removed_when_the_reader_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let files = open(folder.path(), 1);
        let (read, other) = (stored(&files), stored(&files));
        let lease = files.lease();
        files.remove(vec![read]);
        assert!(files.read(read).is_ok());
        let late = files.lease();
        drop(lease);
        assert!(files.read(read).is_err());
        files.remove(vec![other]);
        assert!(files.read(other).is_ok());
        drop(late);
        assert!(files.read(other).is_err());
    }

    #[test]
    fn what_is_not_named_does_not_survive_opening() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("bodies");
        let files = open(folder.path(), 1);
        let (named, orphan) = (stored(&files), stored(&files));
        files.create().unwrap().keep();
        let files = open(folder.path(), 10);
        let removed = files.sweep::<io::Error>(|id| Ok(id == named)).unwrap();
        assert_eq!(removed, 1);
        assert!(files.read(named).is_ok() && files.read(orphan).is_err());
        assert_eq!(fs::read_dir(root.join(TEMPORARY)).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_given_up_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let files = open(folder.path(), 1);
        let mut new = files.create().unwrap();
        new.seal().unwrap();
        let id = new.id();
        drop(new);
        assert!(files.read(id).is_err());
    }
}
