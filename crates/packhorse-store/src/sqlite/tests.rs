//! Tests of the SQLite store that look into its file.

use packhorse_core::secret::Secret;
use sqlx::Row as _;

use super::*;
use crate::NewJob;

async fn store(folder: &tempfile::TempDir) -> Sqlite {
    let key = MasterKey::from_hex(&"01".repeat(32)).unwrap();
    Sqlite::open(&folder.path().join("x.db"), &key)
        .await
        .unwrap()
}

async fn account_and_job(store: &Sqlite) -> (AccessKey, Result<Job>) {
    let name = format!("a{}", store.list_accounts().await.unwrap().len());
    let pair = KeyPair {
        access_key_id: name.repeat(4),
        secret: Secret::new("12345678"),
    };
    let now = Timestamp::UNIX_EPOCH;
    let key = store.create_account(&name, Some(pair), now).await.unwrap();
    let new = NewJob {
        account: key.account,
        access_key_id: key.id.clone(),
        job_type: JobType::Import,
        manifest: Secret::new("m"),
        jobs_per_day: 50,
    };
    let job = store.create_job(new, now).await;
    (key, job)
}

#[tokio::test]
async fn a_clashing_id_is_drawn_again_and_an_exhausted_source_is_an_error() {
    use std::sync::atomic::{AtomicU8, Ordering};
    static DRAWS: AtomicU8 = AtomicU8::new(0);
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder).await;
    // Two draws alike, then others.
    store.random = |buffer| {
        buffer.fill(DRAWS.fetch_add(1, Ordering::Relaxed) / 2);
        Ok(())
    };
    let first = account_and_job(&store).await.1.unwrap();
    let second = account_and_job(&store).await.1.unwrap();
    assert_eq!(first.id.as_str(), "11111111");
    assert_eq!(second.id.as_str(), "22222222");
    store.random = |buffer| {
        buffer.fill(0);
        Ok(())
    };
    let none = account_and_job(&store).await.1;
    assert!(matches!(none, Err(Error::Random)));
}

#[tokio::test]
async fn a_changed_or_cut_event_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for sql in [
        "UPDATE events SET detail = 'x'",
        "UPDATE events SET what = 'Cancel'",
        "DELETE FROM events",
        "UPDATE jobs SET event_link = zeroblob(32)",
        "UPDATE events SET at = at + 1",
    ] {
        let id = account_and_job(&store).await.1.unwrap().id;
        store.verify_events(&id).await.unwrap();
        sqlx::query(sql).execute(&store.writer).await.unwrap();
        let broken = store.verify_events(&id).await;
        assert!(matches!(broken, Err(Error::Corrupt(_))), "{sql}");
    }
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_a_retryable_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let id = account_and_job(&store).await.1.unwrap().id;
    let mut tx = store.write().await.unwrap();
    let mut first = row::load(&mut tx, &id).await.unwrap();
    let mut second = row::load(&mut tx, &id).await.unwrap();
    row::save(&mut tx, &mut first).await.unwrap();
    let error = row::save(&mut tx, &mut second).await.unwrap_err();
    assert!(matches!(error, Error::Conflict) && error.is_retryable());
}

#[tokio::test]
async fn a_busy_database_is_retryable_and_a_missing_table_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let _held = store.write().await.unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("x.db"))
        .busy_timeout(Duration::ZERO);
    let other = SqlitePoolOptions::new()
        .connect_with(options)
        .await
        .unwrap();
    let busy = other.begin_with("BEGIN IMMEDIATE").await;
    assert!(Error::from(busy.err().unwrap()).is_retryable());
    let wrong = sqlx::query("SELECT * FROM nothing").execute(&other).await;
    assert!(!Error::from(wrong.err().unwrap()).is_retryable());
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let (key, job) = account_and_job(&store).await;
    let id = job.unwrap().id;
    {
        let mut tx = store.write().await.unwrap();
        let mut row = row::load(&mut tx, &id).await.unwrap();
        let change = packhorse_core::job::Change::Cancel;
        let now = Timestamp::UNIX_EPOCH;
        chain::change(&mut tx, &mut row, change, Actor::Server, "", now)
            .await
            .unwrap();
        row::save(&mut tx, &mut row).await.unwrap();
    }
    let job = store.job(key.account, &id).await.unwrap();
    assert_eq!(job.state.progress, Progress::Pending);
    assert_eq!(store.events(&id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn every_connection_syncs_each_commit_and_checks_references() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    for pool in [&store.writer, &store.readers] {
        let mode = sqlx::query("PRAGMA journal_mode")
            .fetch_one(pool)
            .await
            .unwrap();
        assert_eq!(mode.get::<String, _>(0), "wal");
        let synchronous = sqlx::query("PRAGMA synchronous")
            .fetch_one(pool)
            .await
            .unwrap();
        assert_eq!(synchronous.get::<i64, _>(0), 2, "FULL");
        let keys = sqlx::query("PRAGMA foreign_keys")
            .fetch_one(pool)
            .await
            .unwrap();
        assert_eq!(keys.get::<i64, _>(0), 1);
    }
}
