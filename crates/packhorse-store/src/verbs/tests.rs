//! Tests that look behind the verbs, on SQLite.

use packhorse_core::secret::Secret;

use super::*;
use crate::NewJob;

fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("x.db").display())
}

async fn store(folder: &tempfile::TempDir) -> Verbs {
    let key = MasterKey::from_hex(&"01".repeat(32)).unwrap();
    let database = Database::open(&url(folder)).await.unwrap();
    Verbs::new(database, &key).await.unwrap()
}

async fn run(store: &Verbs, sql: &'static str) {
    let mut session = store.database.write().await.unwrap();
    session.execute(sql, &[]).await.unwrap();
    session.commit().await.unwrap();
}

async fn account_and_job(store: &Verbs) -> (AccessKey, Result<Job>) {
    let name = format!("a{}", store.list_accounts().await.unwrap().len());
    let pair = KeyPair {
        access_key_id: name.repeat(4),
        secret: Secret::new("12345678"),
    };
    let now = Timestamp::UNIX_EPOCH;
    let key = store.create_account(&name, Some(pair), now).await.unwrap();
    let new = NewJob {
        id: None,
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
        run(&store, sql).await;
        let broken = store.verify_events(&id).await;
        assert!(matches!(broken, Err(Error::Corrupt(_))), "{sql}");
    }
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_a_retryable_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let id = account_and_job(&store).await.1.unwrap().id;
    let mut session = store.database.write().await.unwrap();
    let mut first = row::load(&mut session, &id).await.unwrap();
    let mut second = row::load(&mut session, &id).await.unwrap();
    row::save(&mut session, &mut first).await.unwrap();
    let error = row::save(&mut session, &mut second).await.unwrap_err();
    assert!(matches!(error, Error::Conflict) && error.is_retryable());
}

#[tokio::test]
async fn a_busy_database_is_retryable_and_a_missing_table_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let _held = store.database.write().await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(folder.path().join("x.db"))
        .busy_timeout(Duration::ZERO);
    let other = sqlx::sqlite::SqlitePoolOptions::new()
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
        let mut session = store.database.write().await.unwrap();
        let mut row = row::load(&mut session, &id).await.unwrap();
        let change = packhorse_core::job::Change::Cancel;
        let now = Timestamp::UNIX_EPOCH;
        chain::change(&mut session, &mut row, change, Actor::Server, "", now)
            .await
            .unwrap();
        row::save(&mut session, &mut row).await.unwrap();
    }
    let job = store.job(key.account, &id).await.unwrap();
    assert_eq!(job.state.progress, Progress::Pending);
    assert_eq!(store.events(&id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_newer_programs_tables_are_used_until_the_floor_rises_or_the_rows_have_left() {
    let folder = tempfile::tempdir().unwrap();
    let opened = store(&folder).await;
    let newer = "INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', TRUE, x'00', 0)";
    run(&opened, newer).await;
    run(&opened, "ALTER TABLE jobs ADD COLUMN later TEXT").await;
    assert!(account_and_job(&store(&folder).await).await.1.is_ok());
    for (floor, expected) in [
        ("UPDATE schema_floor SET version = 9999", "NewerDatabase"),
        (
            "UPDATE schema_floor SET version = 9223372036854775807",
            "Moved",
        ),
    ] {
        run(&opened, floor).await;
        let refused = Database::open(&url(&folder)).await.err().unwrap();
        assert_eq!(format!("{refused:?}"), expected);
    }
}
