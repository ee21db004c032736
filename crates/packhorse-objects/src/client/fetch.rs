//! Reading objects for good: with everything that the store can say of them.

use http::header::{CONTENT_LENGTH, HeaderMap, IF_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderName, Method};

use super::call::Call;
use super::object::{etag_is_md5, etag_of, text, whole_size};
use super::{Body, Client, Error, ObjectMeta};
use crate::digest::Claims;

const CHECKSUM_MODE: &str = "x-amz-checksum-mode";
const CHECKSUM_TYPE: HeaderName = HeaderName::from_static("x-amz-checksum-type");
const VERSION: HeaderName = HeaderName::from_static("x-amz-version-id");
const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-amz-tagging-count");
const PARTS_COUNT: HeaderName = HeaderName::from_static("x-amz-mp-parts-count");
/// What stores without versions may call the only one.
const NO_VERSION: &str = "null";

/// What a store says of an object.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Of its bytes.
    pub claims: Claims,
    /// Headers and user metadata.
    pub meta: ObjectMeta,
    /// `Last-Modified`, as the store writes it.
    pub last_modified: Option<String>,
    /// Of a bucket with versions.
    pub version: Option<String>,
    /// How many tags it has.
    pub tags: u32,
    /// Bytes of the part that was asked for, if the store knows parts.
    pub part_bytes: Option<u64>,
}

impl Client {
    /// Fetches an object, or the bytes `first..=last` of it. With `if_match`, 412
    /// `PreconditionFailed` when the object is another one by now.
    pub async fn fetch(
        &self,
        bucket: &str,
        key: &str,
        range: Option<(u64, u64)>,
        if_match: Option<&str>,
    ) -> Result<(Facts, Body), Error> {
        let mut call = Call::on_object(Method::GET, bucket, key);
        match range {
            Some((first, last)) => call.text_header(RANGE, &format!("bytes={first}-{last}"))?,
            None => call.constant_header(CHECKSUM_MODE, "ENABLED"),
        }
        if let Some(etag) = if_match {
            call.text_header(IF_MATCH, &format!("\"{etag}\""))?;
        }
        let answer = self.send(call).await?;
        let facts = facts(answer.headers())?;
        Ok((facts, Body::new(answer.into_body())))
    }

    /// The same without the bytes; of the whole object, or of one of its parts.
    pub async fn examine(
        &self,
        bucket: &str,
        key: &str,
        part: Option<u32>,
    ) -> Result<Facts, Error> {
        let mut call = Call::on_object(Method::HEAD, bucket, key);
        match part {
            Some(number) => call.query("partNumber", &number.to_string()),
            None => call.constant_header(CHECKSUM_MODE, "ENABLED"),
        }
        facts(self.send(call).await?.headers())
    }

    /// An object's tags.
    pub async fn object_tags(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut call = Call::on_object(Method::GET, bucket, key);
        call.query("tagging", "");
        let root = self.send_for_xml(call).await?;
        let set = root
            .child("TagSet")
            .ok_or_else(|| Error::missing("TagSet"))?;
        let part =
            |tag: &crate::xml::Element, name| tag.text_of(name).unwrap_or_default().to_owned();
        Ok(set
            .all("Tag")
            .map(|tag| (part(tag, "Key"), part(tag, "Value")))
            .collect())
    }
}

fn facts(headers: &HeaderMap) -> Result<Facts, Error> {
    let owned = |name: &HeaderName| text(headers, name).map(str::to_owned);
    let number = |name: &HeaderName| text(headers, name).and_then(|text| text.parse().ok());
    let etag = etag_of(headers)?;
    let has_parts = headers.contains_key(PARTS_COUNT);
    let length = text(headers, &CONTENT_LENGTH).and_then(|text| text.parse().ok());
    Ok(Facts {
        claims: Claims {
            size: whole_size(headers).ok_or_else(|| Error::missing("Content-Length"))?,
            etag_is_md5: is_made_of_md5(headers, &etag),
            etag,
            checksums: checksums(headers),
        },
        meta: ObjectMeta::read(headers),
        last_modified: owned(&LAST_MODIFIED),
        version: owned(&VERSION).filter(|version| version != NO_VERSION),
        tags: number(&TAGGING_COUNT).unwrap_or_default(),
        part_bytes: length.filter(|_| has_parts),
    })
}

/// Of one piece or of parts: what stands before the hyphen is an MD5.
fn is_made_of_md5(headers: &HeaderMap, etag: &str) -> bool {
    let md5 = etag.split_once('-').map_or(etag, |(md5, _)| md5);
    etag_is_md5(headers, md5)
}

/// Checksums of the whole object; those of parts end with a hyphen and a number.
fn checksums(headers: &HeaderMap) -> Vec<(String, String)> {
    if text(headers, &CHECKSUM_TYPE).is_some_and(|kind| kind.eq_ignore_ascii_case("COMPOSITE")) {
        return Vec::new();
    }
    let given = Claims::names().filter_map(|name| {
        let header = HeaderName::from_bytes(format!("x-amz-checksum-{name}").as_bytes()).ok()?;
        let value = text(headers, &header).filter(|value| !value.contains('-'))?;
        Some((name.to_owned(), value.to_owned()))
    });
    given.collect()
}
