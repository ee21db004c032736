//! Encrypted devices: why they are locked, and what opens them.

use std::sync::Arc;

use packhorse_core::event::Actor;
use packhorse_core::id::JobId;
use packhorse_core::job::{Location, Progress};
use packhorse_core::secret::Secret;

use super::words::{account, at, claim, finish, holder, job, update};
use crate::{Error, Lock, Store};

fn dock() -> Actor {
    Actor::Station("dock".to_owned())
}

async fn lock(store: &Arc<dyn Store>, id: &JobId) -> Lock {
    store.find_job(id).await.unwrap().unwrap().lock
}

pub(super) async fn a_locked_device_is_received_and_its_job_waits_with_the_reason(
    store: Arc<dyn Store>,
) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    for reason in ["no password", "no password", "a wrong one"] {
        let progress = store.lock_job(&id, reason, dock(), at(2)).await.unwrap();
        assert_eq!(progress, Progress::Pending);
    }
    let found = store.find_job(&id).await.unwrap().unwrap();
    assert_eq!(found.state.location, Location::AtAWS);
    assert_eq!(found.lock.reason.as_deref(), Some("a wrong one"));
    let events = store.events(&id).await.unwrap();
    let what: Vec<_> = events
        .iter()
        .map(|(event, _)| event.what.as_str())
        .collect();
    assert_eq!(what, ["Create", "Receive", "Locked", "Locked"]);
    store
        .update_job(&id, update(&alice, "new"), at(3))
        .await
        .unwrap();
    assert_eq!(lock(&store, &id).await.reason, None);
    store.verify_events(&id).await.unwrap();
}

pub(super) async fn a_password_is_kept_until_the_job_is_over(store: Arc<dyn Store>) {
    let alice = account(&store, "alice").await;
    let id = job(&store, &alice).await.id;
    store.lock_job(&id, "locked", dock(), at(2)).await.unwrap();
    let give = async |password: &str| {
        let password = Secret::new(password);
        store
            .unlock_job(alice.account, &id, &alice.id, &password, at(3))
            .await
            .unwrap();
    };
    give("swordfish").await;
    give("tuna").await;
    let found = lock(&store, &id).await;
    assert!(found.password.unwrap().matches("tuna"));
    assert_eq!(found.reason, None);
    store
        .record_password_given(&id, dock(), "disk-1", at(4))
        .await
        .unwrap();
    let lease = store.claim(claim(&id, "dock"), at(5)).await.unwrap();
    assert!(lock(&store, &id).await.password.unwrap().matches("tuna"));
    store
        .finish(&holder(&lease, "dock"), finish(1, 0), at(6))
        .await
        .unwrap();
    assert!(lock(&store, &id).await.password.is_none());
    let events = store.events(&id).await.unwrap();
    assert!(
        events
            .iter()
            .all(|(event, _)| !format!("{event:?}").contains("tuna"))
    );
}

pub(super) async fn only_a_job_that_may_be_loaded_is_locked_or_unlocked(store: Arc<dyn Store>) {
    let (alice, bob) = (account(&store, "alice").await, account(&store, "bob").await);
    let id = job(&store, &alice).await.id;
    let password = Secret::new("swordfish");
    let foreign = store
        .unlock_job(bob.account, &id, &bob.id, &password, at(2))
        .await;
    assert!(matches!(foreign, Err(Error::UnknownJob)));
    store
        .cancel_job(alice.account, &id, &alice.id, at(2))
        .await
        .unwrap();
    let late = store
        .unlock_job(alice.account, &id, &alice.id, &password, at(3))
        .await;
    assert!(matches!(late, Err(Error::State(_))));
    let late = store.lock_job(&id, "locked", dock(), at(3)).await;
    assert!(matches!(late, Err(Error::State(_))));
    assert!(lock(&store, &id).await.password.is_none());
}
