//! The client, when networks and stores fail.

use std::time::Duration;

use packhorse_objects::client::{Client, Error, ObjectMeta};
use packhorse_objects::digest::BodyDigest;
use packhorse_objects::faults::{Fault, FaultProxy};
use tokio::io::AsyncReadExt as _;

use crate::support::{Room, bytes, client, secret_of};

async fn put(client: &Client, key: &str) -> Result<String, Error> {
    let body = bytes(100_000, 3);
    let digest = BodyDigest::of(&body);
    client
        .put_object("bucket", key, &ObjectMeta::default(), body, &digest)
        .await
}

async fn room() -> (Room, FaultProxy, Client) {
    let room = Room::start().await;
    room.client("ANN").create_bucket("bucket").await.unwrap();
    let proxy = FaultProxy::start(&room.endpoint).await.unwrap();
    let client = client(&proxy.endpoint(), "ANN", &secret_of("ANN"));
    (room, proxy, client)
}

#[tokio::test]
async fn every_failed_put_may_be_sent_again_and_then_succeeds() {
    let (room, proxy, client) = room().await;
    for (fault, stored) in [
        (Fault::SLOW_DOWN, false),
        (Fault::INTERNAL_ERROR, false),
        (Fault::ResetBefore, false),
        (Fault::ResetAfter, true),
        (Fault::CorruptRequest, false),
        (Fault::CorruptEtag, true),
    ] {
        let key = format!("{fault:?}");
        proxy.fail_next(1, fault);
        let error = put(&client, &key).await.unwrap_err();
        assert!(error.is_retryable(), "{key}: {error}");
        let head = room.client("ANN").head_object("bucket", &key).await;
        assert_eq!(head.is_ok(), stored, "{key}");
        put(&client, &key).await.unwrap();
    }
    assert_eq!(proxy.failed(), 6);
}

#[tokio::test]
async fn a_corrupted_confirmation_is_told_from_a_refusal() {
    let (_room, proxy, client) = room().await;
    proxy.fail_next(1, Fault::CorruptEtag);
    let error = put(&client, "k").await.unwrap_err();
    assert!(matches!(error, Error::Corrupted { .. }), "{error}");
    proxy.fail_next(1, Fault::CorruptRequest);
    assert_eq!(
        put(&client, "k").await.unwrap_err().code(),
        Some("BadDigest")
    );
}

#[tokio::test]
async fn an_answer_that_ends_early_is_never_taken_for_the_whole() {
    let (_room, proxy, client) = room().await;
    put(&client, "k").await.unwrap();
    proxy.fail_next(1, Fault::TruncateAnswer);
    let object = client.get_object("bucket", "k", None).await.unwrap();
    let error = object.body.collect(1 << 20).await.unwrap_err();
    assert!(matches!(error, Error::Transport(_)), "{error}");
    proxy.fail_next(1, Fault::TruncateAnswer);
    let list = client.list_objects("bucket", &Default::default()).await;
    assert!(list.unwrap_err().is_retryable());
}

#[tokio::test]
async fn rules_pick_requests_by_what_they_are_and_by_turn() {
    let (_room, proxy, client) = room().await;
    proxy.fail_next_if(1, Fault::SLOW_DOWN, |seen| seen.path.ends_with("/picked"));
    put(&client, "other").await.unwrap();
    assert!(put(&client, "picked").await.is_err());
    put(&client, "picked").await.unwrap();
    proxy.fail_every(3, Fault::INTERNAL_ERROR);
    let mut outcomes = Vec::new();
    for _ in 0..6 {
        outcomes.push(put(&client, "k").await.is_ok());
    }
    assert_eq!(outcomes, [true, true, false, true, true, false]);
    proxy.clear();
    proxy.fail_if(Fault::SLOW_DOWN, |seen| seen.method == "PUT");
    assert!(put(&client, "k").await.is_err());
    client.head_object("bucket", "k").await.unwrap();
    assert_eq!(proxy.seen().last().unwrap().method, "HEAD");
    proxy.clear();
    proxy.fail_next(1, Fault::Delay(Duration::from_millis(1)));
    put(&client, "k").await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_not_there_is_a_transport_error() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&endpoint, "ANN", "secret");
    let error = client.head_bucket("bucket").await.unwrap_err();
    assert!(matches!(error, Error::Transport(_)) && error.is_retryable());
    assert!(!format!("{client:?} {error:?}").contains("secret"));
}

#[tokio::test]
async fn a_store_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let client = client(&endpoint, "ANN", "secret");
    let put = tokio::spawn(async move { put(&client, "k").await });
    let (mut silent, _) = listener.accept().await.unwrap();
    let mut received = vec![0; 50_000];
    silent.read_exact(&mut received).await.unwrap();
    // From here on time is virtual: it passes as soon as everything waits.
    tokio::time::pause();
    let error = put.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Timeout), "{error:?}");
}
