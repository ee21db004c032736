//! How many durable transactions a second the server's own SQLite makes, for `make bench-api`.
//!
//! `commits FOLDER CONNECTIONS SECONDS`: so many tasks take turns at one connection, as the server's
//! requests do, with the store's settings (write-ahead log, every commit synced). A transaction inserts
//! one row of the size that a job has in all its tables. Prints JSON.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for measuring"
)]

use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A job, its manifest and its first event: 0.3, 0.4 and 0.2 KiB.
const ROW_BYTES: usize = 900;
/// A log that still grows costs the file system more than one that is written over, as the server's
/// is: it must have been full once.
const WARM_UP: u64 = 3000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("{what} is missing"));
    let folder = PathBuf::from(next("FOLDER")?);
    let tasks = usize::from_str(&next("CONNECTIONS")?)?;
    let seconds = f64::from_str(&next("SECONDS")?)?;
    let file = folder.join("commits.db");
    let warm = !file.exists();
    if warm {
        let pool = open(&file, SqliteSynchronous::Off).await?;
        sqlx::query("CREATE TABLE rows (id INTEGER PRIMARY KEY, text BLOB)")
            .execute(&pool)
            .await?;
        for _ in 0..WARM_UP {
            commit(&pool).await?;
        }
        pool.close().await;
    }
    let pool = open(&file, SqliteSynchronous::Full).await?;
    commit(&pool).await?;
    let (count, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let end = begun + Duration::from_secs_f64(seconds);
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (pool, count) = (pool.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                while Instant::now() < end {
                    commit(&pool).await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<(), Failure>(())
            })
        })
        .collect();
    for task in running {
        task.await??;
    }
    let passed = begun.elapsed().as_secs_f64();
    let count = count.load(Ordering::Relaxed);
    let per_second = count as f64 / passed;
    println!("{{\"commits\": {count}, \"seconds\": {passed}, \"per_second\": {per_second}}}");
    Ok(())
}

async fn open(
    file: &std::path::Path,
    synchronous: SqliteSynchronous,
) -> Result<SqlitePool, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous);
    let pool = SqlitePoolOptions::new().max_connections(1);
    Ok(pool.connect_with(options).await?)
}

async fn commit(pool: &SqlitePool) -> Result<(), Failure> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO rows (text) VALUES (?)")
        .bind(vec![0x5a; ROW_BYTES])
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}
