//! From one database to another and from one version to the next, with nothing lost.

use std::path::Path;
use std::sync::Arc;

use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_store::{DumpError, Error, JobPage, MasterKey, Store, export, import, migrate, open};
use sqlx::{Connection as _, Executor as _};

use crate::server::{Server, run};
use crate::{NOW, claim, new_job};

/// A database of the first version: a loaded job, a rotated key, a disabled account.
const SCHEMA_1: &str = include_str!("schema1.sql");
/// The master key that it was made with.
const SCHEMA_1_KEY: &str = "aa1e6bf212d26bda67b6f7d708fd4e298f5bdbea207528fd9acac713b89c06c5";

fn key() -> MasterKey {
    MasterKey::from_hex(SCHEMA_1_KEY).unwrap()
}

/// The first version's database as a file in `folder`.
async fn schema_1(folder: &Path) -> String {
    let path = folder.join("old.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .foreign_keys(false);
    let mut connection = sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    connection.execute(SCHEMA_1).await.unwrap();
    connection.close().await.unwrap();
    format!("sqlite://{}", path.display())
}

/// What `schema1.sql` holds, read through the store, and that work goes on with it.
async fn check_schema_1(store: &Arc<dyn Store>) {
    let id = JobId::parse("QZET5DU2").unwrap();
    let job = store.find_job(&id).await.unwrap().unwrap();
    assert_eq!(job.state.progress, Progress::Complete);
    assert_eq!((job.counts.stored, job.counts.ignored), (17, 1));
    assert!(job.manifest.expose().contains("deviceId"));
    assert_eq!(job.log.unwrap().key, "import-log-QZET5DU2");
    store.verify_events(&id).await.unwrap();
    let names = ["carol", "dave", "quickstart"];
    let accounts = store.list_accounts().await.unwrap();
    let listed: Vec<_> = accounts
        .iter()
        .map(|a| (a.name.as_str(), a.enabled))
        .collect();
    assert_eq!(listed, names.map(|name| (name, name != "dave")));
    let keys: Vec<_> = accounts[0].keys.iter().map(|key| key.enabled).collect();
    assert_eq!(keys, [false, true]);
    let key = store.find_access_key("AKIAXRIAEFTFD5IO7LXL").await.unwrap();
    let key = key.unwrap();
    let secret = "B0_NCin2bqqnAVZorJ0dBxGbPEyFYvkjqORRdP4W";
    assert!(key.secret.matches(secret) && key.enabled);
    // New rows come after the old ones.
    let owner = store.find_access_key("AKIAOJHZN2SJ7756OD5H").await.unwrap();
    let owner = owner.unwrap();
    let made = store.create_job(new_job(&owner, "m"), NOW).await.unwrap();
    let JobPage { jobs, more } = store.list_jobs(owner.account, None, 9).await.unwrap();
    let ids: Vec<_> = jobs.into_iter().map(|job| job.id).collect();
    assert_eq!((ids, more), (vec![made.id.clone(), id], false));
    let claimed = store.claim(claim(&made.id, "quickstart"), NOW).await;
    assert_eq!(claimed.unwrap().owner_key.id, owner.id);
    let next = store.create_account("zoe", None, NOW).await.unwrap();
    assert_eq!(next.account.0, 4);
    let audit = store.audit().await.unwrap();
    assert_eq!((audit.jobs, audit.events, audit.broken), (2, 5, vec![]));
}

#[tokio::test]
async fn a_database_of_the_first_version_opens_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let url = schema_1(folder.path()).await;
    for _ in 0..2 {
        open(&url, key()).await.unwrap();
    }
    check_schema_1(&open(&url, key()).await.unwrap()).await;
}

#[tokio::test]
async fn a_file_moves_to_postgres_with_nothing_lost_and_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared();
    let (old, new) = (schema_1(folder.path()).await, server.database().await);
    let sum = migrate(&old, &new, &key()).await.unwrap();
    let rows: Vec<_> = sum.rows().collect();
    let expected = [
        ("access_keys", 4),
        ("accounts", 3),
        ("events", 3),
        ("jobs", 1),
        ("revisions", 1),
        ("stations", 1),
    ];
    assert_eq!(rows, expected);
    let closed = open(&old, key()).await;
    assert!(matches!(closed, Err(Error::Moved)));
    check_schema_1(&open(&new, key()).await.unwrap()).await;
    let again = migrate(&schema_1(&make_folder(&folder)).await, &new, &key()).await;
    assert!(matches!(again, Err(Error::NotEmpty)), "{again:?}");
}

#[tokio::test]
async fn what_opens_a_device_and_what_keeps_it_locked_move_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared();
    let (old, new) = (schema_1(folder.path()).await, server.database().await);
    let (opened, locked) = {
        let store = open(&old, key()).await.unwrap();
        let alice = store.create_account("alice", None, NOW).await.unwrap();
        let opened = store.create_job(new_job(&alice, "m"), NOW).await.unwrap();
        let locked = store.create_job(new_job(&alice, "m"), NOW).await.unwrap();
        let password = packhorse_core::secret::Secret::new("swordfish");
        store
            .unlock_job(alice.account, &opened.id, &alice.id, &password, NOW)
            .await
            .unwrap();
        let dock = packhorse_core::event::Actor::Station("dock".to_owned());
        let waits = store.lock_job(&locked.id, "no password", dock, NOW);
        assert_eq!(waits.await.unwrap(), Progress::Pending);
        (opened.id, locked.id)
    };
    migrate(&old, &new, &key()).await.unwrap();
    let store = open(&new, key()).await.unwrap();
    let opened = store.find_job(&opened).await.unwrap().unwrap().lock;
    assert!(opened.password.unwrap().matches("swordfish"));
    let locked = store.find_job(&locked).await.unwrap().unwrap().lock;
    assert_eq!(locked.reason.as_deref(), Some("no password"));
    assert!(locked.password.is_none());
}

fn make_folder(folder: &tempfile::TempDir) -> std::path::PathBuf {
    let path = folder.path().join("another");
    std::fs::create_dir(&path).unwrap();
    path
}

#[tokio::test]
async fn a_move_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared();
    let (old, new) = (schema_1(folder.path()).await, server.database().await);
    let other_key = MasterKey::from_hex(&"ab".repeat(32)).unwrap();
    let wrong = migrate(&old, &new, &other_key).await;
    assert!(matches!(wrong, Err(Error::WrongMasterKey)));
    {
        let in_use = open(&old, key()).await.unwrap();
        in_use.ping().await.unwrap();
        let refused = migrate(&old, &new, &key()).await.unwrap_err();
        assert!(refused.is_retryable(), "{refused:?}");
    }
    let torn = "UPDATE events SET detail = 'nothing happened' WHERE seq = 1";
    let mut connection = sqlx::SqliteConnection::connect(&old).await.unwrap();
    connection.execute(torn).await.unwrap();
    connection.close().await.unwrap();
    let refused = migrate(&old, &new, &key()).await;
    assert!(matches!(refused, Err(Error::Corrupt(_))), "{refused:?}");
    let untouched = open(&new, key()).await.unwrap();
    assert!(untouched.list_accounts().await.unwrap().is_empty());
    let still_there = open(&old, key()).await.unwrap();
    let audit = still_there.audit().await.unwrap();
    assert_eq!(audit.broken, [JobId::parse("QZET5DU2").unwrap()]);
    let unmovable = migrate(&new, &old, &key()).await;
    assert!(matches!(unmovable, Err(Error::NotMovable)));
}

#[tokio::test]
async fn a_dump_fills_either_database_and_is_refused_when_cut_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared();
    let old = schema_1(folder.path()).await;
    let mut dump = Vec::new();
    let written = export(&old, &key(), &mut dump).await.unwrap();
    let text = String::from_utf8(dump.clone()).unwrap();
    assert_eq!(text.lines().count(), 2 + 13);
    let file = format!("sqlite://{}", folder.path().join("new.db").display());
    let lines: Vec<_> = text.lines().collect();
    let cut = lines[..lines.len() - 1].join("\n");
    let short = [&lines[..3], &lines[lines.len() - 1..]].concat().join("\n");
    let other = text.replace("Complete", "Canceled");
    let unknown = text.replace("\"accounts\"", "\"counts\"");
    for (bad, word) in [
        (cut.as_str(), "cut off"),
        (short.as_str(), "not those"),
        (other.as_str(), "not those"),
        (unknown.as_str(), "known table"),
        ("", "empty"),
        ("{}", "no dump"),
        ("hello", "not JSON"),
    ] {
        let refused = import(&file, &key(), &mut bad.as_bytes()).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(word), "{refused}");
    }
    let other_key = MasterKey::from_hex(&"ab".repeat(32)).unwrap();
    let wrong = import(&file, &other_key, &mut dump.as_slice()).await;
    assert!(matches!(
        wrong,
        Err(DumpError::Store(Error::WrongMasterKey))
    ));
    for url in [file, server.database().await] {
        let read = import(&url, &key(), &mut dump.as_slice()).await.unwrap();
        assert_eq!(read, written);
        let full = import(&url, &key(), &mut dump.as_slice()).await;
        assert!(matches!(full, Err(DumpError::Store(Error::NotEmpty))));
        check_schema_1(&open(&url, key()).await.unwrap()).await;
    }
}

#[tokio::test]
async fn an_audit_of_postgres_names_the_job_whose_events_were_changed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::shared();
    let url = server.database().await;
    migrate(&schema_1(folder.path()).await, &url, &key())
        .await
        .unwrap();
    let store = open(&url, key()).await.unwrap();
    assert!(store.audit().await.unwrap().broken.is_empty());
    for tampering in [
        "UPDATE events SET actor = 'nobody' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events",
    ] {
        run(&url, tampering).await;
        let audit = store.audit().await.unwrap();
        assert_eq!((audit.jobs, audit.broken.len()), (1, 1), "{tampering}");
    }
}
