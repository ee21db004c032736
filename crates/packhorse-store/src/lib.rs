//! The job store: accounts, stations, jobs, leases and events, behind one trait.
//!
//! [`Store`] is the port; each of its methods is one transaction and one verb of the service.
//! SQLite is behind it today ([`open`]); whatever comes next must pass `conformance`. The store
//! never judges a manifest or a signature and never reads a clock: `now` is an argument.
//! What must stay secret (secrets of access keys, manifests) is sealed under the [`MasterKey`].

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod master_key;
mod names;
mod seal;
mod sqlite;
mod store;
mod types;

use std::sync::Arc;

pub use error::{Error, Result};
pub use master_key::{MasterKey, MasterKeyError};
pub use store::Store;
pub use types::{
    Abort, AccessKey, Account, Claim, ClaimedJob, Finish, Holder, Job, JobPage, JobSummary,
    KeyPair, KeySummary, LeaseTerm, Lock, LogObject, Manifest, NewJob, Parcel, REVISIONS_MAX,
    Revision, StationKey, Update,
};

/// Opens the database at `url`, creating it or bringing its tables up to date when needed.
///
/// The only form today is `sqlite://PATH`, the path taken as it stands. Several processes may have
/// the same database open. Fails when the database was made with another master key.
pub async fn open(url: &str, master_key: MasterKey) -> Result<Arc<dyn Store>> {
    match url.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() => {
            let store = sqlite::Sqlite::open(path.as_ref(), &master_key).await?;
            Ok(Arc::new(store))
        }
        _ => Err(Error::UnsupportedDatabase),
    }
}
