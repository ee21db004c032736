//! Reading a report as it comes: one page of rows that are wanted, and where the next begins.
//!
//! A report may have millions of rows. It is read from the byte at which the page before ended, row by
//! row, and only the rows of one page are kept.

use std::time::Duration;

use csv_core::{ReadRecordResult, Reader};
use packhorse_core::ledger::{Outcome, Verdict};
use packhorse_objects::client::{Client, Error};
use packhorse_store::LogObject;
use tokio::time::Instant;

/// Rows on one page.
pub(super) const ROWS_ON_PAGE: usize = 100;
/// So much of a report is read for one page; at some 150 bytes a row, more than a million rows.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A person waits: then the page ends where it is, and can be continued.
const READ_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest row: a path, a key (each escaped at worst fourfold), a content type.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// `DateTime,File,Status,Code,Key,MD5,Bytes,Content-Type`
const COLUMNS: usize = 8;

/// A row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Counted from 1 in the whole report.
    pub(super) number: u64,
    pub(super) file: String,
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) key: String,
    pub(super) bytes: u64,
}

impl Row {
    pub(super) fn outcome(&self) -> Outcome {
        Verdict::store(self.status, "").outcome()
    }
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The byte.
    pub(super) at: u64,
    /// Rows before it.
    pub(super) rows: u64,
}

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// In the path or the key, in any case; empty for everything.
    pub(super) text: String,
    /// With this outcome alone.
    pub(super) outcome: Option<Outcome>,
}

impl Wanted {
    fn matches(&self, row: &Row) -> bool {
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        let fits = self.outcome.is_none_or(|outcome| row.outcome() == outcome);
        fits && (self.text.is_empty() || has(&row.file) || has(&row.key))
    }
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    /// Where the next one begins; nothing at the end of the report.
    pub(super) next: Option<Place>,
    /// How much of the report was read up to here, in bytes, and how much there is.
    pub(super) read_to: u64,
    pub(super) size: u64,
}

/// Why there is no page.
#[derive(Debug)]
pub(super) enum NoPage {
    /// The store says no, or nothing.
    Store(Error),
    /// It is no report: somebody wrote another object over it.
    NotAReport,
}

impl From<Error> for NoPage {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// The page of `log` that begins at `place`.
pub(super) async fn page(
    client: &Client,
    log: &LogObject,
    place: Place,
    wanted: &Wanted,
) -> Result<Page, NoPage> {
    let last = place.at.saturating_add(READ_BYTES_MAX - 1);
    let range = Some((place.at, last));
    let mut object = client.get_object(&log.bucket, &log.key, range).await?;
    let until = Instant::now() + READ_TIME_MAX;
    let mut found = Page {
        size: object.size,
        ..Page::default()
    };
    let mut lines = Lines::new(place);
    while let Some(chunk) = object.body.chunk().await? {
        let mut rest: &[u8] = &chunk;
        while let Some(row) = lines.next(&mut rest)? {
            if found.rows.len() == ROWS_ON_PAGE {
                found.next = Some(lines.before);
                found.read_to = lines.before.at;
                return Ok(found);
            }
            if wanted.matches(&row) {
                found.rows.push(row);
            }
        }
        if Instant::now() > until {
            break;
        }
    }
    let end = lines.after();
    found.read_to = end.at;
    // What was not read is another page, unless nothing of this one was understood.
    found.next = (end.at < found.size && end != place).then_some(end);
    Ok(found)
}

/// Bytes into rows.
struct Lines {
    reader: Reader,
    /// The row that is being read.
    text: Vec<u8>,
    text_end: usize,
    ends: [usize; COLUMNS + 1],
    ends_end: usize,
    /// Where the row that was read last begins.
    before: Place,
    /// Where the row begins that is being read, and how much of it was read.
    here: Place,
    taken: u64,
}

impl Lines {
    fn new(place: Place) -> Self {
        Self {
            reader: Reader::new(),
            text: vec![0; ROW_BYTES_MAX],
            text_end: 0,
            ends: [0; COLUMNS + 1],
            ends_end: 0,
            before: place,
            here: place,
            taken: 0,
        }
    }

    /// Behind the last whole row.
    fn after(&self) -> Place {
        self.here
    }

    /// The next row; nothing when there is none in `input` any more.
    fn next(&mut self, input: &mut &[u8]) -> Result<Option<Row>, NoPage> {
        while !input.is_empty() {
            let text = self.text.get_mut(self.text_end..).unwrap_or_default();
            let ends = self.ends.get_mut(self.ends_end..).unwrap_or_default();
            let (result, read, written, ended) = self.reader.read_record(input, text, ends);
            *input = input.get(read..).unwrap_or_default();
            self.text_end += written;
            self.ends_end += ended;
            self.taken += read as u64;
            match result {
                ReadRecordResult::InputEmpty => return Ok(None),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(NoPage::NotAReport);
                }
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {}
            }
            let is_header = self.here.at == 0;
            let row = self.row();
            self.before = self.here;
            self.here.at += self.taken;
            (self.taken, self.text_end, self.ends_end) = (0, 0, 0);
            if is_header {
                match row {
                    Some(row) if row.file == "File" => continue,
                    _ => return Err(NoPage::NotAReport),
                }
            }
            self.here.rows += 1;
            return row.map(Some).ok_or(NoPage::NotAReport);
        }
        Ok(None)
    }

    /// The row that was just read, if it is one.
    fn row(&self) -> Option<Row> {
        let ends = self.ends.get(..self.ends_end)?;
        if ends.len() != COLUMNS {
            return None;
        }
        let field = |index: usize| {
            let start = match index {
                0 => 0,
                index => *ends.get(index - 1)?,
            };
            let bytes = self.text.get(start..*ends.get(index)?)?;
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        };
        Some(Row {
            number: self.here.rows + 1,
            file: field(1)?,
            status: field(2)?.parse().unwrap_or_default(),
            code: field(3)?,
            key: field(4)?,
            bytes: field(6)?.parse().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use packhorse_core::ledger::{REPORT_HEADER, ReportRow};

    use super::*;

    fn report(files: &[&str]) -> String {
        let rows = files.iter().map(|file| {
            let row = ReportRow {
                at: "2026-01-01T00:00:00Z".parse().unwrap(),
                file: file.as_bytes().to_vec(),
                verdict: Verdict::ok(),
                key: format!("bucket/{file}"),
                md5: String::new(),
                bytes: 7,
                content_type: "text/plain".to_owned(),
            };
            row.to_csv()
        });
        REPORT_HEADER.to_owned() + &rows.collect::<String>()
    }

    fn read(text: &str, place: Place, piece: usize) -> Vec<(Row, Place)> {
        let mut lines = Lines::new(place);
        let mut rows = Vec::new();
        let rest = &text.as_bytes()[usize::try_from(place.at).unwrap()..];
        for mut chunk in rest.chunks(piece) {
            while let Some(row) = lines.next(&mut chunk).unwrap() {
                rows.push((row, lines.after()));
            }
        }
        rows
    }

    #[test]
    fn rows_are_read_in_any_pieces_and_from_any_row_on() {
        let files = ["a.txt", "b, \"c\"\nd", "é\u{202e}<script>", "e"];
        let text = report(&files);
        let whole = read(&text, Place::default(), 1 << 20);
        let names: Vec<_> = whole.iter().map(|(row, _)| row.file.as_str()).collect();
        assert_eq!(names, files);
        assert_eq!(whole.last().unwrap().1.at, text.len() as u64);
        for piece in [1, 2, 7, 50] {
            assert_eq!(read(&text, Place::default(), piece), whole);
        }
        for index in 0..whole.len() {
            assert_eq!(read(&text, whole[index].1, 9), whole[index + 1..]);
        }
    }

    #[test]
    fn what_is_no_report_is_said_to_be_none() {
        let refused = |text: &str| {
            Lines::new(Place::default())
                .next(&mut text.as_bytes())
                .is_err()
        };
        assert!(refused("hello\n"));
        assert!(refused("a,b,c,d,e,f,g,h\n"));
        assert!(refused("a,b,c,d,e,f,g,h,i,j\n"));
        assert!(refused(&"x".repeat(ROW_BYTES_MAX + 1)));
        assert!(!refused(REPORT_HEADER));
    }

    #[test]
    fn rows_are_found_by_path_key_and_outcome() {
        let row = Row {
            number: 1,
            file: "Photos/One.JPG".to_owned(),
            status: 200,
            code: "OK".to_owned(),
            key: "b/x".to_owned(),
            bytes: 1,
        };
        let wanted = |text: &str, outcome| Wanted {
            text: text.to_owned(),
            outcome,
        };
        assert!(wanted("", None).matches(&row) && wanted("one.jpg", None).matches(&row));
        assert!(wanted("b/x", Some(Outcome::Stored)).matches(&row));
        assert!(!wanted("", Some(Outcome::Failed)).matches(&row));
        assert!(!wanted("two", None).matches(&row));
    }
}
