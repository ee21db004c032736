//! The headers of an object: what the manifest asks and what the file is.

use packhorse_core::manifest::{CannedAcl, Manifest, S3Import, StorageClass, Word as _};
use packhorse_core::mapping::{self, Content};
use packhorse_media::Entry;
use packhorse_objects::client::ObjectMeta;

/// The headers of the object of `entry`.
pub(super) fn object_meta(
    manifest: &Manifest<S3Import>,
    entry: &Entry,
    first_bytes: &[u8],
) -> ObjectMeta {
    let import = &manifest.kind;
    let headers = &import.headers;
    let path = String::from_utf8_lossy(&entry.path);
    let Content { content_type, gzip } = mapping::content(headers, &path, first_bytes);
    ObjectMeta {
        content_type: Some(content_type),
        content_encoding: gzip.then(|| "gzip".to_owned()),
        cache_control: headers.cache_control.clone(),
        content_disposition: headers.content_disposition.clone(),
        content_language: headers.content_language.clone(),
        expires: headers.expires.clone(),
        // What is the store's default is not asked for: some stores refuse the header itself.
        acl: (headers.acl != CannedAcl::Private).then(|| headers.acl.code().to_owned()),
        storage_class: (headers.storage_class != StorageClass::Standard)
            .then(|| headers.storage_class.code().to_owned()),
        server_side_encryption: manifest
            .extensions
            .server_side_encryption
            .map(|encryption| encryption.code().to_owned()),
        metadata: metadata(manifest, entry),
    }
}

fn metadata(manifest: &Manifest<S3Import>, entry: &Entry) -> Vec<(String, String)> {
    let import = &manifest.kind;
    let mut metadata = import.headers.static_metadata.clone();
    if let (Some(name), Some(modified)) =
        (&import.headers.disk_timestamp_metadata_key, entry.modified)
    {
        metadata.push((name.clone(), modified.as_millisecond().to_string()));
    }
    if manifest.extensions.preserve_metadata {
        // The names that rclone and s3fs read back.
        if let Some(modified) = entry.modified {
            let (seconds, fraction) = (modified.as_second(), modified.subsec_nanosecond());
            metadata.push((
                "mtime".to_owned(),
                format!("{seconds}.{:09}", fraction.max(0)),
            ));
        }
        if let Some(mode) = entry.mode {
            metadata.push(("mode".to_owned(), format!("{mode:o}")));
        }
        if let Some((uid, gid)) = entry.owner {
            metadata.push(("uid".to_owned(), uid.to_string()));
            metadata.push(("gid".to_owned(), gid.to_string()));
        }
    }
    metadata
}
