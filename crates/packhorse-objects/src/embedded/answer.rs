//! Answers: status, headers, body.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, LAST_MODIFIED};
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;

use super::attributes::Attributes;
use super::checksum::Checksum;
use super::fault::Fault;
use super::index::objects::Object;
use super::outlet::AnswerBody;
use crate::xml::Writer;

pub(crate) type Answer = Response<AnswerBody>;

/// What S3 documents are in.
const NAMESPACE: &str = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// A status and nothing more.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(AnswerBody::empty());
    *answer.status_mut() = status;
    answer
}

/// 200 with a document that is written already.
pub(crate) fn document(text: String) -> Answer {
    let mut answer = Response::new(AnswerBody::from(text));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

/// 200 with a document.
pub(crate) fn xml(root: &str, write: impl FnOnce(&mut Writer)) -> Answer {
    let mut writer = Writer::new();
    writer.with_attributes(root, NAMESPACE, write);
    document(writer.finish())
}

/// Sets a header whose value this store made itself.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// An ETag with its quotes.
pub(crate) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// Writes the checksum and its kind.
pub(crate) fn checksum_headers(headers: &mut HeaderMap, checksum: &Checksum) {
    let name = HeaderName::from_static(checksum.algorithm.header());
    set(headers, name, &checksum.value);
    let kind = HeaderName::from_static("x-amz-checksum-type");
    set(headers, kind, checksum.coverage.name());
}

/// The same in a document.
pub(crate) fn checksum_elements(xml: &mut Writer, checksum: &Checksum) {
    xml.text(checksum.algorithm.element(), &checksum.value);
    xml.text("ChecksumType", checksum.coverage.name());
}

/// Writes what is said of an object wherever it is named.
pub(crate) fn object_headers(headers: &mut HeaderMap, object: &Object) -> Result<(), Fault> {
    let attributes: &Attributes = &object.attributes;
    attributes.write(headers);
    set(headers, http::header::ETAG, &quoted(&object.etag));
    set(headers, LAST_MODIFIED, &http_date(object.modified)?);
    set(headers, http::header::ACCEPT_RANGES, "bytes");
    Ok(())
}

/// `Thu, 01 Dec 1994 16:00:00 GMT`
pub(crate) fn http_date(milliseconds: i64) -> Result<String, Fault> {
    let at = Timestamp::from_millisecond(milliseconds).map_err(Fault::internal)?;
    Ok(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// `1994-12-01T16:00:00.000Z`
pub(crate) fn iso_date(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_http_and_of_xml() {
        let at = 786_297_600_000;
        assert_eq!(http_date(at).unwrap(), "Thu, 01 Dec 1994 16:00:00 GMT");
        assert_eq!(iso_date(at), "1994-12-01T16:00:00.000Z");
        assert_eq!(iso_date(at + 7), "1994-12-01T16:00:00.007Z");
    }
}
