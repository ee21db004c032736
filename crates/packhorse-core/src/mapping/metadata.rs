//! The user metadata of an object: what the manifest says, and what the file system knew.

use jiff::Timestamp;

use crate::manifest::{Extensions, ObjectHeaders};

/// What a file system knows of a file beside its bytes; any of it may be unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Last modification.
    pub modified: Option<Timestamp>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner and group.
    pub owner: Option<(u32, u32)>,
}

/// Names without `x-amz-meta-` and values: `staticMetadata`, then `diskTimestampMetadataKey` in
/// milliseconds since 1970, then what `preserveMetadata` adds. A name that the manifest gives itself
/// keeps its value.
pub fn metadata(
    headers: &ObjectHeaders,
    extensions: &Extensions,
    file: &FileFacts,
) -> Vec<(String, String)> {
    let mut metadata = headers.static_metadata.clone();
    let mut add = |name: &str, value: Option<String>| {
        let taken = metadata
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name));
        if let Some(value) = value.filter(|_| !taken) {
            metadata.push((name.to_owned(), value));
        }
    };
    if let Some(name) = &headers.disk_timestamp_metadata_key {
        let milliseconds = |at: Timestamp| at.as_millisecond().to_string();
        add(name, file.modified.map(milliseconds));
    }
    if extensions.preserve_metadata {
        // The names that rclone and s3fs read back.
        add("mtime", file.modified.map(seconds));
        add("mode", file.mode.map(|mode| format!("{mode:o}")));
        add("uid", file.owner.map(|(uid, _)| uid.to_string()));
        add("gid", file.owner.map(|(_, gid)| gid.to_string()));
    }
    metadata
}

/// Seconds since 1970 with nine decimals.
fn seconds(at: Timestamp) -> String {
    let nanoseconds = at.as_nanosecond();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (seconds, fraction) = (
        nanoseconds.unsigned_abs() / 1_000_000_000,
        nanoseconds.unsigned_abs() % 1_000_000_000,
    );
    format!("{sign}{seconds}.{fraction:09}")
}
