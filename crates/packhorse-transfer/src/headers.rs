//! The headers of an object: what the manifest asks and what the file is.

use packhorse_core::manifest::{Manifest, S3Import};
use packhorse_core::mapping::{self, Content, FileFacts};
use packhorse_media::Entry;
use packhorse_objects::client::ObjectMeta;

use crate::ledger::OpenRow;
use crate::restore;

/// The headers of the object of a row.
pub(crate) fn row_meta(
    manifest: &Manifest<S3Import>,
    row: &OpenRow,
    first_bytes: &[u8],
) -> ObjectMeta {
    let meta = object_meta(manifest, &row.entry, first_bytes);
    match row.record.as_deref().and_then(restore::record) {
        Some(record) => restore::meta(&record, meta),
        None => meta,
    }
}

/// The headers of the object of `entry`.
fn object_meta(manifest: &Manifest<S3Import>, entry: &Entry, first_bytes: &[u8]) -> ObjectMeta {
    let import = &manifest.kind;
    let path = String::from_utf8_lossy(&entry.path);
    let Content { content_type, gzip } = mapping::content(&import.headers, &path, first_bytes);
    let facts = FileFacts {
        modified: entry.modified,
        mode: entry.mode,
        owner: entry.owner,
    };
    ObjectMeta {
        content_type: Some(content_type),
        content_encoding: gzip.then(|| "gzip".to_owned()),
        metadata: mapping::metadata(&import.headers, &manifest.extensions, &facts),
        ..ObjectMeta::of_job(&import.headers, &manifest.extensions)
    }
}
