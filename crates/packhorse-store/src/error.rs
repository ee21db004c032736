//! What can go wrong in the store.

use jiff::Timestamp;
use packhorse_core::job::{Forbidden, Progress};

use crate::database::is_passing;

/// The result of a store verb.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a verb was refused or failed. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL names a kind of database that is not supported.
    #[error(
        "the database must be given as sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    UnsupportedDatabase,
    /// The database was made with another master key.
    #[error("the master key is not the one this database was made with")]
    WrongMasterKey,
    /// A newer Packhorse took away what this one needs.
    #[error("the database belongs to a newer version of packhorse: upgrade this one")]
    NewerDatabase,
    /// Its rows were moved into another database.
    #[error("the database was moved: its accounts and jobs are in another one now")]
    Moved,
    /// The database to fill has rows already.
    #[error("the database is not empty: only an empty one can be filled")]
    NotEmpty,
    /// Only a SQLite database can be closed for everybody else while it is moved.
    #[error("only a database given as sqlite://PATH can be moved")]
    NotMovable,
    /// The tables could not be made or changed.
    #[error("the database cannot be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// A name, key id or secret has an impossible form; the text says which.
    #[error("{0}")]
    InvalidName(&'static str),
    /// The account's name is taken.
    #[error("an account of this name exists already")]
    AccountExists,
    /// The access key id is taken.
    #[error("an access key of this id exists already")]
    KeyExists,
    /// The station's name is taken.
    #[error("a station of this name exists already")]
    StationExists,
    /// There is no account of this name.
    #[error("there is no account of this name")]
    UnknownAccount,
    /// The account is disabled.
    #[error("the account is disabled")]
    AccountDisabled,
    /// There is no such job, or it is another account's.
    #[error("there is no such job")]
    UnknownJob,
    /// The account has created as many jobs in 24 hours as it may.
    #[error("the account may create {limit} jobs in 24 hours")]
    QuotaExceeded {
        /// How many that is.
        limit: u32,
    },
    /// The job was updated as often as it may be.
    #[error("a job can be updated {limit} times")]
    TooManyRevisions {
        /// How often that is.
        limit: u32,
    },
    /// The job's state forbids the change.
    #[error(transparent)]
    State(#[from] Forbidden),
    /// Another station holds the job.
    #[error("the job is leased to another station until {until}")]
    Leased {
        /// When that lease lapses unless it is renewed.
        until: Timestamp,
    },
    /// The device of a job that is not over, or that was canceled or has expired, is left alone.
    #[error("the job is {}: its device must stay as it is", .0.code())]
    NotOver(Progress),
    /// The lease was lost to a later claim, or the job is over.
    #[error("the lease is no longer held")]
    StaleEpoch,
    /// The job's account has no enabled access key to load it with.
    #[error("the owner of the job has no enabled access key")]
    NoOwnerKey,
    /// Two changes met; the other one came first.
    #[error("the job was changed at the same time")]
    Conflict,
    /// The database holds what this program never writes.
    #[error("the database is damaged: {0}")]
    Corrupt(&'static str),
    /// The operating system gave no random bytes.
    #[error("no random bytes are to be had")]
    Random,
    /// A file of the database cannot be used.
    #[error("the database file cannot be opened")]
    File(#[source] std::io::Error),
    /// The connection broke while a change was being confirmed. This alone, and
    /// [`Error::TimedOut`], may have changed something.
    #[error("the database was lost during a change: it may or may not have been made")]
    Unconfirmed(#[source] sqlx::Error),
    /// The database took too long.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether the same call may succeed a moment later: the database was busy.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict | Self::Unconfirmed(_) | Self::TimedOut => true,
            Self::Database(error) => is_passing(error),
            _ => false,
        }
    }

    /// Whether the failure is the store's own, not the caller's.
    pub fn is_internal(&self) -> bool {
        match self {
            Self::WrongMasterKey
            | Self::Migration(_)
            | Self::NewerDatabase
            | Self::Moved
            | Self::NotEmpty
            | Self::NotMovable
            | Self::Unconfirmed(_)
            | Self::TimedOut
            | Self::Conflict
            | Self::Corrupt(_)
            | Self::Random
            | Self::File(_)
            | Self::UnsupportedDatabase
            | Self::Database(_) => true,
            Self::InvalidName(_)
            | Self::AccountExists
            | Self::KeyExists
            | Self::StationExists
            | Self::UnknownAccount
            | Self::AccountDisabled
            | Self::UnknownJob
            | Self::QuotaExceeded { .. }
            | Self::TooManyRevisions { .. }
            | Self::State(_)
            | Self::Leased { .. }
            | Self::NotOver(_)
            | Self::StaleEpoch
            | Self::NoOwnerKey => false,
        }
    }
}
