//! Objects in one piece.

use bytes::Bytes;
use packhorse_objects::client::{Client, Error, ObjectMeta};
use packhorse_objects::digest::BodyDigest;

use super::{all_keys, awkward_keys, check};
use crate::support::bytes;

async fn put(client: &Client, bucket: &str, key: &str, body: &Bytes) -> Result<String, Error> {
    let digest = BodyDigest::of(body);
    client
        .put_object(bucket, key, &ObjectMeta::default(), body.clone(), &digest)
        .await
}

async fn get(client: &Client, bucket: &str, key: &str) -> Bytes {
    let object = client.get_object(bucket, key, None).await.unwrap();
    object.body.collect(64 << 20).await.unwrap()
}

#[tokio::test]
async fn awkward_keys_round_trip_through_put_list_get_and_delete() {
    check(|client, bucket| async move {
        let mut keys = awkward_keys();
        for key in &keys {
            let body = Bytes::from(key.clone());
            put(&client, bucket, key, &body).await.unwrap();
        }
        keys.sort_unstable();
        assert_eq!(all_keys(&client, bucket, 4).await, keys);
        for key in &keys {
            assert_eq!(get(&client, bucket, key).await, key.as_bytes());
            client.delete_object(bucket, key).await.unwrap();
        }
        assert!(all_keys(&client, bucket, 1000).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn bodies_of_every_size_come_back_whole_and_in_ranges() {
    check(|client, bucket| async move {
        for size in [0, 1, 65_535, 65_536, 65_537, 262_144, 1_000_003] {
            let body = bytes(size, size as u64);
            let etag = put(&client, bucket, "k", &body).await.unwrap();
            assert_eq!(etag, BodyDigest::of(&body).etag());
            assert_eq!(get(&client, bucket, "k").await, body);
            let info = client.head_object(bucket, "k").await.unwrap();
            assert_eq!((info.size, info.etag), (size as u64, etag));
            if size > 2 {
                let range = (1, size as u64 - 2);
                let part = client.get_object(bucket, "k", Some(range)).await.unwrap();
                assert_eq!(part.size, size as u64);
                let part = part.body.collect(size).await.unwrap();
                assert_eq!(part, body.slice(1..size - 1));
            }
        }
        let past_end = client
            .get_object(bucket, "k", Some((1 << 40, 1 << 41)))
            .await;
        assert_eq!(past_end.unwrap_err().code(), Some("InvalidRange"));
    })
    .await;
}

#[tokio::test]
async fn headers_and_user_metadata_come_back() {
    check(|client, bucket| async move {
        let text = |text: &str| Some(text.to_owned());
        let meta = ObjectMeta {
            content_type: text("text/plain; charset=utf-8"),
            content_encoding: text("gzip"),
            cache_control: text("max-age=60, public"),
            content_disposition: text("attachment; filename=\"a b.txt\""),
            content_language: text("de, en"),
            expires: text("Thu, 01 Dec 2094 16:00:00 GMT"),
            acl: text("bucket-owner-full-control"),
            storage_class: None,
            server_side_encryption: None,
            metadata: vec![
                ("mtime".to_owned(), "1700000000.5".to_owned()),
                ("owner".to_owned(), "Zoë 日本\n=?x?=".to_owned()),
                ("two-blanks".to_owned(), "a  b".to_owned()),
            ],
            tags: Vec::new(),
        };
        let digest = BodyDigest::of(b"x");
        let body = Bytes::from_static(b"x");
        client
            .put_object(bucket, "k", &meta, body, &digest)
            .await
            .unwrap();
        let mut got = client.head_object(bucket, "k").await.unwrap().meta;
        got.metadata.sort();
        assert_eq!(got, ObjectMeta { acl: None, ..meta });
    })
    .await;
}

#[tokio::test]
async fn a_body_that_does_not_match_its_digest_is_refused_and_nothing_stored() {
    check(|client, bucket| async move {
        let body = bytes(100_000, 1);
        let right = BodyDigest::of(&body);
        let wrong_md5 = BodyDigest {
            md5: [7; 16],
            ..right
        };
        let wrong_crc = BodyDigest {
            crc32c: right.crc32c ^ 1,
            ..right
        };
        for digest in [wrong_md5, wrong_crc] {
            let put = client
                .put_object(bucket, "k", &ObjectMeta::default(), body.clone(), &digest)
                .await;
            let error = put.unwrap_err();
            assert_eq!(error.code(), Some("BadDigest"), "{error}");
            let head = client.head_object(bucket, "k").await;
            assert_eq!(head.unwrap_err().status(), Some(404));
        }
    })
    .await;
}

#[tokio::test]
async fn a_taken_key_is_not_overwritten_when_it_must_be_absent() {
    check(|client, bucket| async move {
        let put_if_absent = |body: &'static [u8]| {
            let client = client.clone();
            async move {
                let digest = BodyDigest::of(body);
                let meta = ObjectMeta::default();
                let body = Bytes::from_static(body);
                client
                    .put_object_if_absent(bucket, "k", &meta, body, &digest)
                    .await
            }
        };
        put_if_absent(b"first").await.unwrap();
        let error = put_if_absent(b"second").await.unwrap_err();
        assert_eq!(error.status(), Some(412));
        assert!(!error.is_retryable());
        assert_eq!(get(&client, bucket, "k").await, "first");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    check(|client, bucket| async move {
        let error = client.get_object(bucket, "none", None).await.unwrap_err();
        assert_eq!(
            (error.status(), error.code()),
            (Some(404), Some("NoSuchKey"))
        );
        let error = client.head_object(bucket, "none").await.unwrap_err();
        assert_eq!(
            (error.status(), error.code()),
            (Some(404), Some("NotFound"))
        );
        let body = Bytes::new();
        let error = put(&client, "no-such-bucket", "k", &body)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some("NoSuchBucket"));
        client.delete_object(bucket, "none").await.unwrap();
        let error = put(&client, bucket, &"k".repeat(1025), &body)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some("KeyTooLongError"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_puts_at_a_time_all_arrive() {
    check(|client, bucket| async move {
        let mut puts = tokio::task::JoinSet::new();
        for number in 0..640_u64 {
            while puts.len() >= 64 {
                puts.join_next().await.unwrap().unwrap();
            }
            let client = client.clone();
            puts.spawn(async move {
                // Every tenth is large enough for a file.
                let size = if number % 10 == 0 { 100_000 } else { 5_000 };
                let body = bytes(size, number);
                put(&client, bucket, &format!("{number:04}"), &body)
                    .await
                    .unwrap();
            });
        }
        puts.join_all().await;
        let keys: Vec<String> = (0..640).map(|number| format!("{number:04}")).collect();
        assert_eq!(all_keys(&client, bucket, 1000).await, keys);
        for number in [0, 1, 639] {
            let size = if number % 10 == 0 { 100_000 } else { 5_000 };
            let body = get(&client, bucket, &format!("{number:04}")).await;
            assert_eq!(body, bytes(size, number));
        }
    })
    .await;
}

#[tokio::test]
async fn buckets_are_made_found_listed_and_removed_when_empty() {
    check(|client, bucket| async move {
        client.create_bucket("another-one").await.unwrap();
        let again = client.create_bucket("another-one").await.unwrap_err();
        assert_eq!(again.code(), Some("BucketAlreadyOwnedByYou"));
        let names: Vec<String> = client
            .list_buckets()
            .await
            .unwrap()
            .into_iter()
            .map(|bucket| bucket.name)
            .collect();
        assert_eq!(names, ["another-one", bucket]);
        client.head_bucket(bucket).await.unwrap();
        put(&client, bucket, "k", &Bytes::new()).await.unwrap();
        let filled = client.delete_bucket(bucket).await.unwrap_err();
        assert_eq!(filled.code(), Some("BucketNotEmpty"));
        client.delete_object(bucket, "k").await.unwrap();
        client.delete_bucket(bucket).await.unwrap();
        let gone = client.head_bucket(bucket).await.unwrap_err();
        assert_eq!(gone.status(), Some(404));
        let bad = client.create_bucket("x").await.unwrap_err();
        assert_eq!(bad.code(), Some("InvalidBucketName"));
    })
    .await;
}
