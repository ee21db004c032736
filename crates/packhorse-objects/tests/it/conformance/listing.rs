//! Listings with prefix, delimiter and pages.

use bytes::Bytes;
use packhorse_objects::client::{Client, ListObjects, ObjectMeta};
use packhorse_objects::digest::BodyDigest;

use super::check;

async fn fill(client: &Client, bucket: &str, keys: &[&str]) {
    for key in keys {
        let digest = BodyDigest::of(b"");
        client
            .put_object(bucket, key, &ObjectMeta::default(), Bytes::new(), &digest)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn keys_are_in_the_order_of_their_bytes() {
    check(|client, bucket| async move {
        // U+FF5E sorts before U+1F600 by bytes, and after it in UTF-16.
        let keys = ["A", "B", "_", "a", "a!", "a/", "a0", "\u{ff5e}", "😀"];
        let mut shuffled = keys;
        shuffled.reverse();
        fill(&client, bucket, &shuffled).await;
        let page = client
            .list_objects(bucket, &ListObjects::default())
            .await
            .unwrap();
        let listed: Vec<&str> = page.objects.iter().map(|o| o.key.as_str()).collect();
        assert_eq!(listed, keys);
        assert!(
            page.objects
                .iter()
                .all(|object| { object.size == 0 && object.etag == BodyDigest::of(b"").etag() })
        );
        assert!(page.next.is_none());
    })
    .await;
}

#[tokio::test]
async fn prefix_delimiter_and_start_after_work_together() {
    check(|client, bucket| async move {
        fill(
            &client,
            bucket,
            &["a/1", "a/b/1", "a/b/2", "a/c/1", "a/d", "b/1", "top"],
        )
        .await;
        let list = |prefix: &str, delimiter: Option<&str>, start_after: Option<&str>| {
            let client = client.clone();
            let wanted = ListObjects {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                start_after: start_after.map(str::to_owned),
                ..ListObjects::default()
            };
            async move {
                let page = client.list_objects(bucket, &wanted).await.unwrap();
                let keys: Vec<String> = page.objects.into_iter().map(|o| o.key).collect();
                (keys, page.common_prefixes)
            }
        };
        let (keys, prefixes) = list("", Some("/"), None).await;
        assert_eq!(
            (keys, prefixes),
            (vec!["top".into()], vec!["a/".into(), "b/".into()])
        );
        let (keys, prefixes) = list("a/", Some("/"), None).await;
        assert_eq!(keys, ["a/1", "a/d"]);
        assert_eq!(prefixes, ["a/b/", "a/c/"]);
        let (keys, prefixes) = list("a/", Some("/"), Some("a/b/")).await;
        assert_eq!((keys, prefixes), (vec!["a/d".into()], vec!["a/c/".into()]));
        let (keys, prefixes) = list("a/b", None, Some("a/b/1")).await;
        assert_eq!((keys, prefixes), (vec!["a/b/2".into()], vec![]));
        let (keys, prefixes) = list("none", None, None).await;
        assert_eq!((keys, prefixes), (vec![], vec![]));
    })
    .await;
}
