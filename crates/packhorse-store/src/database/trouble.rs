//! What an error of a database means.

use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use crate::error::Error;

/// PostgreSQL's codes for "somebody else was faster": serialization failure, deadlock. A uniqueness
/// that broke although the verb looked first says the same.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "23505"];
/// Its codes for "this connection is over" and "no connection now": shutdown, crash, starting up,
/// idle transaction ended, too many connections. Class 08 is about connections as a whole.
const CONNECTION: [&str; 5] = ["57P01", "57P02", "57P03", "25P03", "53300"];
/// Its codes for "took too long": a statement was ended, a lock was not to be had.
const SLOW: [&str; 2] = ["57014", "55P03"];
/// Its codes for what two who make the tables of a new database at once may get.
const TABLES_APPEARED: [&str; 3] = ["42P07", "42710", "42701"];

fn postgres_code(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?;
    Some(error.try_downcast_ref::<PgDatabaseError>()?.code())
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    postgres_code(error).is_some_and(|code| codes.contains(&code))
}

/// Whether the connection is gone.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    let connection = postgres_code(error).is_some_and(|code| code.starts_with("08"));
    matches!(error, sqlx::Error::Io(_)) || connection || has_code(error, &CONNECTION)
}

/// Whether a transaction that failed so has certainly changed nothing and may succeed when it is
/// begun anew.
pub(super) fn changed_nothing(error: &Error) -> bool {
    let fit = |error: &sqlx::Error| is_lost(error) || has_code(error, &CONFLICTS);
    match error {
        Error::Database(error) => fit(error),
        Error::Migration(error) => migration_cause(error)
            .is_some_and(|cause| fit(cause) || has_code(cause, &TABLES_APPEARED)),
        _ => false,
    }
}

fn migration_cause(error: &sqlx::migrate::MigrateError) -> Option<&sqlx::Error> {
    use sqlx::migrate::MigrateError;
    match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => Some(cause),
        _ => None,
    }
}

/// Whether the same call may succeed a moment later.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    /// Low byte of SQLite's extended result codes for "busy" and "locked".
    const BUSY: [i64; 2] = [5, 6];
    let sqlite = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<SqliteError>())
        .and_then(|error| sqlx::error::DatabaseError::code(error)?.parse::<i64>().ok());
    sqlite.is_some_and(|code| BUSY.contains(&(code & 0xff)))
        || matches!(error, sqlx::Error::PoolTimedOut)
        || is_lost(error)
        || has_code(error, &CONFLICTS)
        || has_code(error, &SLOW)
}
