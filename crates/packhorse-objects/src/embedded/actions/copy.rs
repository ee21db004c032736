//! CopyObject, and the source of any copy.

use std::sync::Arc;

use super::Ask;
use super::conditions::{self, COPY};
use super::get::bytes;
use super::put::object_of;
use super::rights::readable;
use crate::embedded::answer::{Answer, checksum_elements, iso_date, quoted, xml};
use crate::embedded::attributes::Attributes;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::files::ReadLease;
use crate::embedded::index::buckets::Bucket;
use crate::embedded::index::objects::{self, Opened};
use crate::embedded::intake::{Source, receive};
use crate::embedded::payload::{Expected, named_algorithm};
use crate::embedded::range::Range;
use crate::uri;

/// An object that is to be copied, and the right to read it.
pub(super) struct Copied {
    pub(super) opened: Opened,
    pub(super) lease: ReadLease,
    bucket: Arc<Bucket>,
    key: String,
}

/// Finds what `x-amz-copy-source` names.
pub(super) async fn source(ask: &Ask<'_>) -> Result<Copied, Fault> {
    let text = ask.head.header("x-amz-copy-source").unwrap_or_default();
    let (bucket, key) = read_source(text)?;
    let bucket = ask.store.index.buckets().find(&bucket)?;
    let lease = ask.store.files.lease();
    let (id, name) = (bucket.id, key.clone());
    let found = ask
        .store
        .index
        .read(move |db| objects::open(db, id, &name))
        .await?;
    let opened = readable(&ask.caller, &bucket, found, |opened| &opened.object)?;
    conditions::check(&ask.head, &COPY, &opened.object)?;
    Ok(Copied {
        opened,
        lease,
        bucket,
        key,
    })
}

/// `/BUCKET/KEY` or `BUCKET/KEY`, encoded, perhaps with a version.
fn read_source(text: &str) -> Result<(String, String), Fault> {
    let bad = || Fault::new(Code::InvalidArgument, "x-amz-copy-source is not BUCKET/KEY");
    let (path, version) = text.split_once("?versionId=").unwrap_or((text, "null"));
    if version != "null" {
        return Err(Code::NotImplemented.into());
    }
    let path = uri::decode(path).ok_or_else(bad)?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    match path.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
            Ok((bucket.to_owned(), key.to_owned()))
        }
        Some(_) | None => Err(bad()),
    }
}

pub(super) async fn copy(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    let condition = ask.condition()?;
    let replaces = match ask.head.header("x-amz-metadata-directive") {
        None | Some("COPY") => false,
        Some("REPLACE") => true,
        Some(_) => {
            return Err(Fault::new(
                Code::InvalidArgument,
                "x-amz-metadata-directive must be COPY or REPLACE",
            ));
        }
    };
    let mut attributes = Attributes::of_request(&ask.head.headers)?;
    let copied = source(ask).await?;
    let former = &copied.opened.object;
    let onto_itself = copied.bucket.id == bucket.id && copied.key == ask.key();
    if onto_itself && !replaces && attributes.storage_class == former.attributes.storage_class {
        return Err(Fault::new(
            Code::InvalidRequest,
            "this copy request is illegal because it is trying to copy an object to itself \
             without changing anything",
        ));
    }
    if !replaces {
        attributes.headers.clone_from(&former.attributes.headers);
    }
    let kept = former.attributes.checksum.as_ref();
    let algorithm = named_algorithm(&ask.head.headers)?.or(kept.map(|sum| sum.algorithm));
    let all = Range::whole(former.size);
    let body = Source::Copy(bytes(ask, copied.lease, &copied.opened, all));
    let received = receive(&ask.store.files, body, Expected::nothing(algorithm)).await?;
    let object = object_of(&received, attributes, algorithm);
    let answer = xml("CopyObjectResult", |xml| {
        xml.text("LastModified", &iso_date(object.modified));
        xml.text("ETag", &quoted(&object.etag));
        if let Some(checksum) = &object.attributes.checksum {
            checksum_elements(xml, checksum);
        }
    });
    let key = ask.key().to_owned();
    ask.store
        .index
        .change(move |changes| {
            changes.put_object(bucket.id, &key, object, received.body, &condition)
        })
        .await?;
    Ok(answer)
}
