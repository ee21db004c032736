//! What an object carries beside its bytes, as headers.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use packhorse_core::manifest::{CannedAcl, Extensions, ObjectHeaders, StorageClass, Word as _};
use packhorse_wire::percent::encode_component;

use super::Error;
use crate::encoded_word;

const METADATA_PREFIX: &str = "x-amz-meta-";

/// The headers and user metadata of an object.
///
/// Header fields must be printable ASCII. User metadata may be any text: what is not plain ASCII is
/// sent as RFC 2047 encoded words, the form in which the original service gives such values back,
/// and decoded again on the way in. Names of user metadata must be header names; stores make them
/// lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectMeta {
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Content-Encoding`
    pub content_encoding: Option<String>,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Expires`, an HTTP date (not checked).
    pub expires: Option<String>,
    /// Canned ACL. Stores take it and never tell it with the object.
    pub acl: Option<String>,
    /// `STANDARD_IA`, …; absent means STANDARD.
    pub storage_class: Option<String>,
    /// `AES256` or `aws:kms`.
    pub server_side_encryption: Option<String>,
    /// Names without `x-amz-meta-`, and values.
    pub metadata: Vec<(String, String)>,
    /// Tags, any text. Stores take them with an object and tell them only when asked for them.
    pub tags: Vec<(String, String)>,
}

const ACL: HeaderName = HeaderName::from_static("x-amz-acl");
const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-amz-storage-class");
pub(super) const ENCRYPTION: HeaderName = HeaderName::from_static("x-amz-server-side-encryption");

const TAGGING: HeaderName = HeaderName::from_static("x-amz-tagging");

impl ObjectMeta {
    /// What every object of a job gets, whatever its file is.
    pub fn of_job(headers: &ObjectHeaders, extensions: &Extensions) -> Self {
        Self {
            content_type: None,
            content_encoding: None,
            cache_control: headers.cache_control.clone(),
            content_disposition: headers.content_disposition.clone(),
            content_language: headers.content_language.clone(),
            expires: headers.expires.clone(),
            // What is the store's default is not asked for: some stores refuse the header itself.
            acl: (headers.acl != CannedAcl::Private).then(|| headers.acl.code().to_owned()),
            storage_class: (headers.storage_class != StorageClass::Standard)
                .then(|| headers.storage_class.code().to_owned()),
            server_side_encryption: extensions
                .server_side_encryption
                .map(|encryption| encryption.code().to_owned()),
            metadata: headers.static_metadata.clone(),
            tags: Vec::new(),
        }
    }

    fn fields(&self) -> [(HeaderName, &Option<String>); 9] {
        [
            (CONTENT_TYPE, &self.content_type),
            (CONTENT_ENCODING, &self.content_encoding),
            (CACHE_CONTROL, &self.cache_control),
            (CONTENT_DISPOSITION, &self.content_disposition),
            (CONTENT_LANGUAGE, &self.content_language),
            (EXPIRES, &self.expires),
            (ACL, &self.acl),
            (STORAGE_CLASS, &self.storage_class),
            (ENCRYPTION, &self.server_side_encryption),
        ]
    }

    /// The headers as they are sent, in the order of their names.
    pub fn headers(&self) -> Result<Vec<(String, String)>, Error> {
        let mut map = HeaderMap::new();
        self.write(&mut map)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut headers: Vec<_> = map
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        headers.sort();
        Ok(headers)
    }

    /// Adds the headers to a request.
    pub(super) fn write(&self, headers: &mut HeaderMap) -> Result<(), Error> {
        for (name, value) in self.fields() {
            if let Some(value) = value {
                let value = header_value(name.as_str(), value)?;
                headers.insert(name, value);
            }
        }
        for (name, value) in &self.metadata {
            let full = format!("{METADATA_PREFIX}{name}");
            let name = HeaderName::from_bytes(full.as_bytes())
                .ok()
                .filter(|_| !name.is_empty())
                .ok_or_else(|| unsendable(&full, "it is not a header name"))?;
            let value = header_value(&full, &encoded_word::encode(value))?;
            if headers.insert(name, value).is_some() {
                return Err(unsendable(&full, "it is given twice"));
            }
        }
        if !self.tags.is_empty() {
            let pair = |(name, value): &(String, String)| {
                let [name, value] = [name, value].map(|text| encode_component(text.as_bytes()));
                format!("{name}={value}")
            };
            let pairs: Vec<_> = self.tags.iter().map(pair).collect();
            headers.insert(TAGGING, header_value(TAGGING.as_str(), &pairs.join("&"))?);
        }
        Ok(())
    }

    /// Reads the headers of an answer.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).map(header_text);
        Self {
            content_type: text(CONTENT_TYPE),
            content_encoding: text(CONTENT_ENCODING),
            cache_control: text(CACHE_CONTROL),
            content_disposition: text(CONTENT_DISPOSITION),
            content_language: text(CONTENT_LANGUAGE),
            expires: text(EXPIRES),
            acl: text(ACL),
            storage_class: text(STORAGE_CLASS),
            server_side_encryption: text(ENCRYPTION),
            metadata: headers
                .iter()
                .filter_map(|(name, value)| {
                    let name = name.as_str().strip_prefix(METADATA_PREFIX)?;
                    Some((name.to_owned(), encoded_word::decode(&header_text(value))))
                })
                .collect(),
            tags: Vec::new(),
        }
    }
}

/// A value that every signer reads alike: no space at either end, none doubled.
fn header_value(name: &str, text: &str) -> Result<HeaderValue, Error> {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(unsendable(name, "it is not printable ASCII"));
    }
    if text.trim() != text {
        return Err(unsendable(name, "it begins or ends with a space"));
    }
    HeaderValue::from_str(text).map_err(|_| unsendable(name, "it is not a header value"))
}

/// Stores should send ASCII; some send UTF-8 as it was given to them.
fn header_text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn unsendable(header: &str, reason: &'static str) -> Error {
    Error::Unsendable {
        what: format!("the header {header:?}"),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_wrote() {
        let meta = ObjectMeta {
            content_type: Some("text/plain; charset=utf-8".to_owned()),
            expires: Some("Thu, 01 Dec 1994 16:00:00 GMT".to_owned()),
            storage_class: Some("STANDARD_IA".to_owned()),
            metadata: vec![("owner".to_owned(), "Zoë  ".to_owned())],
            ..ObjectMeta::default()
        };
        let mut headers = HeaderMap::new();
        meta.write(&mut headers).unwrap();
        assert_eq!(ObjectMeta::read(&headers), meta);
        assert_eq!(headers["x-amz-meta-owner"], "=?UTF-8?B?Wm/DqyAg?=");
    }

    #[test]
    fn tags_are_written_as_a_query_is() {
        let tags = [("a b", "c&d=é"), ("empty", "")];
        let meta = ObjectMeta {
            tags: tags.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
            ..ObjectMeta::default()
        };
        let mut headers = HeaderMap::new();
        meta.write(&mut headers).unwrap();
        assert_eq!(headers["x-amz-tagging"], "a%20b=c%26d%3D%C3%A9&empty=");
    }

    #[test]
    fn refuses_what_is_no_header() {
        let with = |metadata: &[(&str, &str)], content_type: &str| ObjectMeta {
            content_type: Some(content_type.to_owned()),
            metadata: metadata
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..ObjectMeta::default()
        };
        for meta in [
            with(&[], "text/plain\r\nx: y"),
            with(&[], "tëxt"),
            with(&[], " text"),
            with(&[("a b", "")], "text/plain"),
            with(&[("", "")], "text/plain"),
            with(&[("a", "1"), ("A", "2")], "text/plain"),
        ] {
            let error = meta.write(&mut HeaderMap::new()).unwrap_err();
            assert!(matches!(error, Error::Unsendable { .. }), "{error}");
        }
    }
}
