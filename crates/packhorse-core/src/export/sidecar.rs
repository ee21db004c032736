//! What travels with the files: the folder `PACKHORSE` on the device, which says what each file was
//! as an object, so that nothing a file system cannot hold is lost.

use serde::{Deserialize, Serialize};

/// The folder, in the root of the device.
pub const SIDECAR: &str = "PACKHORSE";
/// One [`ObjectRecord`] per line, in the order of the export.
pub const OBJECTS_FILE: &str = "PACKHORSE/objects.jsonl";
/// For `md5sum -c`, from the root of the device.
pub const MD5_FILE: &str = "PACKHORSE/MD5SUMS";
/// What the export was, and its totals.
pub const EXPORT_FILE: &str = "PACKHORSE/export.json";
/// The manifest for the next device, where one is needed.
pub const NEXT_FILE: &str = "PACKHORSE/next-manifest.yaml";
/// No line of the objects' file is longer: two keys and paths of 2 KiB, headers of at most 8 KiB and
/// tags, in JSON's widest spelling.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// A file of the device and the object it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// From the root of the device.
    pub path: String,
    /// The object's bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its version, where the store has versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Bytes.
    pub size: u64,
    /// MD5 of the bytes, in hex.
    pub md5: String,
    /// CRC32C of the bytes, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32c: Option<String>,
    /// The store's ETag.
    pub etag: String,
    /// What of the store's own the bytes were compared with: `md5`, `parts`, `crc`, or `size` where
    /// the store keeps nothing else that can be computed.
    pub verified: String,
    /// `Last-Modified`, as the store wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Headers by their names in lower case: `content-type`, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// User metadata, names without `x-amz-meta-`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, String)>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Why the tags are not here, where the store told that there are some but not which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags_refused: Option<String>,
    /// Why the path is not the key's, if it went to the recovery directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misfit: Option<String>,
}

/// A line of a file for `md5sum -c`, as GNU coreutils writes it: a name with a backslash or a line
/// break is escaped, and the line then begins with a backslash.
pub fn md5_line(md5: &str, path: &str) -> String {
    if !path.contains(['\\', '\n', '\r']) {
        return format!("{md5}  {path}\n");
    }
    let path = path.replace('\\', "\\\\");
    let path = path.replace('\n', "\\n").replace('\r', "\\r");
    format!("\\{md5}  {path}\n")
}
