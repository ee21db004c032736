//! Accounts, access keys, stations.

use std::sync::Arc;

use packhorse_core::secret::Secret;

use super::words::{account, at};
use crate::{Error, KeyPair, Store};

fn pair(id: &str) -> Option<KeyPair> {
    Some(KeyPair {
        access_key_id: id.to_owned(),
        secret: Secret::new("a secret/of+somebody".replace(' ', "-")),
    })
}

pub(super) async fn a_created_account_is_found_by_its_key(store: Arc<dyn Store>) {
    let made = account(&store, "alice").await;
    assert!(made.id.starts_with("AKIA") && made.id.len() == 20);
    assert_eq!(made.secret.expose().len(), 40);
    let found = store.find_access_key(&made.id).await.unwrap().unwrap();
    assert_eq!(
        (found.account, found.account_name.as_str()),
        (made.account, "alice")
    );
    assert!(found.enabled && found.secret.matches(made.secret.expose()));
    assert!(store.find_access_key("AKIANOBODY").await.unwrap().is_none());

    let own = store
        .create_account("bob", pair("BOBS-KEY"), at(1))
        .await
        .unwrap();
    assert_eq!(own.id, "BOBS-KEY");
    assert_ne!(own.account, made.account);
    let names: Vec<_> = store.list_accounts().await.unwrap();
    assert_eq!(names[0].name, "alice");
    assert_eq!(names[1].name, "bob");
    assert_eq!(names[1].keys[0].id, "BOBS-KEY");
    assert_eq!(names[1].created_at, at(1));
}

pub(super) async fn names_and_keys_are_unique_and_sane(store: Arc<dyn Store>) {
    store
        .create_account("alice", pair("KEY-1"), at(0))
        .await
        .unwrap();
    let again = store.create_account("alice", None, at(0)).await;
    assert!(matches!(again, Err(Error::AccountExists)));
    let stolen = store.create_account("bob", pair("KEY-1"), at(0)).await;
    assert!(matches!(stolen, Err(Error::KeyExists)));
    for bad in ["", "a b", "-x"] {
        let refused = store.create_account(bad, None, at(0)).await;
        assert!(matches!(refused, Err(Error::InvalidName(_))), "{bad:?}");
    }
    let refused = store.create_account("bob", pair("a/b"), at(0)).await;
    assert!(matches!(refused, Err(Error::InvalidName(_))));
    assert_eq!(
        store.list_accounts().await.unwrap().len(),
        1,
        "nothing is left behind"
    );
}

pub(super) async fn rotating_gives_a_new_key_and_disables_the_old(store: Arc<dyn Store>) {
    let old = account(&store, "alice").await;
    let new = store.rotate_account("alice", at(1)).await.unwrap();
    assert_eq!(new.account, old.account);
    assert_ne!(new.id, old.id);
    assert!(
        !store
            .find_access_key(&old.id)
            .await
            .unwrap()
            .unwrap()
            .enabled
    );
    assert!(
        store
            .find_access_key(&new.id)
            .await
            .unwrap()
            .unwrap()
            .enabled
    );
    let keys = store.list_accounts().await.unwrap()[0].keys.clone();
    assert_eq!(
        keys.iter().map(|k| k.enabled).collect::<Vec<_>>(),
        [false, true]
    );
    let unknown = store.rotate_account("nobody", at(1)).await;
    assert!(matches!(unknown, Err(Error::UnknownAccount)));
}

pub(super) async fn a_disabled_account_has_no_enabled_key_until_it_is_enabled(
    store: Arc<dyn Store>,
) {
    let key = account(&store, "alice").await;
    let other = account(&store, "bob").await;
    store.disable_account("alice").await.unwrap();
    store.disable_account("alice").await.unwrap();
    assert!(
        !store
            .find_access_key(&key.id)
            .await
            .unwrap()
            .unwrap()
            .enabled
    );
    assert!(
        store
            .find_access_key(&other.id)
            .await
            .unwrap()
            .unwrap()
            .enabled
    );
    let rotated = store.rotate_account("alice", at(1)).await;
    assert!(matches!(rotated, Err(Error::AccountDisabled)));
    let unknown = store.disable_account("nobody").await;
    assert!(matches!(unknown, Err(Error::UnknownAccount)));
    store.enable_account("alice").await.unwrap();
    store.enable_account("alice").await.unwrap();
    let key = store.find_access_key(&key.id).await.unwrap().unwrap();
    assert!(key.enabled, "the key is the one from before");
    let unknown = store.enable_account("nobody").await;
    assert!(matches!(unknown, Err(Error::UnknownAccount)));
}

pub(super) async fn a_station_is_found_by_its_key_alone(store: Arc<dyn Store>) {
    let dock = store.create_station("dock-1", at(0)).await.unwrap();
    let other = store.create_station("dock-2", at(0)).await.unwrap();
    assert_eq!(dock.key.expose().len(), 64);
    let found = store.find_station(dock.key.expose()).await.unwrap();
    assert_eq!(found.as_deref(), Some("dock-1"));
    let found = store.find_station(other.key.expose()).await.unwrap();
    assert_eq!(found.as_deref(), Some("dock-2"));
    assert_eq!(store.find_station("").await.unwrap(), None);
    assert_eq!(store.find_station("dock-1").await.unwrap(), None);
    let again = store.create_station("dock-1", at(0)).await;
    assert!(matches!(again, Err(Error::StationExists)));
    let bad = store.create_station("dock 1", at(0)).await;
    assert!(matches!(bad, Err(Error::InvalidName(_))));
}

pub(super) async fn a_session_that_was_ended_is_remembered_until_its_time(store: Arc<dyn Store>) {
    let (one, other) = ([1; 16], [2; 16]);
    store.end_session(&one, at(10), at(1)).await.unwrap();
    store.end_session(&one, at(10), at(2)).await.unwrap();
    assert!(store.is_session_ended(&one).await.unwrap());
    assert!(!store.is_session_ended(&other).await.unwrap());
    store.end_session(&other, at(30), at(11)).await.unwrap();
    assert!(!store.is_session_ended(&one).await.unwrap());
    assert!(store.is_session_ended(&other).await.unwrap());
}

pub(super) async fn the_store_answers_a_ping(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
}
