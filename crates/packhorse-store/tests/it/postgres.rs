//! What PostgreSQL alone can do: run the suite on a server, conflict, restart, lose connections.

use std::sync::Arc;
use std::time::Duration;

use packhorse_store::{AccessKey, Error, Store, conformance, open};

use crate::server::{Server, run};
use crate::{NOW, claim, master_key, new_job};

async fn open_at(url: &str) -> Arc<dyn Store> {
    open(url, master_key("01")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_passes_the_conformance_suite() {
    let server = Server::shared();
    let mut failed = Vec::new();
    for case in conformance::cases() {
        let name = case.name;
        let store = open_at(&server.database().await).await;
        if tokio::spawn(case.run(store)).await.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed cases: {failed:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_database_of_postgres_at_once_and_all_write() {
    let server = Server::shared();
    let url = server.database().await;
    let tasks: Vec<_> = (0..6)
        .map(|n| {
            let url = url.clone();
            tokio::spawn(async move {
                let store = open_at(&url).await;
                for m in 0..3 {
                    let name = format!("account-{n}-{m}");
                    store.create_account(&name, None, NOW).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let accounts = open_at(&url).await.list_accounts().await.unwrap();
    assert_eq!(accounts.len(), 18);
}

#[tokio::test]
async fn another_master_key_or_a_raised_floor_is_refused_by_postgres() {
    let server = Server::shared();
    let url = server.database().await;
    open_at(&url).await;
    let wrong = open(&url, master_key("02")).await;
    assert!(matches!(wrong, Err(Error::WrongMasterKey)));
    run(
        &url,
        "INSERT INTO _sqlx_migrations VALUES (99, 'later', now(), TRUE, '', 0)",
    )
    .await;
    open_at(&url).await;
    run(&url, "UPDATE schema_floor SET version = 99").await;
    let refused = open(&url, master_key("01")).await;
    assert!(matches!(refused, Err(Error::NewerDatabase)));
    let nowhere = open("postgres://nobody@127.0.0.1:1/x", master_key("01")).await;
    let error = nowhere.err().unwrap();
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_claims_through_several_servers_one_wins() {
    let server = Server::shared();
    let url = server.database().await;
    let servers = [
        open_at(&url).await,
        open_at(&url).await,
        open_at(&url).await,
    ];
    let owner = account(&servers[0]).await;
    for _ in 0..5 {
        let job = servers[0].create_job(new_job(&owner, "m"), NOW).await;
        let id = job.unwrap().id;
        let tasks: Vec<_> = (0..12)
            .map(|n| {
                let store = Arc::clone(&servers[n % servers.len()]);
                let claim = claim(&id, &format!("dock-{n}"));
                tokio::spawn(async move { store.claim(claim, NOW).await })
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
        servers[1].verify_events(&id).await.unwrap();
    }
}

async fn account(store: &Arc<dyn Store>) -> AccessKey {
    store.create_account("alice", None, NOW).await.unwrap()
}

/// Creates jobs from several tasks until told to stop; gives what was confirmed, and how many calls
/// failed. Every failure must be one that a client may answer by trying again.
async fn create_under(
    store: &Arc<dyn Store>,
    owner: &AccessKey,
    disturbance: impl Future<Output = ()>,
) -> (Vec<packhorse_core::id::JobId>, usize) {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (store, owner, stopped) = (Arc::clone(store), owner.clone(), stopped.clone());
            tokio::spawn(async move {
                let (mut made, mut failed) = (Vec::new(), 0);
                while !*stopped.borrow() {
                    let mut new = new_job(&owner, "m");
                    new.jobs_per_day = 1_000_000;
                    match store.create_job(new, NOW).await {
                        Ok(job) => made.push(job.id),
                        Err(error) if error.is_retryable() => failed += 1,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                (made, failed)
            })
        })
        .collect();
    disturbance.await;
    stop.send(true).unwrap();
    let (mut made, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (ids, failures) = task.await.unwrap();
        made.extend(ids);
        failed += failures;
    }
    (made, failed)
}

/// Every confirmed job is there, whole; what is there beside them is no more than the failures.
async fn check_nothing_lost(
    store: &Arc<dyn Store>,
    owner: &AccessKey,
    made: &[packhorse_core::id::JobId],
    failed: usize,
) {
    assert!(!made.is_empty());
    for id in made {
        store.job(owner.account, id).await.unwrap();
        store.verify_events(id).await.unwrap();
    }
    let listed = store.list_jobs(owner.account, None, 1_000_000).await;
    let listed = listed.unwrap().jobs.len();
    assert!(
        (made.len()..=made.len() + failed).contains(&listed),
        "{} confirmed, {failed} failed, {listed} listed",
        made.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_under_load_loses_nothing() {
    let server = Arc::new(Server::start());
    let store = open_at(&server.database().await).await;
    let owner = account(&store).await;
    let (made, failed) = create_under(&store, &owner, async {
        for _ in 0..2 {
            wait_for_jobs(&store, &owner).await;
            let server = Arc::clone(&server);
            tokio::task::spawn_blocking(move || server.crash_and_restart())
                .await
                .unwrap();
        }
        wait_for_jobs(&store, &owner).await;
    })
    .await;
    check_nothing_lost(&store, &owner, &made, failed).await;
    store.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_made_anew() {
    let server = Server::shared();
    let url = server.database().await;
    let store = open_at(&url).await;
    let owner = account(&store).await;
    let (made, failed) = create_under(&store, &owner, async {
        for _ in 0..10 {
            wait_for_jobs(&store, &owner).await;
            run(
                &url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        }
    })
    .await;
    check_nothing_lost(&store, &owner, &made, failed).await;
}

/// Waits until some more jobs were made.
async fn wait_for_jobs(store: &Arc<dyn Store>, owner: &AccessKey) {
    let count = || async {
        let page = store.list_jobs(owner.account, None, 1_000_000).await;
        page.map(|page| page.jobs.len()).unwrap_or_default()
    };
    let before = count().await;
    while count().await < before + 10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
