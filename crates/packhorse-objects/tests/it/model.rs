//! Random changes and listings, against a map that must agree.

use std::collections::BTreeMap;

use bytes::Bytes;
use packhorse_objects::client::{Client, ListObjects, ListPage, ObjectMeta};
use packhorse_objects::digest::BodyDigest;
use proptest::prelude::*;

use crate::support::Room;

#[derive(Clone, Debug)]
enum Step {
    Put(String, u8),
    Delete(String),
    List(String, Option<String>, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let key = "[ab+ /ü]{1,5}";
    prop_oneof![
        4 => (key, any::<u8>()).prop_map(|(key, byte)| Step::Put(key, byte)),
        1 => key.prop_map(Step::Delete),
        2 => ("[ab/]{0,2}", proptest::option::of("[/a]"), 1_u32..6)
            .prop_map(|(prefix, delimiter, page)| Step::List(prefix, delimiter, page)),
    ]
}

/// Keys with ETags, and rolled-up prefixes.
type Listing = (Vec<(String, String)>, Vec<String>);

fn expected(model: &BTreeMap<String, u8>, prefix: &str, delimiter: Option<&str>) -> Listing {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    for (key, byte) in model.iter().filter(|(key, _)| key.starts_with(prefix)) {
        let rest = &key[prefix.len()..];
        match delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len())) {
            Some(end) => prefixes.push(key[..prefix.len() + end].to_owned()),
            None => keys.push((key.clone(), BodyDigest::of(&[*byte]).etag())),
        }
    }
    prefixes.dedup();
    (keys, prefixes)
}

async fn listed(client: &Client, bucket: &str, mut wanted: ListObjects) -> Listing {
    let mut whole = ListPage::default();
    loop {
        let page = client.list_objects(bucket, &wanted).await.unwrap();
        let lines = page.objects.len() + page.common_prefixes.len();
        assert!(lines <= wanted.max_keys.unwrap() as usize);
        whole.objects.extend(page.objects);
        whole.common_prefixes.extend(page.common_prefixes);
        wanted.continuation_token = page.next;
        if wanted.continuation_token.is_none() {
            break;
        }
        assert!(lines > 0, "a page before the last is not empty");
    }
    let keys = whole
        .objects
        .into_iter()
        .map(|object| (object.key, object.etag));
    (keys.collect(), whole.common_prefixes)
}

async fn agree(client: &Client, bucket: &str, steps: Vec<Step>) {
    client.create_bucket(bucket).await.unwrap();
    let mut model = BTreeMap::new();
    for step in steps {
        match step {
            Step::Put(key, byte) => {
                let digest = BodyDigest::of(&[byte]);
                let body = Bytes::copy_from_slice(&[byte]);
                client
                    .put_object(bucket, &key, &ObjectMeta::default(), body, &digest)
                    .await
                    .unwrap();
                model.insert(key, byte);
            }
            Step::Delete(key) => {
                client.delete_object(bucket, &key).await.unwrap();
                model.remove(&key);
            }
            Step::List(prefix, delimiter, page) => {
                let expected = expected(&model, &prefix, delimiter.as_deref());
                let wanted = ListObjects {
                    prefix,
                    delimiter,
                    max_keys: Some(page),
                    ..ListObjects::default()
                };
                assert_eq!(listed(client, bucket, wanted).await, expected);
            }
        }
    }
}

#[test]
fn the_store_and_a_map_agree() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let room = runtime.block_on(Room::start());
    let client = room.client("ANN");
    let buckets = std::cell::Cell::new(0);
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..60))| {
        buckets.set(buckets.get() + 1);
        let bucket = format!("model-{}", buckets.get());
        runtime.block_on(agree(&client, &bucket, steps));
    });
    runtime.block_on(room.stop());
}
