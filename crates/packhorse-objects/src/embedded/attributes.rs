//! What an object keeps beside its bytes: headers, user metadata, ACL, storage class, checksum.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::acl::CannedAcl;
use super::checksum::Checksum;
use super::fault::{Code, Fault};

/// AWS's limit for names and values of user metadata together.
const USER_METADATA_BYTES_MAX: usize = 2048;
const USER_METADATA: &str = "x-amz-meta-";
const WEBSITE_REDIRECT: HeaderName = HeaderName::from_static("x-amz-website-redirect-location");
/// Given to an object that came without one.
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";
pub(crate) const STANDARD: &str = "STANDARD";
/// All bytes are kept alike; the class is only remembered.
const STORAGE_CLASSES: [&str; 10] = [
    STANDARD,
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "GLACIER_IR",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "EXPRESS_ONEZONE",
];
/// What could not be honoured is refused, not forgotten.
const REFUSED_PREFIXES: [&str; 4] = [
    "x-amz-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-grant-",
    "x-amz-tagging",
];

/// The attributes of an object. Header values are kept byte by byte, as characters below 256.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) acl: CannedAcl,
    pub(crate) storage_class: Option<String>,
    pub(crate) checksum: Option<Checksum>,
}

impl Attributes {
    /// Takes the attributes of a new object from the request that makes it.
    pub(crate) fn of_request(headers: &HeaderMap) -> Result<Self, Fault> {
        refuse_unsupported(headers)?;
        Ok(Self {
            headers: kept_headers(headers)?,
            acl: acl_of_request(headers)?,
            storage_class: storage_class(headers)?,
            checksum: None,
        })
    }

    /// Writes them into an answer.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            let bytes: Vec<u8> = value.chars().map(|c| c as u8).collect();
            let name = HeaderName::try_from(name.as_str());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&bytes)) {
                headers.insert(name, value);
            }
        }
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static(CONTENT_TYPE_DEFAULT));
        if let Some(class) = &self.storage_class
            && let Ok(value) = HeaderValue::from_str(class)
        {
            headers.insert("x-amz-storage-class", value);
        }
    }

    /// For listings.
    pub(crate) fn storage_class(&self) -> &str {
        self.storage_class.as_deref().unwrap_or(STANDARD)
    }
}

/// The ACL that a request sets; private when it says nothing.
pub(crate) fn acl_of_request(headers: &HeaderMap) -> Result<CannedAcl, Fault> {
    match headers.get("x-amz-acl") {
        Some(value) => CannedAcl::parse(value.to_str().unwrap_or_default()),
        None => Ok(CannedAcl::Private),
    }
}

fn refuse_unsupported(headers: &HeaderMap) -> Result<(), Fault> {
    let refused = |name: &str| REFUSED_PREFIXES.iter().any(|start| name.starts_with(start));
    match headers.keys().find(|name| refused(name.as_str())) {
        Some(name) => Err(Fault::new(
            Code::NotImplemented,
            format!("this store does not support {name}"),
        )),
        None => Ok(()),
    }
}

fn kept_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, Fault> {
    let mut kept = Vec::new();
    for name in [
        CONTENT_TYPE,
        CACHE_CONTROL,
        CONTENT_DISPOSITION,
        CONTENT_LANGUAGE,
        EXPIRES,
        WEBSITE_REDIRECT,
    ] {
        if let Some(value) = headers.get(&name) {
            kept.push((name.as_str().to_owned(), characters(value.as_bytes())));
        }
    }
    if let Some(encoding) = content_encoding(headers) {
        kept.push((CONTENT_ENCODING.as_str().to_owned(), encoding));
    }
    let mut bytes = 0;
    for name in headers.keys() {
        let Some(short) = name.as_str().strip_prefix(USER_METADATA) else {
            continue;
        };
        // AWS joins a name that is given twice.
        let values: Vec<&[u8]> = headers.get_all(name).iter().map(|v| v.as_bytes()).collect();
        let value = characters(&values.join(&b','));
        bytes += short.len() + value.chars().count();
        kept.push((name.as_str().to_owned(), value));
    }
    if bytes > USER_METADATA_BYTES_MAX {
        return Err(Code::MetadataTooLarge.into());
    }
    Ok(kept)
}

/// `aws-chunked` is how the body travelled, not what the object is.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let encodings: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .map(|value| characters(value.as_bytes()))
        .collect();
    let joined = encodings.join(",");
    let kept: Vec<&str> = joined
        .split(',')
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn storage_class(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    let Some(value) = headers.get("x-amz-storage-class") else {
        return Ok(None);
    };
    let class = value.to_str().unwrap_or_default();
    if !STORAGE_CLASSES.contains(&class) {
        return Err(Code::InvalidStorageClass.into());
    }
    Ok((class != STANDARD).then(|| class.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn gives_back_what_it_took_byte_by_byte() {
        let sent = headers(&[
            ("content-type", b"text/plain"),
            ("content-encoding", b"aws-chunked,gzip"),
            ("x-amz-meta-name", "Zoë".as_bytes()),
            ("x-amz-storage-class", b"STANDARD_IA"),
            ("host", b"ignored"),
        ]);
        let attributes = Attributes::of_request(&sent).unwrap();
        let stored = serde_json::to_string(&attributes).unwrap();
        let attributes: Attributes = serde_json::from_str(&stored).unwrap();
        let mut answer = HeaderMap::new();
        attributes.write(&mut answer);
        assert_eq!(answer["content-encoding"], "gzip");
        assert_eq!(answer["x-amz-meta-name"].as_bytes(), "Zoë".as_bytes());
        assert_eq!(answer["x-amz-storage-class"], "STANDARD_IA");
        assert!(!answer.contains_key("host"));
    }

    #[test]
    fn refuses_what_it_could_not_honour() {
        let long = vec![b'x'; USER_METADATA_BYTES_MAX];
        for (name, value, code) in [
            ("x-amz-meta-a", long.as_slice(), Code::MetadataTooLarge),
            ("x-amz-storage-class", b"COLD", Code::InvalidStorageClass),
            ("x-amz-acl", b"everybody", Code::InvalidArgument),
            (
                "x-amz-server-side-encryption",
                b"AES256",
                Code::NotImplemented,
            ),
            ("x-amz-tagging", b"a=b", Code::NotImplemented),
        ] {
            let fault = Attributes::of_request(&headers(&[(name, value)])).unwrap_err();
            assert_eq!(fault.code(), code, "{name}");
        }
    }
}
