//! The job store: accounts, stations, jobs, leases and events, behind one trait.
//!
//! [`Store`] is the port; each of its methods is one transaction and one verb of the service.
//! SQLite or PostgreSQL is behind it ([`open`]); both pass `conformance`. The store never judges a manifest or a signature and never reads a clock: `now` is an argument.
//! What must stay secret (secrets of access keys, manifests) is sealed under the [`MasterKey`].

#[cfg(feature = "conformance")]
pub mod conformance;
mod copy;
mod database;
mod error;
mod master_key;
mod names;
mod seal;
mod store;
mod time;
mod types;
mod verbs;

use std::sync::Arc;

pub use copy::{DumpError, Sum, export, import, migrate};
pub use error::{Error, Result};
pub use master_key::{MasterKey, MasterKeyError};
pub use seal::Seal;
pub use store::Store;
pub use types::{
    Abort, AccessKey, Account, Audit, Claim, ClaimedJob, Erasure, Finish, HereJob, Holder, Job,
    JobPage, JobSummary, KeyPair, KeySummary, LeaseTerm, Lock, LogObject, Manifest, NewJob, Parcel,
    REVISIONS_MAX, Revision, StationKey, Update,
};

/// Opens the database at `url`, making its tables or bringing them up to date when needed.
///
/// `sqlite://PATH`, the path taken as it stands, creates the file; several processes may have it
/// open. `postgres://USER:PASSWORD@HOST:PORT/DATABASE` is a server, whose database must exist. Fails
/// when the database was made with another master key or by a program that is too new.
pub async fn open(url: &str, master_key: MasterKey) -> Result<Arc<dyn Store>> {
    let database = database::Database::open(url).await?;
    Ok(Arc::new(verbs::Verbs::new(database, &master_key).await?))
}
