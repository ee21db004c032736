//! The store's public face: the conformance suite on both databases, and what only files can do.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy spares unit tests only: outside them, what is beside a test is linted too"
)]

mod moving;
mod postgres;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use packhorse_core::id::JobId;
use packhorse_core::job::JobType;
use packhorse_core::secret::Secret;
use packhorse_store::{AccessKey, Claim, Error, MasterKey, NewJob, Store, conformance, open};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn master_key(byte: &str) -> MasterKey {
    MasterKey::from_hex(&byte.repeat(32)).unwrap()
}

async fn open_in(folder: &Path, byte: &str) -> Result<Arc<dyn Store>, Error> {
    let url = format!("sqlite://{}", folder.join("a 100%?.db").display());
    open(&url, master_key(byte)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_passes_the_conformance_suite() {
    let mut failed = Vec::new();
    for case in conformance::cases() {
        let name = case.name;
        let run = tokio::spawn(async move {
            let folder = tempfile::tempdir().unwrap();
            let store = open_in(folder.path(), "01").await.unwrap();
            case.run(store).await;
        });
        if run.await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed cases: {failed:#?}");
}

#[tokio::test]
async fn a_reopened_database_holds_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let made = {
        let store = open_in(folder.path(), "01").await.unwrap();
        store.create_account("alice", None, NOW).await.unwrap()
    };
    let store = open_in(folder.path(), "01").await.unwrap();
    let found = store.find_access_key(&made.id).await.unwrap().unwrap();
    assert!(found.secret.matches(made.secret.expose()));
}

#[tokio::test]
async fn another_master_key_is_refused_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    open_in(folder.path(), "01").await.unwrap();
    let wrong = open_in(folder.path(), "02").await;
    assert!(matches!(wrong, Err(Error::WrongMasterKey)));
    assert!(open_in(folder.path(), "01").await.is_ok());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a 100%?.db"), "hello ".repeat(1000)).unwrap();
    let refused = open_in(folder.path(), "01").await;
    assert!(matches!(refused, Err(Error::Database(_))));
    let text = std::fs::read_to_string(folder.path().join("a 100%?.db")).unwrap();
    assert_eq!(text, "hello ".repeat(1000));
    for url in ["mysql://x", "postgres://", "sqlite://", "", "a.db"] {
        let refused = open(url, master_key("01")).await;
        assert!(matches!(refused, Err(Error::UnsupportedDatabase)), "{url}");
    }
    let missing = open("sqlite:///nonexistent/folder/x.db", master_key("01")).await;
    assert!(matches!(missing, Err(Error::File(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_database_at_once_and_all_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = open_in(&path, "01").await.unwrap();
                for m in 0..5 {
                    let name = format!("account-{n}-{m}");
                    store.create_account(&name, None, NOW).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let store = open_in(folder.path(), "01").await.unwrap();
    assert_eq!(store.list_accounts().await.unwrap().len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_share_a_database_never_lend_a_job_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut servers = Vec::new();
    for _ in 0..4 {
        servers.push(open_in(folder.path(), "01").await.unwrap());
    }
    let owner = servers[0].create_account("alice", None, NOW).await.unwrap();
    for _ in 0..10 {
        let job = servers[0]
            .create_job(new_job(&owner, "m"), NOW)
            .await
            .unwrap();
        let tasks: Vec<_> = (0..16)
            .map(|n| {
                let server = servers[n % servers.len()].clone();
                let claim = claim(&job.id, &format!("dock-{n}"));
                tokio::spawn(async move { server.claim(claim, NOW).await })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(Error::Leased { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        assert_eq!(won, 1);
        servers[1].verify_events(&job.id).await.unwrap();
    }
}

fn claim(id: &JobId, station: &str) -> Claim {
    Claim {
        job: id.clone(),
        job_type: JobType::Import,
        station: station.to_owned(),
        device: "disk".to_owned(),
        ttl: Duration::from_secs(60),
    }
}

fn new_job(owner: &AccessKey, manifest: &str) -> NewJob {
    NewJob {
        id: None,
        account: owner.account,
        access_key_id: owner.id.clone(),
        job_type: JobType::Import,
        manifest: Secret::new(manifest),
        jobs_per_day: 50,
    }
}

#[tokio::test]
async fn no_secret_lies_open_in_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open_in(folder.path(), "01").await.unwrap();
    let key = store.create_account("alice", None, NOW).await.unwrap();
    let station = store.create_station("dock", NOW).await.unwrap();
    let new = new_job(&key, "trueCryptPassword: swordfish");
    store.create_job(new, NOW).await.unwrap();
    let mut found_id = false;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let bytes = std::fs::read(entry.path()).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!holds("swordfish"));
        assert!(!holds(key.secret.expose()));
        assert!(!holds(station.key.expose()));
        found_id |= holds(&key.id);
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
    assert!(found_id, "the files that were searched are the database's");
}
