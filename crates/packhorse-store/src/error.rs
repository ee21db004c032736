//! What can go wrong in the store.

use jiff::Timestamp;
use packhorse_core::job::Forbidden;

/// The result of a store verb.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a verb was refused or failed. Whatever the variant, nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL names a kind of database that is not supported.
    #[error("the database must be given as sqlite://PATH")]
    UnsupportedDatabase,
    /// The database was made with another master key.
    #[error("the master key is not the one this database was made with")]
    WrongMasterKey,
    /// A newer Packhorse has changed the tables.
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
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Whether the same call may succeed a moment later: the database was busy.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict | Self::Database(sqlx::Error::PoolTimedOut) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                /// Low byte of SQLite's extended result codes for "busy" and "locked".
                const BUSY: [i64; 2] = [5, 6];
                let code = error.code().and_then(|code| code.parse::<i64>().ok());
                code.is_some_and(|code| BUSY.contains(&(code & 0xff)))
            }
            _ => false,
        }
    }

    /// Whether the failure is the store's own, not the caller's.
    pub fn is_internal(&self) -> bool {
        match self {
            Self::WrongMasterKey
            | Self::Migration(_)
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
            | Self::StaleEpoch
            | Self::NoOwnerKey => false,
        }
    }
}
