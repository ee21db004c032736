//! Exports from stores that fail: every file on the disk is the object, or there is none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
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
        let text = format!(
            "manifestVersion: 2.0\ndeviceId: d\nfileSystem: EXT4\nlogBucket: {LOGS}\noperations:\n  \
             - exportBucket: {BUCKET}\nreturnAddress:\n  name: n\n  street1: s\n  city: c\n  \
             stateOrProvince: WA\n  postalCode: 91111\n  phoneNumber: 555-555-0100\n  country: USA\n"
        );
        let reading = manifest::read(&text, JobType::Export).unwrap();
        let job_id = JobId::parse("AB12CD34").unwrap();
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
