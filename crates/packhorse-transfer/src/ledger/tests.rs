//! Tests of the ledger as one table: listed, worked off, read in order.

use packhorse_core::bucket::BucketName;
use packhorse_core::id::JobId;
use packhorse_core::ledger::{Counts, EntryKind, Verdict};
use packhorse_media::Entry;

use super::{After, Change, Done, JobFolder, Ledger, Phase, Planned, Turn};
use crate::Error;

struct Job {
    state: tempfile::TempDir,
    id: JobId,
}

impl Job {
    fn new() -> Self {
        Self {
            state: tempfile::tempdir().unwrap(),
            id: JobId::parse("AB12CD34").unwrap(),
        }
    }

    fn folder(&self) -> JobFolder {
        JobFolder::new(self.state.path(), &self.id)
    }

    fn open(&self, manifest: &str) -> Result<Ledger, Error> {
        Ledger::open(&self.folder(), &self.id, manifest)
    }
}

fn file(path: &str, size: u64, first_extent: Option<u64>) -> Entry {
    Entry {
        path: path.into(),
        kind: EntryKind::File,
        size,
        modified: Some("1969-12-31T23:59:59.5Z".parse().unwrap()),
        mode: Some(0o644),
        owner: Some((1, 2)),
        node: u64::MAX,
        first_extent,
        problem: None,
    }
}

fn list(ledger: &Ledger, files: &[(Entry, Result<&str, Verdict>)]) {
    let mut plan = ledger.plan().unwrap();
    for (entry, target) in files {
        let target = target.clone().map(str::to_owned);
        let planned = Planned {
            volume: 0,
            entry,
            folder: "v1/",
            target,
            at_ms: 1000,
        };
        plan.add(&planned).unwrap();
    }
    plan.finish(1000).unwrap();
}

fn done(verdict: Verdict) -> Change {
    let (md5, etag) = (Some([7; 16]), Some("etag".to_owned()));
    Change::Done(Done {
        verdict,
        md5,
        etag,
        content_type: Some("a/b".into()),
        at_ms: 2000,
    })
}

#[test]
fn gives_open_rows_back_in_physical_order_as_they_were_listed() {
    let job = Job::new();
    let ledger = job.open("m").unwrap();
    let (far, near) = (
        file("far", 1, Some(9000)),
        file("near", u64::MAX / 4, Some(10)),
    );
    list(
        &ledger,
        &[(far.clone(), Ok("k1")), (near.clone(), Ok("k2"))],
    );
    let (rows, after) = ledger.open_rows(Turn::First, After::default(), 1).unwrap();
    assert_eq!(
        rows[0].entry,
        Entry {
            first_extent: None,
            ..near
        }
    );
    let (rows, after) = ledger.open_rows(Turn::First, after, 10).unwrap();
    assert_eq!(
        rows[0].entry,
        Entry {
            first_extent: None,
            ..far
        }
    );
    assert!(
        ledger
            .open_rows(Turn::First, after, 10)
            .unwrap()
            .0
            .is_empty()
    );
}

#[test]
fn of_several_files_with_one_key_the_first_in_path_order_keeps_it() {
    let job = Job::new();
    let ledger = job.open("m").unwrap();
    list(
        &ledger,
        &[(file("b", 1, None), Ok("k")), (file("a", 2, None), Ok("k"))],
    );
    let (rows, _) = ledger.open_rows(Turn::First, After::default(), 10).unwrap();
    assert_eq!(
        rows.iter()
            .map(|row| row.entry.path.as_slice())
            .collect::<Vec<_>>(),
        [b"a"]
    );
    let expected = Counts {
        listed: 2,
        listed_bytes: 3,
        failed: 1,
        ..Counts::default()
    };
    assert_eq!(ledger.counts().unwrap(), expected);
}

#[test]
fn a_listing_that_was_interrupted_never_was() {
    let job = Job::new();
    let ledger = job.open("m").unwrap();
    let entry = file("a", 1, None);
    let target = Ok("k".to_owned());
    let mut plan = ledger.plan().unwrap();
    plan.add(&Planned {
        volume: 0,
        entry: &entry,
        folder: "",
        target,
        at_ms: 0,
    })
    .unwrap();
    drop(plan);
    assert_eq!(ledger.phase().unwrap(), Phase::Listing);
    list(&ledger, &[(entry, Ok("k"))]);
    assert_eq!(ledger.counts().unwrap().listed, 1);
}

#[test]
fn outcomes_survive_and_only_open_rows_are_left() {
    let job = Job::new();
    let ledger = job.open("m").unwrap();
    list(
        &ledger,
        &[
            (file("a", 1, None), Ok("k1")),
            (file("b", 2, None), Ok("k2")),
        ],
    );
    let (rows, _) = ledger.open_rows(Turn::First, After::default(), 10).unwrap();
    let changes = [
        (rows[0].id, done(Verdict::ok())),
        (rows[1].id, Change::UploadStarted("u".into())),
    ];
    ledger.write(&changes).unwrap();
    drop(ledger);
    let ledger = job.open("m").unwrap();
    assert_eq!(ledger.phase().unwrap(), Phase::Loading);
    let (rows, _) = ledger.open_rows(Turn::First, After::default(), 10).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].upload_id.as_deref(), Some("u"));
    assert_eq!(ledger.stored_after("", 9).unwrap()[0].key, "k1");
    assert_eq!(ledger.counts().unwrap().open(), 1);
    drop(ledger);
    let other = job.open("another manifest").unwrap();
    assert_eq!(other.counts().unwrap(), Counts::default());
}

#[test]
fn a_second_process_is_kept_out() {
    let job = Job::new();
    let first = job.open("m").unwrap();
    assert!(matches!(job.open("m"), Err(Error::Busy(_))));
    drop(first);
    assert!(job.open("m").is_ok());
}

#[test]
fn the_report_is_in_path_order_and_refuses_open_rows() {
    let job = Job::new();
    let ledger = job.open("m").unwrap();
    let bucket = BucketName::parse("bucket").unwrap();
    list(
        &ledger,
        &[
            (file("b", 1, None), Ok("k")),
            (file("a", 5, None), Err(Verdict::ignored())),
        ],
    );
    assert!(matches!(
        ledger.report_rows(&bucket, |_| Ok(())),
        Err(Error::LedgerDamaged(_))
    ));
    let (rows, _) = ledger.open_rows(Turn::First, After::default(), 10).unwrap();
    ledger.write(&[(rows[0].id, done(Verdict::ok()))]).unwrap();
    let mut text = String::new();
    ledger
        .report_rows(&bucket, |row| {
            text.push_str(&row.to_csv());
            Ok(())
        })
        .unwrap();
    assert_eq!(
        text,
        "Thu 01 Jan 1970 00:00:01 GMT,v1/a,103,Ignored,,,5,\n\
         Thu 01 Jan 1970 00:00:02 GMT,v1/b,200,OK,bucket/k,07070707070707070707070707070707,1,a/b\n"
    );
}

#[test]
fn sizes_that_only_a_damaged_disk_claims_can_be_counted() {
    let job = Job::new();
    let ledger = job.open("m").unwrap();
    list(
        &ledger,
        &[
            (file("a", u64::MAX, None), Err(Verdict::damaged())),
            (file("b", u64::MAX, None), Err(Verdict::damaged())),
        ],
    );
    let counts = ledger.counts().unwrap();
    assert_eq!((counts.listed, counts.failed), (2, 2));
}
