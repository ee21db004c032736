//! Stores that fail: everything arrives all the same, or the load says why it stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use packhorse_objects::faults::{Fault, FaultProxy};
use packhorse_transfer::Error;

use crate::bench_of_one::{BUCKET, Bench, noise, stopped};

async fn mixed() -> Bench {
    let bench = Bench::new().await;
    for number in 0..60 {
        bench.write(&format!("f{number}"), &noise(3000, number));
    }
    bench.write("large", &noise(20 << 20, 9));
    bench
}

/// Loads through a proxy that fails every `step`th request, and compares everything.
async fn survives(step: usize, fault: Fault) {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_every(step, fault);
    let loaded = bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert!(
        proxy.failed() > 5,
        "only {} requests failed",
        proxy.failed()
    );
    assert_eq!(loaded.counts.failed, 0);
    assert_eq!(bench.objects().await, bench.files());
    assert_eq!(bench.open_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_503_slow_down() {
    survives(4, Fault::SLOW_DOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_connections_reset_before_the_request() {
    survives(5, Fault::ResetBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_answers_that_are_lost() {
    survives(5, Fault::ResetAfter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_bodies_damaged_on_the_way() {
    survives(7, Fault::CorruptRequest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_vanished_is_found_by_verification_and_loaded_again() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    // Just before the first listing of objects somebody deletes one and overwrites another.
    let client = bench.client(&bench.endpoint);
    let done = AtomicBool::new(false);
    let runtime = tokio::runtime::Handle::current();
    proxy.fail_if(Fault::Delay(Duration::from_millis(300)), move |seen| {
        let listing = seen.query.contains("list-type=2") && !done.swap(true, Ordering::Relaxed);
        if listing {
            let client = client.clone();
            runtime.spawn(async move {
                client.delete_object(BUCKET, "f7").await.unwrap();
                client.delete_object(BUCKET, "large").await.unwrap();
            });
        }
        listing
    });
    let loaded = bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert_eq!(loaded.counts.failed, 0);
    assert_eq!(bench.objects().await, bench.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_always_loses_one_object_gives_a_failed_row() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::Status(404, "NoSuchKey"), |seen| {
        seen.method == Method::HEAD && seen.path.ends_with("/f7")
    });
    proxy.fail_if(Fault::CorruptAnswer, |seen| {
        seen.query.contains("list-type=2")
    });
    let loaded = bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    let report = bench.report(&loaded).await;
    let failed: Vec<_> = report
        .iter()
        .filter(|row| row.contains("VerificationFailed"))
        .collect();
    assert!(
        failed.iter().all(|row| row.starts_with("f7,")),
        "{failed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_stops_the_load_before_it_begins() {
    let bench = mixed().await;
    let import = bench.import("logBucket: no-such-bucket\n");
    let meter = import.meter.clone();
    let error = stopped(import).await;
    assert!(
        matches!(&error, Error::StoreRefused { source, .. }
        if source.code() == Some("NoSuchBucket")),
        "{error:?}"
    );
    assert_eq!(meter.counts().listed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_down_stops_the_load_with_the_last_error() {
    let bench = mixed().await;
    let mut import = bench.import_through("http://127.0.0.1:1", "");
    import.limits.retry_for = Duration::from_millis(300);
    let error = stopped(import).await;
    assert!(matches!(error, Error::StoreUnavailable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_refused_is_one_failed_row_with_the_stores_words() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::Status(403, "AccessDenied"), |seen| {
        seen.method == Method::PUT && seen.path.ends_with("/f7")
    });
    let loaded = bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert_eq!(loaded.counts.failed, 1);
    let report = bench.report(&loaded).await;
    assert!(
        report.contains(&"f7,403,AccessDenied,,,3000,".to_owned()),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_inside_a_200_is_a_failed_row() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::Status(200, "AccessDenied"), |seen| {
        seen.method == Method::POST && seen.query.starts_with("uploadId=")
    });
    let loaded = bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert_eq!(loaded.counts.failed, 1);
    let report = bench.report(&loaded).await;
    let expected = format!("large,400,AccessDenied,,,{},", 20 << 20);
    assert!(report.contains(&expected), "{report:?}");
    assert_eq!(bench.open_uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_etag_that_is_not_that_of_the_parts_is_never_stored() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::CorruptBodyEtag, |seen| {
        seen.method == Method::POST && seen.query.starts_with("uploadId=")
    });
    let loaded = bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    let report = bench.report(&loaded).await;
    let large: Vec<_> = report
        .iter()
        .filter(|row| row.starts_with("large,"))
        .collect();
    assert!(
        large[0].starts_with("large,500,VerificationFailed,"),
        "{large:?}"
    );
    proxy.clear();
    let again = bench.load_anew(&proxy.endpoint()).await;
    assert_eq!(again.counts.failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_list_stops_the_load_before_a_byte_is_sent() {
    for query in ["list-type=2", "uploads="] {
        let bench = mixed().await;
        let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
        proxy.fail_if(Fault::Status(403, "AccessDenied"), move |seen| {
            seen.method == Method::GET && seen.query.contains(query)
        });
        let error = stopped(bench.import_through(&proxy.endpoint(), "")).await;
        assert!(matches!(error, Error::StoreRefused { .. }), "{error:?}");
        assert!(bench.objects().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_requests_are_under_way_than_connections_allow() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::Delay(Duration::from_millis(5)), |seen| {
        seen.method == Method::PUT
    });
    let mut import = bench.import_through(&proxy.endpoint(), "");
    import.limits.connections = 2;
    import.run().await.unwrap();
    // Two with contents; a larger file's upload is begun and ended beside them.
    assert!(
        proxy.most_at_once() <= 3,
        "{} at once",
        proxy.most_at_once()
    );
    assert_eq!(bench.objects().await, bench.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_shown_and_the_load_goes_on_by_itself_when_it_ends() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::ResetBefore, |seen| seen.method == Method::PUT);
    let import = bench.import_through(&proxy.endpoint(), "");
    let meter = import.meter.clone();
    let load = tokio::spawn(import.run());
    // Longer than one pause between tries, so that every request under way has met it.
    let long = Duration::from_millis(700);
    while meter
        .store_down_for(Instant::now())
        .is_none_or(|down| down < long)
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!load.is_finished());
    assert!(meter.store_trouble().is_some() && meter.retries() > 1);
    proxy.clear();
    let loaded = load.await.unwrap().unwrap();
    assert_eq!((loaded.counts.failed, meter.store_trouble()), (0, None));
    assert_eq!(meter.store_down_for(Instant::now()), None);
    assert_eq!(meter.requests_under_way(), 0);
    assert_eq!(bench.objects().await, bench.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_say_what_was_made_is_asked() {
    let bench = mixed().await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::EmptyBodyEtag, |seen| {
        seen.method == Method::POST && seen.query.starts_with("uploadId=")
    });
    let loading = bench.import_through(&proxy.endpoint(), "");
    assert_eq!(loading.run().await.unwrap().counts.failed, 0);
    assert_eq!(bench.objects().await, bench.files());
    let asked = |seen: &packhorse_objects::faults::Seen| {
        seen.method == Method::HEAD && seen.path.ends_with("/large")
    };
    assert_eq!(proxy.seen().iter().filter(|seen| asked(seen)).count(), 1);
}
