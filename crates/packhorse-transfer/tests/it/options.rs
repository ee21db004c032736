//! Manifest options that change what is stored.

use packhorse_core::ledger::Counts;

use crate::bench_of_one::{BUCKET, Bench, noise};

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_metadata_are_on_the_stored_object() {
    let bench = Bench::new().await;
    bench.write("page.html.gz", b"\x1f\x8b0");
    bench
        .load(
            "cacheControl: max-age=3600\ncontentLanguage: es\ncontentDisposition: attachment\n\
             setContentEncodingForGzFiles: yes\nstorageClass: REDUCED_REDUNDANCY\n\
             diskTimestampMetadataKey: disk-time\nstaticMetadata:\n  project: apollo\n\
             packhorse:\n  preserveMetadata: yes\n",
        )
        .await;
    let client = bench.client(&bench.endpoint);
    let meta = client
        .head_object(BUCKET, "page.html.gz")
        .await
        .unwrap()
        .meta;
    assert_eq!(meta.content_type.as_deref(), Some("text/html"));
    assert_eq!(meta.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(meta.cache_control.as_deref(), Some("max-age=3600"));
    assert_eq!(meta.content_language.as_deref(), Some("es"));
    assert_eq!(meta.content_disposition.as_deref(), Some("attachment"));
    assert_eq!(meta.storage_class.as_deref(), Some("REDUCED_REDUNDANCY"));
    let mut names: Vec<_> = meta
        .metadata
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["disk-time", "gid", "mode", "mtime", "project", "uid"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn on_conflict_keep_and_fail_leave_the_object_alone() {
    for (policy, row) in [("keep", "103,Ignored"), ("fail", "409,ObjectExists")] {
        let bench = Bench::new().await;
        bench.write("small", b"old");
        bench.write("large", &noise(17 << 20, 1));
        bench.load("").await;
        let before = bench.objects().await;
        std::fs::remove_dir_all(bench.import("").folder.path()).unwrap();
        bench.write("small", b"new");
        bench.write("large", &noise(17 << 20, 2));
        let report = bench
            .load(&format!("packhorse:\n  onConflict: {policy}\n"))
            .await;
        assert_eq!(bench.objects().await, before);
        for name in ["small", "large"] {
            let expected = format!("{name},{row},");
            assert!(
                report.iter().any(|line| line.starts_with(&expected)),
                "{report:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_reading_that_agrees_changes_nothing() {
    let bench = Bench::new().await;
    bench.write("a", &noise(3 << 20, 1));
    bench.write("b", b"");
    let loaded = bench
        .import("packhorse:\n  verify: reread\n")
        .run()
        .await
        .unwrap();
    let expected = Counts {
        listed: 2,
        listed_bytes: 3 << 20,
        stored: 2,
        stored_bytes: 3 << 20,
        ..Counts::default()
    };
    assert_eq!(loaded.counts, expected);
}
