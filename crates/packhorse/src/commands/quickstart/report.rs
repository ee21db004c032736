//! The report as the customer gets it: fetched from the bucket, read, counted.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use packhorse_core::ledger::{Outcome, REPORT_HEADER, Verdict};
use packhorse_objects::client::{Client, ListObjects};

use crate::loading::Loaded;
use crate::output;

/// Rows shown of each kind; the rest is in the report.
const ROWS_SHOWN: usize = 8;
/// Failed rows shown: they are what a reader looks for.
const FAILED_SHOWN: usize = 20;
/// Keys of one page of a listing, the most S3 gives.
const PAGE_KEYS: u32 = 1000;

/// What a report says, counted row by row.
#[derive(Debug, Default)]
pub(super) struct Report {
    stored: u64,
    ignored: u64,
    failed: u64,
    first_rows: Vec<[String; 4]>,
    failed_rows: Vec<[String; 4]>,
}

/// Fetches an object into a file, whatever its size.
pub(super) async fn fetch(
    client: &Client,
    bucket: &str,
    key: &str,
    into: &Path,
) -> anyhow::Result<()> {
    let mut object = client.get_object(bucket, key, None).await?;
    let mut file = BufWriter::new(File::create(into)?);
    let mut bytes = 0;
    while let Some(chunk) = object.body.chunk().await? {
        bytes += chunk.len() as u64;
        file.write_all(&chunk)?;
    }
    file.flush()?;
    ensure!(
        bytes == object.size,
        "it has {} bytes, and {bytes} came",
        object.size
    );
    Ok(())
}

/// Counts the objects of a bucket, page by page.
pub(super) async fn count_objects(client: &Client, bucket: &str) -> anyhow::Result<u64> {
    let mut request = ListObjects {
        max_keys: Some(PAGE_KEYS),
        ..ListObjects::default()
    };
    let mut count = 0;
    loop {
        let page = client.list_objects(bucket, &request).await?;
        count += page.objects.len() as u64;
        match page.next {
            Some(next) => request.continuation_token = Some(next),
            None => return Ok(count),
        }
    }
}

impl Report {
    /// Reads a report.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_path(path)?;
        let header = reader.headers()?.iter().collect::<Vec<_>>().join(",");
        ensure!(
            header == REPORT_HEADER.trim_end(),
            "its header is {header:?}"
        );
        let mut report = Self::default();
        for record in reader.records() {
            report.add(&record?)?;
        }
        Ok(report)
    }

    fn add(&mut self, record: &csv::StringRecord) -> anyhow::Result<()> {
        let field = |index: usize| record.get(index).unwrap_or_default();
        let status = field(2)
            .parse()
            .with_context(|| format!("read status {:?}", field(2)))?;
        let row = [field(2), field(3), field(1), field(4)].map(str::to_owned);
        match Verdict::store(status, field(3)).outcome() {
            Outcome::Stored => self.stored += 1,
            Outcome::Ignored => self.ignored += 1,
            Outcome::Failed => {
                self.failed += 1;
                if self.failed_rows.len() < FAILED_SHOWN {
                    self.failed_rows.push(row);
                }
                return Ok(());
            }
        }
        if self.first_rows.len() < ROWS_SHOWN {
            self.first_rows.push(row);
        }
        Ok(())
    }

    /// Rows in all.
    pub(super) fn rows(&self) -> u64 {
        self.stored + self.ignored + self.failed
    }

    /// Whether the report, the station and the bucket tell the same.
    pub(super) fn check(&self, loaded: &Loaded, objects: u64) -> anyhow::Result<()> {
        let told = (loaded.listed, loaded.stored, loaded.ignored, loaded.failed);
        let found = (self.rows(), self.stored, self.ignored, self.failed);
        ensure!(
            told == found,
            "the station counted {told:?} entries listed, stored, ignored, failed; \
             the report has {found:?}"
        );
        let expected = self.stored + 1;
        ensure!(
            objects == expected,
            "the bucket holds {objects} objects where {expected} belong: every stored file and the \
             report"
        );
        Ok(())
    }

    /// The failed rows and the first of the others, for people.
    pub(super) fn to_text(&self) -> String {
        let headings = ["STATUS", "CODE", "FILE", "KEY"];
        let mut text = String::new();
        if self.failed > 0 {
            text.push_str(&format!("rows of files that failed ({}):\n", self.failed));
            text.push_str(&output::table(headings, &self.failed_rows));
            text.push_str(&more(self.failed, self.failed_rows.len()));
        }
        let others = self.stored + self.ignored;
        if others > 0 {
            text.push_str("first rows of the report:\n");
            text.push_str(&output::table(headings, &self.first_rows));
            text.push_str(&more(others, self.first_rows.len()));
        }
        text.trim_end().to_owned()
    }
}

fn more(all: u64, shown: usize) -> String {
    match all.saturating_sub(shown as u64) {
        0 => "\n\n".to_owned(),
        more => format!("\n… and {more} more\n\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rows: &str) -> anyhow::Result<Report> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        std::fs::write(&path, format!("{REPORT_HEADER}{rows}")).unwrap();
        Report::read(&path)
    }

    const ROWS: &str = "d,a.txt,200,OK,b/a.txt,m,1,text/plain\n\
                        d,\"odd\nname, \",200,OK,b/odd,m,1,text/plain\n\
                        d,SIGNATURE,103,Ignored,,,90,\n\
                        d,link,400,SymbolicLink,,,0,\n\
                        d,big,503,SlowDown,,,0,\n";

    fn loaded(listed: u64, stored: u64, ignored: u64, failed: u64) -> Loaded {
        Loaded {
            job_id: "AB12CD34".into(),
            progress: "SuccessWithErrors",
            listed,
            listed_bytes: 0,
            stored,
            stored_bytes: 0,
            ignored,
            failed,
            seconds: 1.0,
            log_bucket: "b".into(),
            log_key: "k".into(),
            next_manifest_key: None,
            protections: None,
        }
    }

    #[test]
    fn rows_are_counted_by_their_outcome() {
        let report = read(ROWS).unwrap();
        assert_eq!((report.stored, report.ignored, report.failed), (2, 1, 2));
        let text = report.to_text();
        assert!(text.contains("400     SymbolicLink  link"), "{text}");
        assert!(text.contains("odd name, "), "{text}");
    }

    #[test]
    fn a_report_that_disagrees_with_the_station_or_the_bucket_is_an_error() {
        let report = read(ROWS).unwrap();
        assert!(report.check(&loaded(5, 2, 1, 2), 3).is_ok());
        assert!(report.check(&loaded(5, 2, 1, 2), 2).is_err());
        assert!(report.check(&loaded(6, 3, 1, 2), 3).is_err());
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(read("d,a,many,OK,,,0,\n").is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.csv");
        std::fs::write(&path, "a,b\n").unwrap();
        assert!(Report::read(&path).is_err());
    }
}
