//! Statements, values and rows of either database.

use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::query::Query;
use sqlx::sqlite::SqliteRow;
use sqlx::{
    AssertSqlSafe, Decode, Encode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Transaction,
    Type,
};

use crate::error::{Error, Result};

/// A value that stands for `$1`, `$2`, … of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// A number, if there is one.
    Int(Option<i64>),
    /// A text, if there is one.
    Text(Option<&'a str>),
    /// Bytes, if there are some.
    Bytes(Option<&'a [u8]>),
    /// Yes or no.
    Flag(bool),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

/// A connection, in a transaction or (for a single statement) without.
pub(crate) enum Handle<DB: sqlx::Database> {
    /// Without.
    Plain(PoolConnection<DB>),
    /// In one, which is rolled back unless committed.
    Transaction(Transaction<'static, DB>),
}

impl<DB: sqlx::Database> Handle<DB> {
    pub(super) fn connection(&mut self) -> &mut DB::Connection {
        match self {
            Self::Plain(connection) => connection,
            Self::Transaction(transaction) => transaction,
        }
    }

    async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Transaction(transaction) => transaction.commit().await,
        }
    }
}

/// A connection of either database.
pub(crate) enum Session {
    /// To a file.
    Sqlite(Handle<Sqlite>),
    /// To a server.
    Postgres(Handle<Postgres>),
}

/// Runs `$call` on the connection of either kind, with the statement and its values.
macro_rules! on_either {
    ($session:expr, $sql:expr, $values:expr, $call:ident) => {
        match $session {
            Session::Sqlite(handle) => bound::<Sqlite>($sql, $values)
                .$call(handle.connection())
                .await
                .map(|found| found.map(Record::Sqlite)),
            Session::Postgres(handle) => bound::<Postgres>($sql, $values)
                .$call(handle.connection())
                .await
                .map(|found| found.map(Record::Postgres)),
        }
    };
}

impl Session {
    /// Runs a statement; says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64> {
        self.run(sql.into_sql_str(), values).await
    }

    /// Runs a statement that was put together from names in this program.
    pub(crate) async fn execute_made(&mut self, sql: String, values: &[Value<'_>]) -> Result<u64> {
        self.run(AssertSqlSafe(sql).into_sql_str(), values).await
    }

    async fn run(&mut self, sql: SqlStr, values: &[Value<'_>]) -> Result<u64> {
        Ok(match self {
            Self::Sqlite(handle) => bound::<Sqlite>(sql, values)
                .execute(handle.connection())
                .await?
                .rows_affected(),
            Self::Postgres(handle) => bound::<Postgres>(sql, values)
                .execute(handle.connection())
                .await?
                .rows_affected(),
        })
    }

    /// The rows of an answer that is known to be small.
    pub(crate) async fn all(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Vec<Record>> {
        self.stream(sql.into_sql_str(), values).try_collect().await
    }

    /// The row, if there is one.
    pub(crate) async fn optional(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<Record>> {
        Ok(on_either!(
            self,
            sql.into_sql_str(),
            values,
            fetch_optional
        )?)
    }

    /// The row of a statement that always gives one.
    pub(crate) async fn one(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Record> {
        let found = self.optional(sql, values).await?;
        found.ok_or(Error::Corrupt("a row is missing"))
    }

    /// The rows one by one, of an answer of any size.
    pub(crate) fn each(&mut self, sql: String) -> BoxStream<'_, Result<Record>> {
        self.stream(AssertSqlSafe(sql).into_sql_str(), &[])
    }

    fn stream(&mut self, sql: SqlStr, values: &[Value<'_>]) -> BoxStream<'_, Result<Record>> {
        match self {
            Self::Sqlite(handle) => bound::<Sqlite>(sql, values)
                .fetch(handle.connection())
                .map(|row| Ok(Record::Sqlite(row?)))
                .boxed(),
            Self::Postgres(handle) => bound::<Postgres>(sql, values)
                .fetch(handle.connection())
                .map(|row| Ok(Record::Postgres(row?)))
                .boxed(),
        }
    }

    /// Makes what was done durable. When the connection breaks before the answer, nobody knows
    /// whether it happened: [`Error::Unconfirmed`].
    pub(crate) async fn commit(self) -> Result<()> {
        let done = match self {
            Self::Sqlite(handle) => handle.commit().await,
            Self::Postgres(handle) => handle.commit().await,
        };
        done.map_err(|error| match super::trouble::is_lost(&error) {
            true => Error::Unconfirmed(error),
            false => error.into(),
        })
    }
}

/// The statement with its values.
fn bound<'q, DB>(sql: impl SqlSafeStr, values: &[Value<'_>]) -> Query<'q, DB, DB::Arguments>
where
    DB: sqlx::Database,
    bool: for<'t> Encode<'t, DB> + Type<DB>,
    Option<i64>: for<'t> Encode<'t, DB> + Type<DB>,
    for<'t> Option<&'t str>: Encode<'t, DB> + Type<DB>,
    for<'t> Option<&'t [u8]>: Encode<'t, DB> + Type<DB>,
{
    let query = sqlx::query::<DB>(sql);
    values.iter().fold(query, |query, value| match *value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Flag(value) => query.bind(value),
    })
}

/// A row of an answer.
pub(crate) enum Record {
    /// Of a file.
    Sqlite(SqliteRow),
    /// Of a server.
    Postgres(PgRow),
}

impl Record {
    /// A column of it.
    pub(crate) fn get<T>(&self, column: &str) -> Result<T>
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}
