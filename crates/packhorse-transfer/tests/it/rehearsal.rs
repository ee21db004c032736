//! A rehearsal says beforehand what the load then does.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use jiff::Timestamp;
use packhorse_core::ledger::Outcome;
use packhorse_transfer::{Check, Checked, Error, Import, Meter, Tally};
use tokio_util::sync::CancellationToken;

use crate::bench_of_one::{BUCKET, Bench, noise};

/// A rehearsal of an import.
fn rehearsal(import: Import) -> Check {
    Check {
        manifest: import.manifest,
        volumes: import.volumes,
        read: true,
        examples: 3,
        samples: 4,
        meter: Meter::default(),
        stop: CancellationToken::new(),
        clock: || Timestamp::UNIX_EPOCH,
    }
}

fn rehearse(bench: &Bench, options: &str) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let check = rehearsal(bench.import(options));
    check.run(folder.path()).unwrap()
}

/// Status and code with the number of rows.
type Rows = BTreeMap<(String, String), u64>;

fn rows_of_report(report: &[String]) -> Rows {
    let mut rows = Rows::new();
    for line in &report[1..] {
        let record = csv_fields(line);
        let verdict = (record[1].clone(), record[2].clone());
        *rows.entry(verdict).or_default() += 1;
    }
    rows
}

/// No field of these reports has a quote in it.
fn csv_fields(line: &str) -> Vec<String> {
    line.split(',').map(str::to_owned).collect()
}

fn rows_foretold(checked: &Checked) -> Rows {
    let mut rows = Rows::new();
    let mut add = |status: u16, code: &str, count: u64| {
        if count > 0 {
            rows.insert((status.to_string(), code.to_owned()), count);
        }
    };
    add(200, "OK", checked.counts.stored);
    add(103, "Ignored", checked.counts.ignored);
    for problem in &checked.problems {
        add(
            problem.verdict.status,
            &problem.verdict.code,
            problem.tally.files,
        );
        assert_eq!(problem.verdict.outcome(), Outcome::Failed);
    }
    rows
}

fn awkward(bench: &Bench) {
    bench.write("SIGNATURE", b"version:2.0\n");
    bench.write("a-1", b"first");
    bench.write("a_1", b"second");
    bench.write("b_1", b"third");
    bench.write("b-1", b"fourth");
    bench.write("photos/one.jpg", &noise(3000, 1));
    bench.write("photos/two.JPG", &noise(17 << 20, 2));
    bench.write("photos/x.psd", b"psd");
    bench.write("page.html.gz", b"\x1f\x8b0");
    bench.write("gone", b"");
    bench.write("empty", b"");
    bench.write(&format!("{}/{}", "n".repeat(200), "m".repeat(200)), b"long");
    let disk = bench.disk.path();
    symlink("a-1", disk.join("link")).unwrap();
    std::fs::write(disk.join(OsStr::from_bytes(b"caf\xe9")), b"latin").unwrap();
    std::fs::write(
        disk.join("photos").join(OsStr::from_bytes(b"\xff.psd")),
        b"x",
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_the_load_is_what_was_foretold() {
    let long_prefix = format!("prefix: {}\n", "p".repeat(700));
    for options in [
        "",
        "substitutions:\n  _: '-'\n  gone: ''\nignore:\n  - \\.psd$\n  - ^nothing/\n",
        &long_prefix,
        "setContentEncodingForGzFiles: yes\ncacheControl: max-age=1\nstaticMetadata:\n  a: b\n\
         packhorse:\n  preserveMetadata: yes\n",
    ] {
        let bench = Bench::new().await;
        awkward(&bench);
        let before = rehearse(&bench, options);
        let loaded = bench.import(options).run().await.unwrap();
        assert_eq!(before.counts, loaded.counts, "{options}");
        let report = bench.report(&loaded).await;
        assert_eq!(rows_foretold(&before), rows_of_report(&report), "{options}");
        let client = bench.client(&bench.endpoint);
        assert!(before.sample.len() >= 3, "{:?}", before.sample);
        for sample in &before.sample {
            let object = client.head_object(BUCKET, &sample.key).await.unwrap();
            assert_eq!(object.size, sample.bytes);
            let stored = object.meta.headers().unwrap();
            assert_eq!(&stored, sample.headers.as_ref().unwrap(), "{}", sample.key);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_and_collisions_are_told_one_by_one() {
    let bench = Bench::new().await;
    awkward(&bench);
    let checked = rehearse(
        &bench,
        "substitutions:\n  _: '-'\nignore:\n  - \\.psd$\n  - ^photos/\n  - ^nothing/\n",
    );
    let ignored: Vec<_> = checked
        .ignored
        .iter()
        .map(|ignored| (ignored.by, ignored.pattern.as_deref(), ignored.tally))
        .collect();
    let tally = |files, bytes| Tally { files, bytes };
    assert_eq!(
        ignored,
        [
            ("SIGNATURE", None, tally(1, 12)),
            ("ignore", Some("\\.psd$"), tally(2, 4)),
            ("ignore", Some("^photos/"), tally(2, 3000 + (17 << 20))),
            ("ignore", Some("^nothing/"), tally(0, 0)),
        ]
    );
    let collision = checked
        .problems
        .iter()
        .find(|problem| problem.verdict.code == "KeyCollision")
        .unwrap();
    let pairs: Vec<_> = collision
        .examples
        .iter()
        .map(|example| (example.file.as_slice(), example.rival.as_deref()))
        .collect();
    let expected: [(&[u8], Option<&[u8]>); 2] = [(b"a_1", Some(b"a-1")), (b"b_1", Some(b"b-1"))];
    assert_eq!(pairs, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_reading_tells_is_found_by_reading() {
    let bench = Bench::new().await;
    bench.write("open", b"x");
    bench.write("closed", b"y");
    let closed = bench.disk.path().join("closed");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o0)).unwrap();
    // Nothing is closed to the superuser: then both agree on that.
    let expected = u64::from(std::fs::File::open(&closed).is_err());
    assert_eq!(rehearse(&bench, "").counts.failed, expected);
    let listed = Check {
        read: false,
        ..rehearsal(bench.import(""))
    };
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(listed.run(folder.path()).unwrap().counts.stored, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_device_and_a_stopped_rehearsal_end_well() {
    let bench = Bench::new().await;
    let checked = rehearse(&bench, "");
    assert_eq!((checked.counts.listed, checked.sample.len()), (0, 0));
    bench.write("a", b"x");
    let check = rehearsal(bench.import(""));
    check.stop.cancel();
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(check.run(folder.path()), Err(Error::Stopped)));
}
