//! ListObjectsV2, page by page.

use http::Method;

use super::call::Call;
use super::object::unquoted;
use super::{Client, Error, Etag};
use crate::uri;
use crate::xml::Element;

/// Which keys to list; all by default.
#[derive(Clone, Debug, Default)]
pub struct ListObjects {
    /// Only keys that begin so.
    pub prefix: String,
    /// Keys are rolled up at the first of these after the prefix.
    pub delimiter: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// From [`ListPage::next`] of the page before.
    pub continuation_token: Option<String>,
    /// Keys of one page; stores give 1,000 at most.
    pub max_keys: Option<u32>,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key, exactly.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// Its ETag.
    pub etag: Etag,
    /// As the store writes it.
    pub last_modified: String,
}

/// One page of a listing, in the order of the keys' UTF-8 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// Objects.
    pub objects: Vec<ListedObject>,
    /// Rolled-up prefixes, with the delimiter at their end.
    pub common_prefixes: Vec<String>,
    /// Asks for the page after this; `None` on the last.
    pub next: Option<String>,
}

impl Client {
    /// One page of a bucket's keys.
    pub async fn list_objects(
        &self,
        bucket: &str,
        wanted: &ListObjects,
    ) -> Result<ListPage, Error> {
        let mut call = Call::on_bucket(Method::GET, bucket);
        if let Some(token) = &wanted.continuation_token {
            call.query("continuation-token", token);
        }
        if let Some(delimiter) = &wanted.delimiter {
            call.query("delimiter", delimiter);
        }
        call.query("encoding-type", "url");
        call.query("list-type", "2");
        if let Some(max_keys) = wanted.max_keys {
            call.query("max-keys", &max_keys.to_string());
        }
        if !wanted.prefix.is_empty() {
            call.query("prefix", &wanted.prefix);
        }
        if let Some(start_after) = &wanted.start_after {
            call.query("start-after", start_after);
        }
        page(&self.send_for_xml(call).await?)
    }
}

fn page(root: &Element) -> Result<ListPage, Error> {
    let names = Names::of(root);
    let mut page = ListPage::default();
    for object in root.all("Contents") {
        page.objects.push(ListedObject {
            key: names.read(required(object, "Key")?)?,
            size: number(object, "Size")?,
            etag: object.text_of("ETag").map(unquoted).unwrap_or_default(),
            last_modified: object
                .text_of("LastModified")
                .unwrap_or_default()
                .to_owned(),
        });
    }
    for prefix in root.all("CommonPrefixes") {
        let prefix = required(prefix, "Prefix")?;
        page.common_prefixes.push(names.read(prefix)?);
    }
    if is_truncated(root) {
        page.next = Some(required(root, "NextContinuationToken")?.to_owned());
    }
    Ok(page)
}

/// Keys of a listing: encoded if the store did as it was asked.
pub(super) struct Names {
    encoded: bool,
}

impl Names {
    pub(super) fn of(root: &Element) -> Self {
        Self {
            encoded: root
                .text_of("EncodingType")
                .is_some_and(|kind| kind.eq_ignore_ascii_case("url")),
        }
    }

    pub(super) fn read(&self, text: &str) -> Result<String, Error> {
        if !self.encoded {
            return Ok(text.to_owned());
        }
        uri::decode_listed(text).ok_or_else(|| Error::Protocol("a key is not UTF-8".to_owned()))
    }
}

pub(super) fn is_truncated(root: &Element) -> bool {
    root.text_of("IsTruncated") == Some("true")
}

pub(super) fn required<'a>(element: &'a Element, name: &'static str) -> Result<&'a str, Error> {
    element.text_of(name).ok_or_else(|| Error::missing(name))
}

pub(super) fn number<N: std::str::FromStr>(
    element: &Element,
    name: &'static str,
) -> Result<N, Error> {
    required(element, name)?
        .parse()
        .map_err(|_| Error::Protocol(format!("{name} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_page_with_encoded_keys() {
        let root = Element::parse(
            "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
             <NextContinuationToken>t</NextContinuationToken>\
             <Contents><Key>a+b%2B%C3%BC</Key><Size>7</Size><ETag>&quot;e&quot;</ETag>\
             <LastModified>2011-01-01T00:00:00.000Z</LastModified></Contents>\
             <CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes></ListBucketResult>",
        )
        .unwrap();
        let page = page(&root).unwrap();
        assert_eq!(page.objects[0].key, "a b+ü");
        assert_eq!(page.objects[0].size, 7);
        assert_eq!(page.objects[0].etag, "e");
        assert_eq!(page.common_prefixes, ["x/"]);
        assert_eq!(page.next.as_deref(), Some("t"));
    }

    #[test]
    fn a_truncated_page_without_a_way_on_is_an_error() {
        let root = Element::parse("<L><IsTruncated>true</IsTruncated></L>").unwrap();
        assert!(page(&root).is_err());
    }
}
