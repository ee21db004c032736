//! What the client expects of any S3 store. Every check takes a client and an empty bucket of its
//! own, so the suite can run against any endpoint; here it runs against the embedded store.

mod listing;
mod multipart;
mod objects;

use std::future::Future;

use packhorse_objects::client::{Client, ListObjects};

use crate::support::Room;

/// Runs a check in a new bucket of the embedded store.
async fn check<F: Future<Output = ()>>(check: impl FnOnce(Client, &'static str) -> F) {
    let room = Room::start().await;
    let client = room.client("ANN");
    client.create_bucket("conformance").await.unwrap();
    check(client, "conformance").await;
    room.stop().await;
}

/// All keys of a bucket, `page` at a time.
async fn all_keys(client: &Client, bucket: &str, page: u32) -> Vec<String> {
    let mut wanted = ListObjects {
        max_keys: Some(page),
        ..ListObjects::default()
    };
    let mut keys = Vec::new();
    loop {
        let page = client.list_objects(bucket, &wanted).await.unwrap();
        keys.extend(page.objects.into_iter().map(|object| object.key));
        wanted.continuation_token = page.next;
        if wanted.continuation_token.is_none() {
            return keys;
        }
    }
}

/// Keys that clients and stores get wrong.
fn awkward_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain",
        "a//b",
        "../x",
        "./y",
        "a/../b",
        "/leading",
        "trailing/",
        "+plus+",
        "sp ace",
        "a%2Fb",
        "100%",
        "q?x=1&y#z",
        "~!@$^*()'\"<>&;,=:[]{}|\\`",
        "ü/ñ/日本語",
        "e\u{301}",
        "\u{e9}",
        "😀",
        "tab\tline\nreturn\r",
        "\u{1}\u{7f}\u{ffff}",
        "..",
        ".",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("k".repeat(1024));
    keys.push("ü".repeat(512));
    keys
}
