//! The words of the plan, the ledger and the report, which are one table: an entry seen on a
//! device, what became of it, and the line that says so.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// What an entry on a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory. Only one that could not be read becomes a row.
    Directory,
    /// A symbolic link: never followed.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// Anything else.
    Other,
}

/// The `Code` column of a report row, with the `Status` that goes with it.
///
/// `OK`, `Ignored` and `InvalidSubstitution` are the original's; an S3 error keeps the store's own
/// status and code; the rest are ours and listed in docs/SEMANTICS.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The `Status` column.
    pub status: u16,
    /// The `Code` column.
    pub code: String,
}

/// How a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The store confirmed the bytes.
    Stored,
    /// Left out as asked, or by rule (SIGNATURE).
    Ignored,
    /// Neither: counts into ErrorCount.
    Failed,
}

/// Declares the verdicts that Packhorse itself gives.
macro_rules! verdicts {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal,)*) => {
        impl Verdict {
            /// Every verdict of our own, for the table in docs/SEMANTICS.md.
            pub fn own() -> Vec<Self> {
                vec![$(Self::$name(),)*]
            }

            $($(#[$doc])*
            pub fn $name() -> Self {
                Self { status: $status, code: $code.to_owned() }
            })*
        }
    };
}

verdicts! {
    /// The store confirmed the bytes.
    ok = 200 "OK",
    /// Left out as asked.
    ignored = 103 "Ignored",
    /// The key became empty.
    invalid_substitution = 400 "InvalidSubstitution",
    /// The key has more than 1,024 bytes.
    key_too_long = 400 "KeyTooLong",
    /// The path is not UTF-8.
    invalid_name = 400 "InvalidName",
    /// Another file of this device, earlier in path order, has the same key.
    key_collision = 409 "KeyCollision",
    /// The key exists in the bucket and `onConflict: fail` was asked.
    object_exists = 409 "ObjectExists",
    /// A symbolic link: never followed.
    symbolic_link = 400 "SymbolicLink",
    /// A pipe, socket or device node.
    special_file = 400 "SpecialFile",
    /// More than 5 TiB, the largest object there is.
    entity_too_large = 400 "EntityTooLarge",
    /// The operating system or the file system refused to open it.
    access_denied = 403 "FileAccessDenied",
    /// It was listed and is gone.
    file_vanished = 404 "FileVanished",
    /// Its size or time changed while it was read.
    file_changed = 409 "FileChanged",
    /// The device gave a read error.
    read_error = 500 "ReadError",
    /// The file system's records of this entry are damaged.
    damaged = 500 "DamagedEntry",
    /// A volume of the device holds no file system that can be read.
    unsupported_volume = 400 "UnsupportedVolume",
    /// The file system keeps its contents in a way that cannot be read: deduplicated, packed by a
    /// filter, in the cloud.
    unsupported_contents = 400 "UnsupportedContents",
    /// A further stream of a file on NTFS: it has no place in an object store.
    alternate_stream = 103 "AlternateStream",
    /// The store's copy differs from what was read, after retries; in an export, what was received
    /// differs from what the store says of the object.
    verification_failed = 500 "VerificationFailed",
    /// Export: the first object that the device has no room for.
    device_full = 103 "DeviceFull",
    /// Export: an earlier operation has exported this object to this path.
    already_exported = 103 "AlreadyExported",
    /// Export: the device has another file at the object's path, which is left as it is.
    file_exists = 409 "FileExists",
    /// Export: a file of an earlier export whose object is gone; it is left.
    object_deleted = 103 "ObjectDeleted",
    /// Export: the same, and it was removed as the manifest asked.
    file_removed = 103 "FileRemoved",
    /// Export: larger than the file system or the whole device can hold.
    file_too_large = 400 "FileTooLarge",
    /// Export: the recovery directory is full.
    recovery_full = 400 "RecoveryFull",
    /// Export: the device failed before this object was written.
    write_error = 500 "WriteError",
}

impl Verdict {
    /// A verdict with the store's own status and error code.
    pub fn store(status: u16, code: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
        }
    }

    /// How a row with this verdict counts.
    pub fn outcome(&self) -> Outcome {
        match self.status {
            200 => Outcome::Stored,
            103 => Outcome::Ignored,
            _ => Outcome::Failed,
        }
    }
}

/// Totals of a ledger. All zero at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of the plan.
    pub listed: u64,
    /// Bytes of the files in the plan.
    pub listed_bytes: u64,
    /// Rows whose bytes the store confirmed.
    pub stored: u64,
    /// Their bytes.
    pub stored_bytes: u64,
    /// Rows left out.
    pub ignored: u64,
    /// Rows that failed: the job's ErrorCount.
    pub failed: u64,
    /// For how long the load has been waiting for a store that does not answer; 0 while it goes on.
    /// Older programs know nothing of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub paused_seconds: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Counts {
    /// Rows without an outcome yet.
    pub fn open(&self) -> u64 {
        self.listed
            .saturating_sub(self.stored + self.ignored + self.failed)
    }
}

/// Room for a usual line of a report.
const LINE_BYTES_USUAL: usize = 512;
/// The header of every report (guide page "LogFileFieldsImportExport").
pub const REPORT_HEADER: &str = "DateTime,File,Status,Code,Key,MD5,Bytes,Content-Type\n";

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// When the row got its outcome.
    pub at: Timestamp,
    /// The path from the root of the device.
    pub file: Vec<u8>,
    /// Status and code.
    pub verdict: Verdict,
    /// Bucket and key, joined by a slash; empty unless the file has an object.
    pub key: String,
    /// MD5 of the file in hex, empty when it was not read whole.
    pub md5: String,
    /// Size.
    pub bytes: u64,
    /// As sent; empty when nothing was sent.
    pub content_type: String,
}

impl ReportRow {
    /// The row as a CSV line (RFC 4180) with its newline. A path that is not UTF-8 is shown with
    /// `\xNN` for each stray byte, and a backslash of such a path doubled.
    pub fn to_csv(&self) -> String {
        let fields = [
            time(self.at),
            printable_path(&self.file),
            self.verdict.status.to_string(),
            self.verdict.code.clone(),
            self.key.clone(),
            self.md5.clone(),
            self.bytes.to_string(),
            self.content_type.clone(),
        ];
        let mut writer = csv::WriterBuilder::new()
            .buffer_capacity(LINE_BYTES_USUAL)
            .from_writer(Vec::with_capacity(LINE_BYTES_USUAL));
        writer
            .write_record(&fields)
            .expect("writing to memory cannot fail");
        let line = writer.into_inner().expect("flushing to memory cannot fail");
        String::from_utf8(line).expect("every field is UTF-8")
    }
}

/// `Tue 03 Feb 2009 21:57:43 GMT`. By hand: reading a pattern for each of millions of rows costs more
/// than the rest of the row.
fn time(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = at.to_zoned(TimeZone::UTC);
    let name = |names: &[&'static str], index: i8| {
        let name = usize::try_from(index)
            .ok()
            .and_then(|index| names.get(index));
        name.copied().unwrap_or_default()
    };
    format!(
        "{} {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        name(&DAYS, at.weekday().to_monday_zero_offset()),
        at.day(),
        name(&MONTHS, at.month() - 1),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A path for people and reports.
pub fn printable_path(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) => text.to_owned(),
        Err(_) => path
            .utf8_chunks()
            .flat_map(|chunk| {
                let stray: String = chunk
                    .invalid()
                    .iter()
                    .map(|b| format!("\\x{b:02x}"))
                    .collect();
                [chunk.valid().replace('\\', "\\\\"), stray]
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &[u8]) -> ReportRow {
        ReportRow {
            at: "2009-02-03T21:57:43Z".parse().unwrap(),
            file: file.to_vec(),
            verdict: Verdict::ok(),
            key: "myawsbucket/Notice.txt".into(),
            md5: "f60fe317bc497b1204b327094959eb64".into(),
            bytes: 13,
            content_type: "text/plain".into(),
        }
    }

    #[test]
    fn prints_the_guides_sample_row() {
        assert_eq!(
            row(b"Notice.txt").to_csv(),
            "Tue 03 Feb 2009 21:57:43 GMT,Notice.txt,200,OK,myawsbucket/Notice.txt,\
             f60fe317bc497b1204b327094959eb64,13,text/plain\n"
        );
    }

    #[test]
    fn times_are_those_that_a_pattern_gives() {
        for second in (-9_000_000_000..9_000_000_000_i64).step_by(7_654_321) {
            let at = Timestamp::from_second(second).unwrap();
            let pattern = at.strftime("%a %d %b %Y %H:%M:%S GMT").to_string();
            assert_eq!(time(at), pattern);
        }
    }

    #[test]
    fn quotes_what_csv_needs_quoted() {
        assert!(row(b"a,\"b\"\nc").to_csv().contains(",\"a,\"\"b\"\"\nc\","));
        assert!(row(b"a\xff\\").to_csv().contains(r",a\xff\\,"));
    }

    #[test]
    fn only_200_is_stored_and_only_103_is_ignored() {
        for verdict in Verdict::own() {
            let expected = match verdict.code.as_str() {
                "OK" => Outcome::Stored,
                "Ignored" | "AlternateStream" | "DeviceFull" | "AlreadyExported"
                | "ObjectDeleted" | "FileRemoved" => Outcome::Ignored,
                _ => Outcome::Failed,
            };
            assert_eq!(verdict.outcome(), expected, "{verdict:?}");
        }
    }
}
