//! CreateMultipartUpload, AbortMultipartUpload, ListMultipartUploads.

use http::{HeaderName, StatusCode};

use super::Ask;
use super::list::{Names, delimiter};
use crate::clock;
use crate::embedded::acl::write_owner;
use crate::embedded::answer::{Answer, empty, iso_date, set, xml};
use crate::embedded::attributes::Attributes;
use crate::embedded::checksum::Coverage;
use crate::embedded::fault::{Code, Fault};
use crate::embedded::files::BodyId;
use crate::embedded::index::listing::{self, Line, Page, Position, Wanted};
use crate::embedded::index::uploads::{self, Declared, Upload};
use crate::embedded::limits::PAGE_MAX;
use crate::embedded::payload::named_algorithm;
use crate::xml::Writer;

/// Hex digits of a [`BodyId`] at the beginning of a token.
const ID_DIGITS: usize = 16;

pub(super) async fn create(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    let id = ask.store.files.new_id();
    let upload = Upload {
        id,
        token: format!("{id:016x}{}", uuid::Uuid::new_v4().simple()),
        initiated: clock::now().as_millisecond(),
        attributes: Attributes::of_request(&ask.head.headers)?,
        declared: declared(ask)?,
    };
    let mut answer = xml("InitiateMultipartUploadResult", |xml| {
        xml.text("Bucket", &bucket.name);
        xml.text("Key", ask.key());
        xml.text("UploadId", &upload.token);
    });
    if let Some(declared) = upload.declared {
        let headers = answer.headers_mut();
        let algorithm = HeaderName::from_static("x-amz-checksum-algorithm");
        set(headers, algorithm, declared.algorithm.name());
        let kind = HeaderName::from_static("x-amz-checksum-type");
        set(headers, kind, declared.coverage.name());
    }
    let key = ask.key().to_owned();
    ask.store
        .index
        .change(move |changes| changes.create_upload(bucket.id, &key, &upload))
        .await?;
    Ok(answer)
}

fn declared(ask: &Ask<'_>) -> Result<Option<Declared>, Fault> {
    let algorithm = named_algorithm(&ask.head.headers)?;
    let coverage = match ask.head.header("x-amz-checksum-type") {
        None => None,
        Some(name) => Some(Coverage::parse(name).ok_or_else(|| {
            Fault::new(
                Code::InvalidRequest,
                "x-amz-checksum-type must be FULL_OBJECT or COMPOSITE",
            )
        })?),
    };
    let Some(algorithm) = algorithm else {
        return match coverage {
            None => Ok(None),
            Some(_) => Err(Fault::new(
                Code::InvalidRequest,
                "x-amz-checksum-type needs x-amz-checksum-algorithm",
            )),
        };
    };
    let coverage = coverage.unwrap_or(algorithm.default_coverage());
    if !algorithm.allows(coverage) {
        return Err(Fault::new(
            Code::InvalidRequest,
            format!(
                "{} checksums cannot be {}",
                algorithm.name(),
                coverage.name()
            ),
        ));
    }
    Ok(Some(Declared {
        algorithm,
        coverage,
    }))
}

pub(super) async fn abort(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_write()?;
    let key = ask.key().to_owned();
    let token = ask.head.query("uploadId").unwrap_or_default().to_owned();
    ask.store
        .index
        .change(move |changes| {
            let upload = uploads::find(changes.db, bucket.id, &key, &token)?;
            changes.remove_upload(upload.id)
        })
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

pub(super) async fn list(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_list()?;
    let names = Names::of(ask)?;
    let key_marker = ask.head.query("key-marker").unwrap_or_default();
    let id_marker = ask.head.query("upload-id-marker").unwrap_or_default();
    let wanted = Wanted {
        prefix: ask.head.query("prefix").unwrap_or_default().to_owned(),
        delimiter: delimiter(ask),
        after: after(key_marker, id_marker),
        count: ask
            .head
            .number("max-uploads", (1, PAGE_MAX))?
            .unwrap_or(PAGE_MAX) as usize,
    };
    let page = {
        let wanted = wanted.clone();
        let id = bucket.id;
        ask.store
            .index
            .read(move |db| listing::uploads(db, id, &wanted))
            .await?
    };
    Ok(xml("ListMultipartUploadsResult", |xml| {
        xml.text("Bucket", &bucket.name);
        names.write(xml, "KeyMarker", key_marker);
        xml.text("UploadIdMarker", id_marker);
        names.write(xml, "Prefix", &wanted.prefix);
        if let Some(delimiter) = &wanted.delimiter {
            names.write(xml, "Delimiter", delimiter);
        }
        names.write_kind(xml);
        xml.text("MaxUploads", &wanted.count.to_string());
        write_page(xml, &names, &page, &bucket.account);
    }))
}

/// The id in a token tells its place, also when the upload is gone.
fn after(key: &str, token: &str) -> Option<Position> {
    if key.is_empty() {
        return None;
    }
    let id = token.get(..ID_DIGITS);
    let id = id.and_then(|digits| BodyId::from_str_radix(digits, 16).ok());
    match id.and_then(|id| i64::try_from(id).ok()) {
        Some(number) => Some(Position {
            name: key.as_bytes().to_vec(),
            number,
        }),
        None => Some(Position::after(key)),
    }
}

fn write_page(xml: &mut Writer, names: &Names, page: &Page<Upload>, account: &str) {
    xml.text("IsTruncated", if page.truncated { "true" } else { "false" });
    match page.lines.last().filter(|_| page.truncated) {
        Some(Line::Entry(key, upload)) => {
            names.write(xml, "NextKeyMarker", key);
            xml.text("NextUploadIdMarker", &upload.token);
        }
        Some(Line::Prefix(prefix)) => {
            names.write(xml, "NextKeyMarker", prefix);
            xml.text("NextUploadIdMarker", "");
        }
        None => {}
    }
    for line in &page.lines {
        match line {
            Line::Prefix(prefix) => xml.element("CommonPrefixes", |xml| {
                names.write(xml, "Prefix", prefix);
            }),
            Line::Entry(key, upload) => xml.element("Upload", |xml| {
                names.write(xml, "Key", key);
                xml.text("UploadId", &upload.token);
                write_owner(xml, "Initiator", account);
                write_owner(xml, "Owner", account);
                xml.text("StorageClass", upload.attributes.storage_class());
                xml.text("Initiated", &iso_date(upload.initiated));
                if let Some(declared) = upload.declared {
                    xml.text("ChecksumAlgorithm", declared.algorithm.name());
                    xml.text("ChecksumType", declared.coverage.name());
                }
            }),
        }
    }
}
