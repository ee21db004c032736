//! ListObjects, versions 1 and 2.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Ask;
use crate::embedded::acl::write_owner;
use crate::embedded::answer::{Answer, iso_date, quoted, xml};
use crate::embedded::fault::{Code, Fault};
use crate::embedded::index::listing::{self, Line, Page, Position, Wanted};
use crate::embedded::index::objects::Object;
use crate::embedded::limits::PAGE_MAX;
use crate::uri;
use crate::xml::Writer;

pub(super) async fn list(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let bucket = ask.bucket_to_list()?;
    let second = match ask.head.query("list-type") {
        None => false,
        Some("2") => true,
        Some(_) => return Err(bad("list-type must be 2")),
    };
    let names = Names::of(ask)?;
    let wanted = Wanted {
        prefix: ask.head.query("prefix").unwrap_or_default().to_owned(),
        delimiter: delimiter(ask),
        after: if second { after_2(ask)? } else { after_1(ask) },
        count: ask
            .head
            .number("max-keys", (0, PAGE_MAX))?
            .unwrap_or(PAGE_MAX) as usize,
    };
    let page = {
        let wanted = wanted.clone();
        let id = bucket.id;
        ask.store
            .index
            .read(move |db| listing::objects(db, id, &wanted))
            .await?
    };
    let owner = Some(bucket.account.as_str())
        .filter(|_| !second || ask.head.query("fetch-owner") == Some("true"));
    Ok(xml("ListBucketResult", |xml| {
        xml.text("Name", &bucket.name);
        names.write(xml, "Prefix", &wanted.prefix);
        xml.text("MaxKeys", &wanted.count.to_string());
        if let Some(delimiter) = &wanted.delimiter {
            names.write(xml, "Delimiter", delimiter);
        }
        names.write_kind(xml);
        xml.text("IsTruncated", if page.truncated { "true" } else { "false" });
        if second {
            write_page_2(xml, ask, &names, &page);
        } else {
            write_page_1(xml, ask, &names, &page);
        }
        for line in &page.lines {
            write_line(xml, &names, line, owner);
        }
    }))
}

fn write_page_1(xml: &mut Writer, ask: &Ask<'_>, names: &Names, page: &Page<Object>) {
    names.write(xml, "Marker", ask.head.query("marker").unwrap_or_default());
    if let Some(last) = page.lines.last().filter(|_| page.truncated) {
        names.write(xml, "NextMarker", last.name());
    }
}

fn write_page_2(xml: &mut Writer, ask: &Ask<'_>, names: &Names, page: &Page<Object>) {
    xml.text("KeyCount", &page.lines.len().to_string());
    if let Some(token) = ask.head.query("continuation-token") {
        xml.text("ContinuationToken", token);
    }
    if let Some(start_after) = ask.head.query("start-after") {
        names.write(xml, "StartAfter", start_after);
    }
    if let Some(last) = page.lines.last().filter(|_| page.truncated) {
        xml.text(
            "NextContinuationToken",
            &URL_SAFE_NO_PAD.encode(last.name()),
        );
    }
}

fn write_line(xml: &mut Writer, names: &Names, line: &Line<Object>, owner: Option<&str>) {
    match line {
        Line::Prefix(prefix) => xml.element("CommonPrefixes", |xml| {
            names.write(xml, "Prefix", prefix);
        }),
        Line::Entry(key, object) => xml.element("Contents", |xml| {
            names.write(xml, "Key", key);
            xml.text("LastModified", &iso_date(object.modified));
            xml.text("ETag", &quoted(&object.etag));
            if let Some(checksum) = &object.attributes.checksum {
                xml.text("ChecksumAlgorithm", checksum.algorithm.name());
                xml.text("ChecksumType", checksum.coverage.name());
            }
            xml.text("Size", &object.size.to_string());
            if let Some(owner) = owner {
                write_owner(xml, "Owner", owner);
            }
            xml.text("StorageClass", object.attributes.storage_class());
        }),
    }
}

/// How names are written into a listing.
pub(super) struct Names {
    encoded: bool,
}

impl Names {
    pub(super) fn of(ask: &Ask<'_>) -> Result<Self, Fault> {
        match ask.head.query("encoding-type") {
            None => Ok(Self { encoded: false }),
            Some("url") => Ok(Self { encoded: true }),
            Some(_) => Err(bad("encoding-type must be url")),
        }
    }

    pub(super) fn write(&self, xml: &mut Writer, element: &str, name: &str) {
        if self.encoded {
            let mut encoded = String::new();
            uri::encode_path(name, &mut encoded);
            xml.text(element, &encoded);
        } else {
            xml.text(element, name);
        }
    }

    pub(super) fn write_kind(&self, xml: &mut Writer) {
        if self.encoded {
            xml.text("EncodingType", "url");
        }
    }
}

/// The delimiter; an empty one is none.
pub(super) fn delimiter(ask: &Ask<'_>) -> Option<String> {
    let delimiter = ask.head.query("delimiter")?;
    (!delimiter.is_empty()).then(|| delimiter.to_owned())
}

fn after_1(ask: &Ask<'_>) -> Option<Position> {
    let marker = ask.head.query("marker").filter(|text| !text.is_empty());
    marker.map(Position::after)
}

/// A token is the last name of the page before.
fn after_2(ask: &Ask<'_>) -> Result<Option<Position>, Fault> {
    if let Some(token) = ask.head.query("continuation-token") {
        let wrong = || bad("The continuation token provided is incorrect");
        let name = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        let name = String::from_utf8(name).map_err(|_| wrong())?;
        return Ok(Some(Position::after(&name)));
    }
    let start_after = ask
        .head
        .query("start-after")
        .filter(|text| !text.is_empty());
    Ok(start_after.map(Position::after))
}

fn bad(message: &'static str) -> Fault {
    Fault::new(Code::InvalidArgument, message)
}
