//! Disks that fail in places: everything else arrives, and the report says which bytes are lost.

use std::sync::{Arc, Condvar, Mutex};

use http::Method;
use packhorse_objects::faults::FaultProxy;
use packhorse_transfer::Error;

use crate::bench_of_one::{Bench, stopped};
use crate::made_up::{Disk, MadeUp};

const FOR_EVER: u32 = u32::MAX;
const MIB: u64 = 1 << 20;

async fn load(bench: &Bench, disk: &Disk) -> Vec<String> {
    let mut import = bench.import("");
    import.volumes = disk.source();
    let loaded = import.run().await.unwrap();
    assert_eq!(loaded.counts.open(), 0);
    bench.report(&loaded).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_error_costs_its_file_a_row_that_names_the_bytes() {
    let files = vec![
        MadeUp::sound("bad-large", 20 * MIB, 1).losing(9 * MIB + 5..9 * MIB + 5000, FOR_EVER),
        MadeUp::sound("bad-middle", MIB, 2).losing(0..1, FOR_EVER),
        MadeUp::sound("bad-small", 10_000, 3).losing(9999..10_000, FOR_EVER),
        MadeUp::sound("sound-large", 18 * MIB, 4),
        MadeUp::sound("sound-small", 5000, 5),
    ];
    let bench = Bench::new().await;
    let disk = Disk::new(files.clone());
    let report = load(&bench, &disk).await;
    let lost =
        |name: &str, range: &str, size: u64| format!("{name},500,ReadError:{range},,,{size},");
    for row in [
        lost("bad-large", "9437184-9445375", 20 * MIB),
        lost("bad-middle", "0-4095", MIB),
        lost("bad-small", "8192-9999", 10_000),
    ] {
        assert!(report.contains(&row), "{row} is not in {report:#?}");
    }
    let stored: Vec<_> = bench.objects().await.into_iter().collect();
    let sound: Vec<_> = files[3..]
        .iter()
        .map(|file| (file.name.clone(), file.bytes()))
        .collect();
    assert!(stored == sound);
    assert_eq!(bench.open_uploads().await, 0);
    // Each is tried once more, after all that gave no trouble.
    let opened = disk.opened();
    let (first, last) = opened.split_at(files.len());
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    assert!(first.iter().any(|name| name == "sound-small"));
    assert_eq!(sorted(last), ["bad-large", "bad-middle", "bad-small"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_the_end_is_stored_and_its_parts_are_not_sent_again() {
    let bench = Bench::new().await;
    let files = vec![
        MadeUp::sound("large", 30 * MIB, 1).losing(17 * MIB..17 * MIB + 1, 2),
        MadeUp::sound("small", 100, 2).losing(0..1, 2),
    ];
    let proxy = FaultProxy::start(&bench.endpoint).await.unwrap();
    let mut import = bench.import_through(&proxy.endpoint(), "");
    import.volumes = Disk::new(files.clone()).source();
    assert_eq!(import.run().await.unwrap().counts.failed, 0);
    for file in &files {
        assert!(bench.get(&file.name).await == file.bytes(), "{}", file.name);
    }
    let seen = proxy.seen();
    let mut parts: Vec<_> = seen
        .iter()
        .filter(|seen| seen.method == Method::PUT && seen.query.contains("partNumber="))
        .map(|seen| seen.query.clone())
        .collect();
    parts.sort();
    let sent = parts.len();
    parts.dedup();
    assert_eq!((sent, parts.len()), (4, 4), "{parts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_place_keeps_nobody_waiting_but_its_own_file() {
    let bench = Bench::new().await;
    let mut files = vec![MadeUp::sound("a-slow", 200, 1)];
    for number in 0..300 {
        files.push(MadeUp::sound(&format!("f{number}"), 4000, number));
    }
    files.push(MadeUp::sound("large", 17 * MIB, 9));
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (watched, all) = (Arc::clone(&gate), files.len() as u64);
    let watch = move |name: &str, _| {
        if name == "a-slow" {
            let (open, changed) = &*watched;
            drop(changed.wait_while(open.lock().unwrap(), |open| !*open));
        }
    };
    let mut import = bench.import("");
    import.volumes = Disk::watched(files, Box::new(watch)).source();
    let meter = import.meter.clone();
    let loading = tokio::spawn(import.run());
    // Its group of 32 waits with it.
    while meter.counts().stored < all - 32 {
        tokio::task::yield_now().await;
    }
    let (open, changed) = &*gate;
    *open.lock().unwrap() = true;
    changed.notify_all();
    let loaded = loading.await.unwrap().unwrap();
    assert_eq!(loaded.counts.stored, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_gives_nothing_of_any_file_has_failed_as_a_whole() {
    let bench = Bench::new().await;
    let files = vec![
        MadeUp::sound("a", 100, 1).losing(0..100, FOR_EVER),
        MadeUp::sound("b", 200_000, 2).losing(0..200_000, FOR_EVER),
        MadeUp::sound("empty", 0, 3),
    ];
    let mut import = bench.import("");
    import.volumes = Disk::new(files).source();
    let error = stopped(import).await;
    assert!(
        matches!(error, Error::Media(_)) && error.is_of_the_device(),
        "{error:?}"
    );
}
