//! A load that stopped anywhere goes on where it stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use packhorse_objects::faults::{Fault, FaultProxy, Seen};
use packhorse_transfer::Error;

use crate::bench_of_one::{Bench, noise, stopped};

fn is_upload(seen: &Seen) -> bool {
    seen.method == Method::PUT
}

/// Lets `count` uploads through, then fails all.
fn fail_uploads_after(proxy: &FaultProxy, count: usize) {
    let uploads = AtomicUsize::new(0);
    proxy.fail_if(Fault::SLOW_DOWN, move |seen| {
        is_upload(seen) && uploads.fetch_add(1, Ordering::Relaxed) >= count
    });
}

/// Runs a load that an outage stops after `count` uploads.
async fn interrupted(bench: &Bench, proxy: &FaultProxy, count: usize) {
    fail_uploads_after(proxy, count);
    let mut import = bench.import_through(&proxy.endpoint(), "");
    import.limits.retry_for = Duration::from_millis(300);
    let error = stopped(import).await;
    assert!(matches!(error, Error::StoreUnavailable { .. }), "{error:?}");
    proxy.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stored_before_an_outage_are_not_sent_again() {
    let bench = Bench::new().await;
    for number in 0..200 {
        bench.write(
            &format!("d{}/f{number}", number % 7),
            &noise(100 + number, number as u64),
        );
    }
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    interrupted(&bench, &proxy, 50).await;
    let before = bench.objects().await.len();
    assert!(before >= 50, "{before}");
    let sent_before = proxy.seen().len();
    bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert_eq!(bench.objects().await, bench.files());
    let again = proxy.seen().split_off(sent_before);
    // One more upload is the report.
    assert_eq!(
        again.iter().filter(|seen| is_upload(seen)).count(),
        200 - before + 1
    );
}

/// Parts of 8 MiB that a file of the next test has.
const PARTS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn parts_stored_before_an_outage_are_kept_and_no_upload_is_left() {
    let bench = Bench::new().await;
    bench.write("large", &noise(PARTS * (8 << 20), 3));
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    interrupted(&bench, &proxy, 3).await;
    assert_eq!(bench.open_uploads().await, 1);
    let stored = bench.open_parts().await;
    assert!((1..=3).contains(&stored), "{stored}");
    let sent_before = proxy.seen().len();
    bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert_eq!(bench.objects().await, bench.files());
    assert_eq!(bench.open_uploads().await, 0);
    let again = proxy.seen().split_off(sent_before);
    let parts = again
        .iter()
        .filter(|seen| seen.query.contains("partNumber="))
        .count();
    // A part that was under way at the end may have arrived since it was counted.
    assert!(
        parts <= PARTS - stored,
        "{parts} parts were sent, {stored} of {PARTS} were there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_since_it_was_listed_is_a_failed_row() {
    let bench = Bench::new().await;
    for name in ["grows", "shrinks", "vanishes", "stays"] {
        bench.write(name, &noise(100, 1));
    }
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    interrupted(&bench, &proxy, 0).await;
    bench.write("grows", &noise(200, 1));
    bench.write("shrinks", &noise(50, 1));
    std::fs::remove_file(bench.disk.path().join("vanishes")).unwrap();
    let report = bench.load("").await;
    let codes: BTreeMap<&str, &str> = report
        .iter()
        .skip(1)
        .map(|row| {
            let mut fields = row.split(',');
            (fields.next().unwrap(), fields.nth(1).unwrap())
        })
        .collect();
    let expected = [
        ("grows", "FileChanged"),
        ("shrinks", "FileChanged"),
        ("stays", "OK"),
        ("vanishes", "FileVanished"),
    ];
    assert_eq!(codes, BTreeMap::from(expected));
    assert_eq!(bench.objects().await.keys().collect::<Vec<_>>(), ["stays"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_load_run_again_reports_the_same_and_sends_nothing() {
    let bench = Bench::new().await;
    bench.write("a", b"1");
    let first = bench.load("").await;
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    bench
        .import_through(&proxy.endpoint(), "")
        .run()
        .await
        .unwrap();
    assert_eq!(
        proxy.seen().iter().filter(|seen| is_upload(seen)).count(),
        0
    );
    assert_eq!(bench.load("").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_from_outside_ends_the_load_and_loses_nothing() {
    let bench = Bench::new().await;
    for number in 0..100 {
        bench.write(&format!("f{number}"), &noise(1000, number));
    }
    let import = bench.import("");
    let (stop, meter) = (import.stop.clone(), import.meter.clone());
    let running = tokio::spawn(import.run());
    while meter.counts().stored == 0 && !running.is_finished() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    match running.await.unwrap() {
        Ok(_) | Err(Error::Stopped) => {}
        Err(other) => panic!("{other:?}"),
    }
    bench.load("").await;
    assert_eq!(bench.objects().await, bench.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_given_up_has_a_report_with_every_row() {
    let bench = Bench::new().await;
    for name in ["a", "b", "c"] {
        bench.write(name, &noise(10, 1));
    }
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    interrupted(&bench, &proxy, 0).await;
    let loaded = bench.import("").abandon().await.unwrap();
    assert_eq!(loaded.counts.failed, 3);
    let report = bench.report(&loaded).await;
    assert!(
        report.contains(&"a,500,ReadError,,,10,".to_owned()),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_made_on_another_basis_are_made_anew() {
    let bench = Bench::new().await;
    bench.write("a", b"1");
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    interrupted(&bench, &proxy, 0).await;
    bench.write("b", b"2");
    let mut import = bench.import("");
    import.basis.push_str("another device");
    assert_eq!(import.run().await.unwrap().counts.listed, 2);
    assert_eq!(bench.objects().await, bench.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_our_own_is_no_conflict_after_an_interruption() {
    for policy in ["keep", "fail"] {
        let options = format!("packhorse:\n  onConflict: {policy}\n");
        let bench = Bench::new().await;
        bench.write("small", &noise(100, 1));
        bench.write("large", &noise(20 << 20, 2));
        let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
        // Both objects are made, and nobody hears of it.
        proxy.fail_if(Fault::ResetAfter, |seen| {
            seen.path.ends_with("/small") || seen.query.starts_with("uploadId=")
        });
        let mut import = bench.import_through(&proxy.endpoint(), &options);
        import.limits.retry_for = Duration::from_millis(300);
        stopped(import).await;
        let report = bench.load(&options).await;
        assert!(
            report.iter().skip(1).all(|row| row.contains(",200,OK,")),
            "{report:?}"
        );
        assert_eq!(bench.objects().await, bench.files());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_stopped_ends_soon_however_much_is_waiting() {
    let bench = Bench::new().await;
    for number in 0..1200 {
        bench.write(
            &format!("d{}/f{number}", number % 9),
            &noise(300, number as u64),
        );
    }
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::Delay(Duration::from_millis(20)), is_upload);
    let import = bench.import_through(&proxy.endpoint(), "");
    let stop = import.stop.clone();
    let loading = tokio::spawn(stopped(import));
    while proxy.seen().iter().filter(|seen| is_upload(seen)).count() < 100 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(20), loading).await;
    let error = ended.expect("the load hangs").unwrap();
    assert!(matches!(error, Error::Stopped), "{error:?}");
}
