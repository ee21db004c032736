//! Exports from stores that fail: every file on the disk is the object, or there is none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use packhorse_core::id::JobId;
use packhorse_core::job::JobType;
use packhorse_core::manifest;
use packhorse_objects::client::ObjectMeta;
use packhorse_objects::digest::BodyDigest;
use packhorse_objects::faults::{Fault, FaultProxy, Seen};
use packhorse_transfer::{Destination, Error, Export, Exported, JobFolder, Limits, Meter};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::bench_of_one::{BUCKET, Bench, noise};

const LOGS: &str = "logs";

struct Disk {
    bench: Bench,
    state: tempfile::TempDir,
    objects: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    /// Sixty small objects and a large one.
    async fn new() -> Self {
        let bench = Bench::new().await;
        let client = bench.client(&bench.endpoint);
        client.create_bucket(LOGS).await.unwrap();
        let mut objects = BTreeMap::new();
        for number in 0..60 {
            objects.insert(format!("f/{number:02}"), noise(3000, number));
        }
        objects.insert("large".to_owned(), noise(40 << 20, 9));
        for (key, bytes) in &objects {
            let digest = BodyDigest::of(bytes);
            let body = Bytes::from(bytes.clone());
            let meta = ObjectMeta::default();
            client
                .put_object(BUCKET, key, &meta, body, &digest)
                .await
                .unwrap();
        }
        let state = tempfile::tempdir().unwrap();
        Self {
            bench,
            state,
            objects,
        }
    }

    fn export(&self, endpoint: &str) -> Export {
        self.export_with(endpoint, "AB12CD34", "")
    }

    /// A job of its own on the same disk, with these further lines in its manifest.
    fn export_with(&self, endpoint: &str, job_id: &str, options: &str) -> Export {
        let text = format!(
            "manifestVersion: 2.0\ndeviceId: d\nfileSystem: EXT4\nlogBucket: {LOGS}\noperations:\n  \
             - exportBucket: {BUCKET}\nreturnAddress:\n  name: n\n  street1: s\n  city: c\n  \
             stateOrProvince: WA\n  postalCode: 91111\n  phoneNumber: 555-555-0100\n  country: USA\n{options}"
        );
        let reading = manifest::read(&text, JobType::Export).unwrap();
        let job_id = JobId::parse(job_id).unwrap();
        Export {
            folder: JobFolder::new(self.state.path(), &job_id),
            job_id,
            manifest: Arc::new(reading.manifest.into_s3_export().unwrap()),
            basis: "basis".to_owned(),
            manifest_text: text,
            destination: Destination::Folder(self.bench.disk.path().to_owned()),
            signature: None,
            client: self.bench.client(endpoint),
            limits: Limits {
                retry_for: Duration::from_secs(30),
                ..Limits::default()
            },
            meter: Meter::default(),
            stop: CancellationToken::new(),
            clock: || Timestamp::UNIX_EPOCH,
        }
    }

    /// Files of the bucket's folder.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let prefix = format!("{BUCKET}/");
        let files = self.bench.files().into_iter();
        let own =
            files.filter_map(|(path, bytes)| Some((path.strip_prefix(&prefix)?.to_owned(), bytes)));
        own.collect()
    }

    /// Stores an object, and remembers it.
    async fn put(&mut self, key: &str, bytes: Vec<u8>) {
        let client = self.bench.client(&self.bench.endpoint);
        let (meta, digest) = (ObjectMeta::default(), BodyDigest::of(&bytes));
        let body = Bytes::from(bytes.clone());
        let put = client.put_object(BUCKET, key, &meta, body, &digest);
        put.await.unwrap();
        self.objects.insert(key.to_owned(), bytes);
    }

    fn on_disk(&self, path: &str) -> std::path::PathBuf {
        self.bench.disk.path().join(path)
    }

    fn unfinished(&self) -> bool {
        Path::new(self.bench.disk.path())
            .join("PACKHORSE/unfinished")
            .exists()
    }

    /// Exports through a proxy that fails every `step`th request, and compares everything.
    async fn survives(step: usize, fault: Fault) -> Exported {
        let disk = Self::new().await;
        let proxy = FaultProxy::start(&disk.bench.endpoint).await.unwrap();
        proxy.fail_every(step, fault);
        let exported = disk.export(&proxy.endpoint()).run().await.unwrap();
        assert!(
            proxy.failed() > 5,
            "only {} requests failed",
            proxy.failed()
        );
        assert_eq!(disk.files(), disk.objects);
        assert!(!disk.unfinished());
        assert_eq!((exported.counts.stored, exported.counts.failed), (61, 0));
        exported
    }
}

fn is_get_of_object(seen: &Seen) -> bool {
    seen.method == Method::GET && seen.path.starts_with("/bucket/")
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_503_slow_down() {
    Disk::survives(4, Fault::SLOW_DOWN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_answers_that_end_in_the_middle() {
    Disk::survives(6, Fault::TruncateAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survives_a_byte_changed_now_and_then() {
    let disk = Disk::new().await;
    let proxy = FaultProxy::start(&disk.bench.endpoint).await.unwrap();
    proxy.fail_next_if(12, Fault::CorruptAnswer, is_get_of_object);
    let exported = disk.export(&proxy.endpoint()).run().await.unwrap();
    assert_eq!(proxy.failed(), 12);
    assert_eq!(exported.counts.failed, 0);
    assert_eq!(disk.files(), disk.objects);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_changes_a_byte_of_every_object_leaves_no_file() {
    let disk = Disk::new().await;
    let proxy = FaultProxy::start(&disk.bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::CorruptAnswer, is_get_of_object);
    let exported = disk.export(&proxy.endpoint()).run().await.unwrap();
    assert_eq!((exported.counts.stored, exported.counts.failed), (0, 61));
    assert_eq!(disk.files(), BTreeMap::new());
    assert!(!disk.unfinished());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_or_closed_is_a_row_of_its_own() {
    let disk = Disk::new().await;
    let proxy = FaultProxy::start(&disk.bench.endpoint).await.unwrap();
    proxy.fail_if(Fault::Status(404, "NoSuchKey"), |seen| {
        seen.path == "/bucket/f/03"
    });
    proxy.fail_if(Fault::Status(403, "AccessDenied"), |seen| {
        seen.path == "/bucket/f/04"
    });
    proxy.fail_if(Fault::Status(403, "InvalidObjectState"), |seen| {
        seen.path == "/bucket/large" && seen.method == Method::GET
    });
    let exported = disk.export(&proxy.endpoint()).run().await.unwrap();
    assert_eq!((exported.counts.stored, exported.counts.failed), (58, 3));
    let report = std::fs::read_to_string(disk.export("http://x").folder.path().join("report.csv"));
    let report = report.unwrap();
    for row in [
        "f/03,404,NoSuchKey,bucket/f/03,",
        ",403,AccessDenied,",
        ",403,InvalidObjectState,",
    ] {
        assert!(report.contains(row), "{report}");
    }
    let files = disk.files();
    assert_eq!(files.len(), 58);
    assert!(files.iter().all(|(key, bytes)| disk.objects[key] == *bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_export_goes_on_and_a_ledger_that_was_lost_costs_no_bytes() {
    let disk = Disk::new().await;
    let export = disk.export(&disk.bench.endpoint);
    let (stop, meter) = (export.stop.clone(), export.meter.clone());
    let watching = tokio::spawn(async move {
        while meter.sent_bytes() < 3000 * 20 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
    let stopped = export.run().await;
    watching.await.unwrap();
    assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");
    assert!(
        disk.files()
            .iter()
            .all(|(key, bytes)| disk.objects[key] == *bytes)
    );
    let again = disk.export(&disk.bench.endpoint).run().await.unwrap();
    assert_eq!(again.counts.stored, 61);
    assert_eq!(disk.files(), disk.objects);
    // Another station finds the disk, and nothing to fetch.
    let export = disk.export(&disk.bench.endpoint);
    std::fs::remove_dir_all(export.folder.path()).unwrap();
    let proxy = FaultProxy::start(&disk.bench.endpoint).await.unwrap();
    let taken_over = disk.export(&proxy.endpoint()).run().await.unwrap();
    assert_eq!(taken_over.counts, again.counts);
    assert!(!proxy.seen().iter().any(is_get_of_object));
}

// The rule waits for the store, and every request meanwhile for the rule, each on a thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 64)]
async fn an_object_overwritten_while_it_is_fetched_is_all_of_one_version() {
    let mut disk = Disk::new().await;
    let proxy = FaultProxy::start(&disk.bench.endpoint).await.unwrap();
    let newer = noise(40 << 20, 10);
    let (client, body) = (disk.bench.client(&disk.bench.endpoint), newer.clone());
    let ranges = AtomicUsize::new(0);
    proxy.fail_if(Fault::ResetBefore, move |seen| {
        let is_range = is_get_of_object(seen) && seen.path == "/bucket/large";
        if is_range && ranges.fetch_add(1, Ordering::Relaxed) == 2 {
            let digest = BodyDigest::of(&body);
            let (meta, body) = (ObjectMeta::default(), Bytes::from(body.clone()));
            let put = client.put_object(BUCKET, "large", &meta, body, &digest);
            tokio::task::block_in_place(|| Handle::current().block_on(put)).unwrap();
        }
        false
    });
    let exported = disk.export(&proxy.endpoint()).run().await.unwrap();
    assert_eq!((exported.counts.stored, exported.counts.failed), (61, 0));
    disk.objects.insert("large".to_owned(), newer);
    assert!(disk.files() == disk.objects);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_exports_files_give_way_and_what_somebody_changed_stays() {
    let mut disk = Disk::new().await;
    let endpoint = disk.bench.endpoint.clone();
    let first = disk.export(&endpoint).run().await.unwrap();
    assert_eq!(first.counts.stored, 61);
    disk.put("f/00", noise(3000, 100)).await;
    disk.put("f/01", noise(5000, 101)).await;
    disk.put("large", noise(30 << 20, 102)).await;
    disk.put("f/03", noise(3000, 103)).await;
    std::fs::write(disk.on_disk("bucket/f/03"), "the customer's own").unwrap();
    for gone in ["f/02", "f/04"] {
        let client = disk.bench.client(&endpoint);
        client.delete_object(BUCKET, gone).await.unwrap();
    }
    std::fs::write(disk.on_disk("bucket/f/04"), "changed by somebody").unwrap();
    let proxy = FaultProxy::start(&endpoint).await.unwrap();
    let second = disk.export_with(&proxy.endpoint(), "AB12CD35", "");
    let report = second.folder.path().join("report.csv");
    let second = second.run().await.unwrap();
    let report = std::fs::read_to_string(report).unwrap();
    let counts = second.counts;
    assert_eq!(
        (counts.stored, counts.ignored, counts.failed),
        (58, 2, 1),
        "{report}"
    );
    let fetched = proxy.seen();
    let fetched = fetched.iter().filter(|seen| is_get_of_object(seen));
    let small = fetched.filter(|seen| seen.path.starts_with("/bucket/f/"));
    assert_eq!(small.count(), 2, "only what has changed is fetched");
    for row in [
        "bucket/f/03,409,FileExists,",
        "bucket/f/02,103,ObjectDeleted,bucket/f/02,",
        "bucket/f/04,103,ObjectDeleted,",
    ] {
        assert!(report.contains(row), "{report}");
    }
    let mut expected = disk.objects.clone();
    expected.insert("f/03".to_owned(), b"the customer's own".to_vec());
    expected.insert("f/04".to_owned(), b"changed by somebody".to_vec());
    assert!(disk.files() == expected);
    let sidecar = || std::fs::read_to_string(disk.on_disk("PACKHORSE/objects.jsonl")).unwrap();
    assert_eq!(
        sidecar().lines().count(),
        61,
        "it goes on knowing what is there"
    );
    // Asked to, it removes what is gone; not what is no longer what it wrote.
    let options = "packhorse:\n  removeDeleted: yes\n";
    let third = disk.export_with(&endpoint, "AB12CD36", options);
    let report = third.folder.path().join("report.csv");
    let third = third.run().await.unwrap();
    let report = std::fs::read_to_string(report).unwrap();
    assert_eq!(
        (third.counts.stored, third.counts.ignored),
        (58, 2),
        "{report}"
    );
    assert!(report.contains("bucket/f/02,103,FileRemoved,"), "{report}");
    assert!(
        report.contains("bucket/f/04,103,ObjectDeleted,"),
        "{report}"
    );
    expected.remove("f/02");
    assert!(disk.files() == expected);
    assert!(!sidecar().contains("f/02") && sidecar().contains("f/04"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_leads_out_of_the_disk_removes_nothing() {
    let disk = Disk::new().await;
    let outside = disk.state.path().join("victim");
    std::fs::write(&outside, "precious").unwrap();
    std::fs::create_dir(disk.on_disk("PACKHORSE")).unwrap();
    let md5 = hex::encode(BodyDigest::of(b"precious").md5);
    let mut lines = String::new();
    for path in [outside.to_str().unwrap(), "../victim", "SIGNATURE"] {
        lines.push_str(&format!(
            "{{\"path\":\"{path}\",\"bucket\":\"{BUCKET}\",\"key\":\"x\",\"size\":8,\
             \"md5\":\"{md5}\",\"etag\":\"\",\"verified\":\"md5\"}}\n"
        ));
    }
    lines.push_str("not a record\n");
    std::fs::write(disk.on_disk("PACKHORSE/objects.jsonl"), lines).unwrap();
    std::fs::write(disk.on_disk("SIGNATURE"), "precious").unwrap();
    let options = "packhorse:\n  removeDeleted: yes\n";
    let export = disk.export_with(&disk.bench.endpoint, "AB12CD34", options);
    let exported = export.run().await.unwrap();
    assert_eq!((exported.counts.stored, exported.counts.failed), (61, 0));
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "precious");
    assert!(disk.on_disk("SIGNATURE").exists());
}
