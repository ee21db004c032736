//! The object store for day one: real S3 over TCP, in one folder.
//!
//! Objects, uploads and buckets are in an index (SQLite), bodies above 64 KiB in files beside it.
//! Nothing is answered before it is durable: an object whose PUT was answered survives kill -9 and
//! a power loss, and one whose PUT was not is there whole or not at all.
//!
//! Keys are names and nothing else: `a//b`, `../x`, a leading `/` and any Unicode are ordinary. All
//! regions are accepted in signatures. What this store cannot do (encryption, versions, tags,
//! locks, grants beyond canned ACLs) it refuses with 501 rather than forgets.
//!
//! Start reading at `serve.rs` for the way of a connection and at `actions` for what is offered.

mod acl;
mod actions;
mod answer;
mod attributes;
mod checksum;
mod fault;
mod files;
mod head;
mod index;
mod intake;
mod keys;
mod limits;
mod outlet;
mod payload;
mod range;
mod serve;
mod stall;

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use self::files::Files;
use self::index::Index;

pub use self::keys::{Keys, Owner, Unavailable};

/// Why a folder cannot be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another `Embedded` of this one, has it open.
    #[error("the object store is in use by another process")]
    InUse,
    /// A later version of this program made it.
    #[error("the object store has layout {0}, which this version does not know")]
    Version(i64),
    /// The index.
    #[error("the object store's index cannot be opened")]
    Index(#[from] rusqlite::Error),
    /// The folder or a file in it.
    #[error("the object store's folder cannot be used")]
    Folder(#[from] std::io::Error),
}

/// An open store. Cloning shares it; the last clone that goes closes it.
#[derive(Clone)]
pub struct Embedded {
    store: Arc<Store>,
}

struct Store {
    index: Index,
    files: Arc<Files>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store in `dir`, making it if need be, and removes what a crash left unfinished.
    /// Blocks for as long as that takes.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        // Objects are for their owners' eyes; what access a folder has that was there is kept.
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = File::create(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let (index, files) = Index::open(dir, lock)?;
        Ok(Self {
            store: Arc::new(Store { index, files }),
        })
    }
}
