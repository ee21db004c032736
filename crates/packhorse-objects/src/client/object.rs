//! Requests about one object.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, ETAG, HeaderMap, IF_NONE_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderName, HeaderValue, Method};

use super::call::{Call, content_md5};
use super::meta::ENCRYPTION;
use super::{Body, Client, Error, ObjectMeta};
use crate::digest::BodyDigest;

/// An ETag without its quotes.
pub type Etag = String;

/// What a store says of an object without sending it.
#[derive(Clone, Debug)]
pub struct ObjectInfo {
    /// Bytes of the whole object.
    pub size: u64,
    /// Its ETag.
    pub etag: Etag,
    /// `Last-Modified`, as the store writes it.
    pub last_modified: Option<String>,
    /// Its headers and user metadata.
    pub meta: ObjectMeta,
}

/// An object or a range of it, on its way.
#[derive(Debug)]
pub struct GetObject {
    /// Headers and user metadata.
    pub meta: ObjectMeta,
    /// Bytes of the whole object, also when a range was asked for.
    pub size: u64,
    /// Its ETag.
    pub etag: Etag,
    /// The bytes.
    pub body: Body,
}

pub(super) const CHECKSUM_CRC32C: HeaderName = HeaderName::from_static("x-amz-checksum-crc32c");
const CUSTOMER_KEY_ALGORITHM: HeaderName =
    HeaderName::from_static("x-amz-server-side-encryption-customer-algorithm");
const CONTENT_RANGE: HeaderName = http::header::CONTENT_RANGE;

impl Client {
    /// Stores an object in one piece. The store refuses a body that does not match `digest`; its
    /// answer is compared with `digest` again, and [`Error::Corrupted`] when it does not match.
    pub async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        meta: &ObjectMeta,
        body: Bytes,
        digest: &BodyDigest,
    ) -> Result<Etag, Error> {
        let mut call = Call::on_object(Method::PUT, bucket, key);
        meta.write(&mut call.headers)?;
        self.send_body(call, body, digest).await
    }

    /// The same, unless the key is taken: then the store answers 412 `PreconditionFailed`. (A store
    /// that does not know conditional requests overwrites.)
    pub async fn put_object_if_absent(
        &self,
        bucket: &str,
        key: &str,
        meta: &ObjectMeta,
        body: Bytes,
        digest: &BodyDigest,
    ) -> Result<Etag, Error> {
        let mut call = Call::on_object(Method::PUT, bucket, key);
        meta.write(&mut call.headers)?;
        call.header(IF_NONE_MATCH, HeaderValue::from_static("*"));
        self.send_body(call, body, digest).await
    }

    /// Sends a body with its digests and checks what the store confirms.
    pub(super) async fn send_body(
        &self,
        mut call: Call<'_>,
        body: Bytes,
        digest: &BodyDigest,
    ) -> Result<Etag, Error> {
        content_md5(&mut call.headers, digest);
        call.text_header(CHECKSUM_CRC32C, &digest.checksum_crc32c())?;
        call.body = body;
        let answer = self.send(call).await?;
        let confirmed = confirmed(answer.headers(), digest);
        self.discard(answer).await?;
        confirmed
    }

    /// Fetches an object, or the bytes `first..=last` of it.
    pub async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        range: Option<(u64, u64)>,
    ) -> Result<GetObject, Error> {
        let mut call = Call::on_object(Method::GET, bucket, key);
        if let Some((first, last)) = range {
            call.text_header(RANGE, &format!("bytes={first}-{last}"))?;
        }
        let answer = self.send(call).await?;
        let headers = answer.headers();
        Ok(GetObject {
            meta: ObjectMeta::read(headers),
            size: whole_size(headers).ok_or_else(|| Error::missing("Content-Length"))?,
            etag: etag_of(headers)?,
            body: Body::new(answer.into_body()),
        })
    }

    /// Asks about an object without fetching it; 404 `NotFound` when it is not there.
    pub async fn head_object(&self, bucket: &str, key: &str) -> Result<ObjectInfo, Error> {
        let answer = self
            .send(Call::on_object(Method::HEAD, bucket, key))
            .await?;
        let headers = answer.headers();
        Ok(ObjectInfo {
            size: whole_size(headers).ok_or_else(|| Error::missing("Content-Length"))?,
            etag: etag_of(headers)?,
            last_modified: text(headers, &LAST_MODIFIED).map(str::to_owned),
            meta: ObjectMeta::read(headers),
        })
    }

    /// Removes an object. One that is not there counts as removed.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> Result<(), Error> {
        self.send_for_nothing(Call::on_object(Method::DELETE, bucket, key))
            .await
    }
}

/// The ETag of an answer to a body that was sent, if everything in it agrees with `digest`.
///
/// The ETag is the body's MD5 unless the object is encrypted with a key from outside. An ETag of
/// another shape says nothing: the store has checked `Content-MD5` before it answered.
fn confirmed(headers: &HeaderMap, digest: &BodyDigest) -> Result<Etag, Error> {
    if let Some(got) = text(headers, &CHECKSUM_CRC32C) {
        compare(&digest.checksum_crc32c(), got)?;
    }
    let etag = etag_of(headers)?;
    if etag_is_md5(headers, &etag) {
        compare(&digest.etag(), &etag)?;
    }
    Ok(etag)
}

pub(super) fn etag_is_md5(headers: &HeaderMap, etag: &str) -> bool {
    let foreign_key = headers.contains_key(CUSTOMER_KEY_ALGORITHM)
        || text(headers, &ENCRYPTION).is_some_and(|kind| kind.starts_with("aws:kms"));
    !foreign_key && etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn compare(expected: &str, got: &str) -> Result<(), Error> {
    if expected.eq_ignore_ascii_case(got) {
        return Ok(());
    }
    Err(Error::Corrupted {
        expected: expected.to_owned(),
        got: got.to_owned(),
    })
}

pub(super) fn etag_of(headers: &HeaderMap) -> Result<Etag, Error> {
    text(headers, &ETAG)
        .map(unquoted)
        .filter(|etag| !etag.is_empty())
        .ok_or_else(|| Error::missing("ETag"))
}

/// An ETag without its quotes.
pub(super) fn unquoted(etag: &str) -> Etag {
    etag.trim().trim_matches('"').to_owned()
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `Content-Range: bytes 0-9/100` or `Content-Length: 100`.
pub(super) fn whole_size(headers: &HeaderMap) -> Option<u64> {
    let size = match text(headers, &CONTENT_RANGE) {
        Some(range) => range.rsplit_once('/')?.1,
        None => text(headers, &CONTENT_LENGTH)?,
    };
    size.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn takes_an_answer_only_if_all_of_it_agrees() {
        let digest = BodyDigest::of(b"123456789");
        let etag = "\"25f9e794323b453885f5181f1b624d0b\"";
        let other = "\"25f9e794323b453885f5181f1b624d0c\"";
        let sum = "x-amz-checksum-crc32c";
        let kms = ("x-amz-server-side-encryption", "aws:kms");
        for (fields, taken) in [
            (vec![("etag", etag)], true),
            (vec![("etag", etag), (sum, "4waSgw==")], true),
            (vec![("etag", etag), (sum, "AAAAAA==")], false),
            (vec![("etag", other)], false),
            (vec![("etag", other), kms], true),
            (vec![("etag", other), kms, (sum, "AAAAAA==")], false),
            (vec![("etag", "\"opaque\"")], true),
            (vec![], false),
        ] {
            let confirmed = confirmed(&answer(&fields), &digest);
            assert_eq!(confirmed.is_ok(), taken, "{fields:?}");
        }
    }

    #[test]
    fn the_size_of_a_range_is_that_of_the_object() {
        let range = answer(&[("content-range", "bytes 0-9/100"), ("content-length", "10")]);
        assert_eq!(whole_size(&range), Some(100));
        assert_eq!(whole_size(&answer(&[("content-length", "10")])), Some(10));
        assert_eq!(
            whole_size(&answer(&[("content-range", "bytes 0-9/*")])),
            None
        );
    }
}
