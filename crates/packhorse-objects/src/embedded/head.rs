//! The head of a request, taken apart: which bucket, which key, which question.

use http::request::Parts;
use http::{HeaderMap, Method};

use super::fault::{Code, Fault};
use super::limits::KEY_BYTES_MAX;
use crate::uri;

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    /// As sent.
    pub(crate) path: String,
    /// As sent.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    /// Decoded; absent when the service itself is asked.
    pub(crate) bucket: Option<String>,
    /// Decoded, 1 to 1,024 bytes; absent when the bucket itself is asked.
    pub(crate) key: Option<String>,
    query: Vec<(String, String)>,
}

impl Head {
    /// Buckets stand in the path. (This store does not look for them in the host name.)
    pub(crate) fn read(parts: Parts) -> Result<Self, Fault> {
        let path = parts.uri.path().to_owned();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let (bucket, key) = split_path(&path)?;
        Ok(Self {
            method: parts.method,
            query: read_query(&raw_query)?,
            raw_query,
            headers: parts.headers,
            bucket,
            key,
            path,
        })
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter();
        let (_, value) = pairs.find(|(given, _)| given == name)?;
        Some(value)
    }

    /// Whether a parameter is there, with a value or without.
    pub(crate) fn asks(&self, name: &str) -> bool {
        self.query(name).is_some()
    }

    /// All parameters.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter that is a number of at least `min`; what is above `max` counts as `max`.
    pub(crate) fn number(
        &self,
        name: &'static str,
        (min, max): (u32, u32),
    ) -> Result<Option<u32>, Fault> {
        let Some(text) = self.query(name) else {
            return Ok(None);
        };
        let number: u64 = text.parse().map_err(|_| not_a_number(name))?;
        match u32::try_from(number.min(u64::from(max))) {
            Ok(number) if number >= min => Ok(Some(number)),
            _ => Err(not_a_number(name)),
        }
    }

    /// A header's text; one that is not ASCII counts as empty.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().unwrap_or_default())
    }
}

fn not_a_number(name: &'static str) -> Fault {
    Fault::new(
        Code::InvalidArgument,
        format!("{name} must be a number in its range"),
    )
}

fn split_path(path: &str) -> Result<(Option<String>, Option<String>), Fault> {
    let rest = path.strip_prefix('/').ok_or_else(bad_uri)?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return match key {
            "" => Ok((None, None)),
            _ => Err(Code::InvalidBucketName.into()),
        };
    }
    let bucket = uri::decode(bucket).ok_or_else(bad_uri)?;
    let key = uri::decode(key).ok_or_else(bad_uri)?;
    if key.len() > KEY_BYTES_MAX {
        return Err(Code::KeyTooLong.into());
    }
    Ok((Some(bucket), Some(key).filter(|key| !key.is_empty())))
}

fn read_query(raw: &str) -> Result<Vec<(String, String)>, Fault> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text| uri::decode_listed(text).ok_or_else(bad_uri);
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

fn bad_uri() -> Fault {
    Code::InvalidUri.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(uri: &str) -> Result<Head, Fault> {
        let request = http::Request::builder().uri(uri).body(()).unwrap();
        Head::read(request.into_parts().0)
    }

    #[test]
    fn finds_bucket_key_and_question() {
        for (uri, bucket, key) in [
            ("/", None, None),
            ("/b", Some("b"), None),
            ("/b/", Some("b"), None),
            ("/b/a%2Fb//c", Some("b"), Some("a/b//c")),
            ("/b//k", Some("b"), Some("/k")),
            ("/b/../x+y", Some("b"), Some("../x+y")),
        ] {
            let head = head(uri).unwrap();
            assert_eq!((head.bucket.as_deref(), head.key.as_deref()), (bucket, key));
        }
        let head = head("/b?uploads&prefix=a%2Bb+c").unwrap();
        assert!(head.asks("uploads"));
        assert_eq!(head.query("prefix"), Some("a+b c"));
    }

    #[test]
    fn refuses_long_keys_and_what_is_not_utf8() {
        let long = format!("/b/{}", "k".repeat(KEY_BYTES_MAX + 1));
        assert_eq!(head(&long).unwrap_err().code(), Code::KeyTooLong);
        assert_eq!(head("/b/%ff").unwrap_err().code(), Code::InvalidUri);
        assert_eq!(head("//k").unwrap_err().code(), Code::InvalidBucketName);
    }

    #[test]
    fn numbers_have_a_range() {
        let head = head("/b?max-keys=5000&x=-1&y=0").unwrap();
        assert_eq!(head.number("max-keys", (0, 1000)).unwrap(), Some(1000));
        assert!(head.number("x", (0, 1000)).is_err());
        assert!(head.number("y", (1, 1000)).is_err());
        assert_eq!(head.number("z", (0, 1000)).unwrap(), None);
    }
}
