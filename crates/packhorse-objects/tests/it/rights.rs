//! Who may do what in the embedded store.

use bytes::Bytes;
use packhorse_objects::client::{Client, ListObjects, ObjectMeta};
use packhorse_objects::digest::BodyDigest;

use crate::raw;
use crate::support::{Room, client, secret_of};

async fn put(client: &Client, bucket: &str, key: &str, acl: Option<&str>) -> Result<(), String> {
    let meta = ObjectMeta {
        acl: acl.map(str::to_owned),
        ..ObjectMeta::default()
    };
    let body = Bytes::from_static(b"body");
    let digest = BodyDigest::of(b"body");
    let put = client.put_object(bucket, key, &meta, body, &digest);
    put.await.map(|_| ()).map_err(code)
}

fn code(error: packhorse_objects::client::Error) -> String {
    error.code().unwrap_or("no answer").to_owned()
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_and_a_disabled_key_are_refused() {
    let room = Room::start().await;
    let wrong = client(&room.endpoint, "ANN", &secret_of("BOB"));
    let unknown = client(&room.endpoint, "EVE", &secret_of("EVE"));
    for (client, expected) in [
        (wrong, "SignatureDoesNotMatch"),
        (unknown, "InvalidAccessKeyId"),
        (room.client("DISABLED"), "InvalidAccessKeyId"),
        (room.client("BROKEN"), "ServiceUnavailable"),
    ] {
        let error = client.create_bucket("never-made").await.unwrap_err();
        assert_eq!(error.is_retryable(), expected == "ServiceUnavailable");
        assert_eq!(code(error), expected);
    }
    let buckets = room.client("ANN").list_buckets().await.unwrap();
    assert_eq!(buckets, []);
    room.stop().await;
}

#[tokio::test]
async fn another_account_is_denied_everything() {
    let room = Room::start().await;
    let (ann, bob) = (room.client("ANN"), room.client("BOB"));
    ann.create_bucket("anns").await.unwrap();
    put(&ann, "anns", "k", None).await.unwrap();
    let meta = ObjectMeta::default();
    let upload = ann
        .create_multipart_upload("anns", "u", &meta)
        .await
        .unwrap();
    let list = ListObjects::default();
    let denied = [
        bob.head_bucket("anns").await.map_err(code),
        put(&bob, "anns", "mine", None).await,
        bob.get_object("anns", "k", None)
            .await
            .map(|_| ())
            .map_err(code),
        bob.get_object("anns", "none", None)
            .await
            .map(|_| ())
            .map_err(code),
        bob.head_object("anns", "k").await.map(|_| ()).map_err(code),
        bob.delete_object("anns", "k").await.map_err(code),
        bob.list_objects("anns", &list)
            .await
            .map(|_| ())
            .map_err(code),
        bob.delete_bucket("anns").await.map_err(code),
        bob.create_multipart_upload("anns", "x", &meta)
            .await
            .map(|_| ())
            .map_err(code),
        bob.list_multipart_uploads("anns", "", None)
            .await
            .map(|_| ())
            .map_err(code),
        bob.list_parts("anns", "u", &upload, 0)
            .await
            .map(|_| ())
            .map_err(code),
        bob.abort_multipart_upload("anns", "u", &upload)
            .await
            .map_err(code),
    ];
    for (index, result) in denied.into_iter().enumerate() {
        assert_eq!(result, Err("AccessDenied".to_owned()), "{index}");
    }
    let taken = bob.create_bucket("anns").await.map_err(code);
    assert_eq!(taken, Err("BucketAlreadyExists".to_owned()));
    assert_eq!(bob.list_buckets().await.unwrap(), []);
    room.stop().await;
}

#[tokio::test]
async fn canned_acls_let_others_read() {
    let room = Room::start().await;
    let (ann, bob) = (room.client("ANN"), room.client("BOB"));
    ann.create_bucket("anns").await.unwrap();
    for (acl, to_bob, to_anybody) in [
        ("private", false, false),
        ("bucket-owner-full-control", false, false),
        ("authenticated-read", true, false),
        ("public-read", true, true),
    ] {
        put(&ann, "anns", acl, Some(acl)).await.unwrap();
        let got = bob.get_object("anns", acl, None).await;
        assert_eq!(got.is_ok(), to_bob, "{acl}");
        let uri = format!("/anns/{acl}");
        let answer = raw::exchange(&room.endpoint, raw::get(&uri)).await;
        assert_eq!(answer.status().is_success(), to_anybody, "{acl}");
        let over = put(&bob, "anns", acl, None).await;
        assert_eq!(over, Err("AccessDenied".to_owned()), "{acl}");
    }
    let unknown = put(&ann, "anns", "k", Some("everybody")).await;
    assert_eq!(unknown, Err("InvalidArgument".to_owned()));
    room.stop().await;
}
