//! Another station goes on without the first one's ledger, and sends nothing that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use packhorse_objects::client::ObjectMeta;
use packhorse_objects::digest::BodyDigest;
use packhorse_objects::faults::{Fault, FaultProxy, Seen};
use tokio::sync::Notify;

use crate::bench_of_one::{BUCKET, Bench, noise};

const LARGE: usize = 40 << 20;

fn carries_contents(seen: &Seen) -> bool {
    seen.method == Method::PUT && !seen.path.contains("import-log-")
}

fn key_of(seen: &Seen) -> String {
    seen.path
        .trim_start_matches(&format!("/{BUCKET}/"))
        .to_owned()
}

/// Kills a load (as far as a process can be killed within a test) when a request comes that `last`
/// counts to `count`; that request and all later ones get no answer.
async fn killed(bench: &Bench, count: usize, last: fn(&Seen) -> bool) {
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    let (reached, seen_so_far) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let tell = Arc::clone(&reached);
    proxy.fail_if(Fault::Hang, move |seen| {
        if last(seen) && seen_so_far.fetch_add(1, Ordering::Relaxed) + 1 == count {
            tell.notify_one();
        }
        seen_so_far.load(Ordering::Relaxed) >= count
    });
    let import = bench.import_through(&proxy.endpoint(), "");
    let folder = import.folder.clone();
    let load = tokio::spawn(import.run());
    reached.notified().await;
    load.abort();
    assert!(load.await.unwrap_err().is_cancelled());
    drop(proxy);
    while folder.is_busy().unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_that_are_there_are_not_sent_again() {
    let bench = Bench::new().await;
    for number in 0..300 {
        bench.write(&format!("d{}/f{number}", number % 7), &noise(2000, number));
    }
    killed(&bench, 150, carries_contents).await;
    let there: BTreeSet<_> = bench.objects().await.into_keys().collect();
    assert!((100..300).contains(&there.len()), "{}", there.len());
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    let loaded = bench.load_anew(&proxy.endpoint()).await;
    assert_eq!(loaded.counts.stored, 300);
    assert_eq!(bench.objects().await, bench.files());
    let seen = proxy.seen();
    let sent: Vec<_> = seen
        .iter()
        .filter(|seen| carries_contents(seen))
        .map(key_of)
        .collect();
    let twice: Vec<_> = sent.iter().filter(|key| there.contains(*key)).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(sent.len() <= 300 - there.len(), "{}", sent.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_there_are_not_sent_again() {
    let bench = Bench::new().await;
    bench.write("large", &noise(LARGE, 7));
    killed(&bench, 4, carries_contents).await;
    let there = bench.open_parts().await;
    assert!((1..5).contains(&there), "{there}");
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    bench.load_anew(&proxy.endpoint()).await;
    assert_eq!(bench.objects().await, bench.files());
    assert_eq!(bench.open_uploads().await, 0);
    let sent = proxy.seen();
    let sent = sent.iter().filter(|seen| carries_contents(seen)).count();
    assert!(sent <= 5 - there, "{sent} parts sent, {there} were there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_large_object_is_read_and_compared_and_not_sent_again() {
    for with_ledger in [false, true] {
        let bench = Bench::new().await;
        bench.write("large", &noise(LARGE, 7));
        // It dies when it verifies: the object is there.
        killed(&bench, 1, |seen| seen.query.contains("max-keys=1000")).await;
        let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
        match with_ledger {
            false => drop(bench.load_anew(&proxy.endpoint()).await),
            true => {
                let mut import = bench.import_through(&proxy.endpoint(), "");
                import.takes_over = true;
                import.run().await.unwrap();
            }
        }
        let seen = proxy.seen();
        let sent = seen.iter().filter(|seen| carries_contents(seen)).count();
        assert_eq!(sent, 0, "{seen:#?}");
        assert_eq!(bench.objects().await, bench.files());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_objects_and_uploads_are_not_taken_for_our_own() {
    let bench = Bench::new().await;
    let files = BTreeMap::from([
        ("other-bytes", noise(1000, 1)),
        ("other-headers", noise(1000, 2)),
        ("large", noise(LARGE, 3)),
    ]);
    for (name, bytes) in &files {
        bench.write(name, bytes);
    }
    let client = bench.client(&bench.endpoint);
    for (key, bytes) in [
        ("other-bytes", noise(1000, 9)),
        ("other-headers", noise(1000, 2)),
    ] {
        let meta = ObjectMeta {
            content_type: Some("x/other".to_owned()),
            ..ObjectMeta::default()
        };
        let digest = BodyDigest::of(&bytes);
        let put = client.put_object(BUCKET, key, &meta, Bytes::from(bytes), &digest);
        put.await.unwrap();
    }
    let meta = ObjectMeta {
        metadata: vec![("whose".to_owned(), "theirs".to_owned())],
        ..ObjectMeta::default()
    };
    let upload = client
        .create_multipart_upload(BUCKET, "large", &meta)
        .await
        .unwrap();
    let first = Bytes::from(noise(LARGE, 3)[..8 << 20].to_vec());
    let digest = BodyDigest::of(&first);
    client
        .upload_part(BUCKET, "large", &upload, 1, first, &digest)
        .await
        .unwrap();
    let mut import = bench.import("");
    import.takes_over = true;
    assert_eq!(import.run().await.unwrap().counts.stored, 3);
    assert_eq!(bench.objects().await, bench.files());
    for key in files.keys() {
        let head = client.head_object(BUCKET, key).await.unwrap();
        let plain = ["application/octet-stream", "binary/octet-stream"];
        let content_type = head.meta.content_type.unwrap();
        assert!(
            plain.contains(&content_type.as_str()),
            "{key}: {content_type}"
        );
        assert!(head.meta.metadata.is_empty(), "{key}");
    }
    assert_eq!(bench.open_uploads().await, 0);
}
