//! UploadPart, UploadPartCopy, ListParts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::ETAG;
use http::{HeaderName, StatusCode};

use super::Ask;
use super::copy::source;
use super::get::bytes;
use super::put::check_length;
use crate::clock;
use crate::embedded::acl::write_owner;
use crate::embedded::answer::{Answer, empty, iso_date, quoted, set, xml};
use crate::embedded::checksum::Algorithm;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::uploads::{self, Part, Upload};
use crate::embedded::intake::{Received, Source, receive};
use crate::embedded::limits::{OBJECT_BYTES_MAX, PAGE_MAX, PARTS_MAX};
use crate::embedded::payload::Expected;
use crate::embedded::range::{self, Range};
use crate::xml::Writer;

pub(super) async fn put(mut ask: Ask<'_>) -> Result<Answer, Fault> {
    check_length(&ask.head, OBJECT_BYTES_MAX)?;
    let number = part_number(&ask)?;
    let upload = find(&ask).await?;
    let declared = upload.declared.map(|declared| declared.algorithm);
    let expected = ask.expected(declared)?;
    let algorithm = expected.algorithm();
    let store = ask.store;
    let received = receive(
        &store.files,
        Source::Request(Box::new(ask.payload()?)),
        expected,
    )
    .await?;
    let mut answer = empty(StatusCode::OK);
    let headers = answer.headers_mut();
    set(headers, ETAG, &quoted(&hex::encode(received.found.md5)));
    if let (Some(algorithm), Some(sum)) = (algorithm, &received.found.checksum) {
        let name = HeaderName::from_static(algorithm.header());
        set(headers, name, &STANDARD.encode(sum));
    }
    keep(&ask, &upload, number, received).await?;
    Ok(answer)
}

pub(super) async fn copy(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let number = part_number(ask)?;
    let upload = find(ask).await?;
    let copied = source(ask).await?;
    let size = copied.opened.object.size;
    let wanted = match ask.head.header("x-amz-copy-source-range") {
        None => Range::whole(size),
        Some(text) => range::parse(text, size)?.ok_or_else(|| {
            Fault::new(
                Code::InvalidArgument,
                "x-amz-copy-source-range must be bytes=FIRST-LAST",
            )
        })?,
    };
    let declared = upload.declared.map(|declared| declared.algorithm);
    let body = Source::Copy(bytes(ask, copied.lease, &copied.opened, wanted));
    let received = receive(&ask.store.files, body, Expected::nothing(declared)).await?;
    let part = keep(ask, &upload, number, received).await?;
    Ok(xml("CopyPartResult", |xml| {
        xml.text("LastModified", &iso_date(part.modified));
        xml.text("ETag", &quoted(&part.etag()));
        write_checksum(xml, &part, declared);
    }))
}

fn part_number(ask: &Ask<'_>) -> Result<u32, Fault> {
    let text = ask.head.query("partNumber").unwrap_or_default();
    let number = text.parse().ok();
    number
        .filter(|number| (1..=PARTS_MAX).contains(number))
        .ok_or_else(|| {
            Fault::new(
                Code::InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive",
            )
        })
}

/// The upload that `uploadId` names, if the caller may write there.
async fn find(ask: &Ask<'_>) -> Result<Upload, Fault> {
    let bucket = ask.bucket_to_write()?;
    let key = ask.key().to_owned();
    let token = ask.head.query("uploadId").unwrap_or_default().to_owned();
    ask.store
        .index
        .read(move |db| uploads::find(db, bucket.id, &key, &token))
        .await
}

async fn keep(
    ask: &Ask<'_>,
    upload: &Upload,
    number: u32,
    received: Received,
) -> Result<Part, Fault> {
    let part = Part {
        number,
        size: received.size,
        md5: received.found.md5,
        // A checksum that the upload did not declare was checked and has served its purpose.
        checksum: received
            .found
            .checksum
            .filter(|_| upload.declared.is_some()),
        modified: clock::now().as_millisecond(),
        body: 0,
    };
    let (id, kept) = (upload.id, part.clone());
    ask.store
        .index
        .change(move |changes| changes.put_part(id, &kept, received.body))
        .await?;
    Ok(part)
}

pub(super) async fn list(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    let after = ask
        .head
        .number("part-number-marker", (0, u32::MAX))?
        .unwrap_or(0);
    let count = ask
        .head
        .number("max-parts", (1, PAGE_MAX))?
        .unwrap_or(PAGE_MAX);
    let key = ask.key().to_owned();
    let token = ask.head.query("uploadId").unwrap_or_default().to_owned();
    let id = bucket.id;
    let (upload, mut parts) = ask
        .store
        .index
        .read(move |db| {
            let upload = uploads::find(db, id, &key, &token)?;
            let parts = uploads::parts(db, upload.id, after, count + 1)?;
            Ok((upload, parts))
        })
        .await?;
    let truncated = parts.len() > count as usize;
    parts.truncate(count as usize);
    let declared = upload.declared.map(|declared| declared.algorithm);
    Ok(xml("ListPartsResult", |xml| {
        xml.text("Bucket", &bucket.name);
        xml.text("Key", ask.key());
        xml.text("UploadId", &upload.token);
        write_owner(xml, "Initiator", &bucket.account);
        write_owner(xml, "Owner", &bucket.account);
        xml.text("StorageClass", upload.attributes.storage_class());
        if let Some(declared) = upload.declared {
            xml.text("ChecksumAlgorithm", declared.algorithm.name());
            xml.text("ChecksumType", declared.coverage.name());
        }
        xml.text("PartNumberMarker", &after.to_string());
        let last = parts.last().map_or(0, |part| part.number);
        xml.text("NextPartNumberMarker", &last.to_string());
        xml.text("MaxParts", &count.to_string());
        xml.text("IsTruncated", if truncated { "true" } else { "false" });
        for part in &parts {
            xml.element("Part", |xml| {
                xml.text("PartNumber", &part.number.to_string());
                xml.text("LastModified", &iso_date(part.modified));
                xml.text("ETag", &quoted(&part.etag()));
                xml.text("Size", &part.size.to_string());
                write_checksum(xml, part, declared);
            });
        }
    }))
}

fn write_checksum(xml: &mut Writer, part: &Part, declared: Option<Algorithm>) {
    if let (Some(algorithm), Some(sum)) = (declared, &part.checksum) {
        xml.text(algorithm.element(), &STANDARD.encode(sum));
    }
}
