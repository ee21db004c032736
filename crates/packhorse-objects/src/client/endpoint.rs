//! Where a bucket and key are: path style or bucket in the host name.

use http::Uri;
use http::uri::Scheme;
use packhorse_core::bucket::BucketName;
use packhorse_wire::desk::ObjectStore;

use super::Error;
use crate::uri;

/// A store's address, taken apart once.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    scheme: Scheme,
    /// Host and port as they stand in `Host`.
    authority: String,
    path_style: bool,
}

/// Where one request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Value of `Host`.
    pub(super) host: String,
    /// Encoded path, exactly as sent and signed.
    pub(super) path: String,
}

impl Endpoint {
    pub(super) fn parse(store: &ObjectStore) -> Result<Self, Error> {
        let uri: Uri = store
            .endpoint
            .parse()
            .map_err(|_| Error::Endpoint("not an address"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::HTTP,
            Some("https") => Scheme::HTTPS,
            _ => {
                return Err(Error::Endpoint(
                    "it starts with neither http:// nor https://",
                ));
            }
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(Error::Endpoint("nothing may follow host and port"));
        }
        let authority = uri.authority().ok_or(Error::Endpoint("no host"))?;
        if authority.as_str().contains('@') {
            return Err(Error::Endpoint("credentials do not belong into an address"));
        }
        let default_port = if scheme == Scheme::HTTP { 80 } else { 443 };
        let authority = match authority.port_u16() {
            // HTTP clients leave the default port out of `Host`, and `Host` is signed.
            Some(port) if port == default_port => authority.host().to_owned(),
            _ => authority.as_str().to_owned(),
        };
        Ok(Self {
            scheme,
            authority,
            path_style: store.path_style,
        })
    }

    /// The service itself (ListBuckets).
    pub(super) fn service(&self) -> Target {
        Target {
            host: self.authority.clone(),
            path: "/".to_owned(),
        }
    }

    /// A bucket, or with a key an object in it.
    pub(super) fn bucket(&self, bucket: &str, key: Option<&str>) -> Result<Target, Error> {
        if bucket.is_empty() {
            return Err(unsendable("the bucket name", "it is empty"));
        }
        if key == Some("") {
            return Err(unsendable("the key", "it is empty"));
        }
        let in_host = !self.path_style && self.fits_in_host(bucket);
        let mut path = String::with_capacity(2 + bucket.len() + key.map_or(0, str::len));
        path.push('/');
        if !in_host {
            uri::encode_query(bucket, &mut path);
        }
        if let Some(key) = key {
            if !in_host {
                path.push('/');
            }
            uri::encode_path(key, &mut path);
        }
        let host = if in_host {
            format!("{bucket}.{}", self.authority)
        } else {
            self.authority.clone()
        };
        Ok(Target { host, path })
    }

    /// The address of a target, with its query.
    pub(super) fn uri(&self, target: &Target, query: &str) -> Result<Uri, Error> {
        let path_and_query = if query.is_empty() {
            target.path.clone()
        } else {
            format!("{}?{query}", target.path)
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(target.host.as_str())
            .path_and_query(path_and_query)
            .build()
            .map_err(|_| unsendable("the key", "it is too long for an address"))
    }

    /// A certificate for `*.host` covers no bucket with a dot in its name.
    fn fits_in_host(&self, bucket: &str) -> bool {
        BucketName::parse(bucket).is_ok_and(|name| name.is_dns_compatible())
            && (self.scheme == Scheme::HTTP || !bucket.contains('.'))
    }
}

fn unsendable(what: &str, reason: &'static str) -> Error {
    Error::Unsendable {
        what: what.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: &str, path_style: bool) -> Result<Endpoint, Error> {
        Endpoint::parse(&ObjectStore {
            endpoint: address.to_owned(),
            region: "us-east-1".to_owned(),
            path_style,
        })
    }

    #[test]
    fn puts_the_bucket_into_the_path_or_the_host() {
        for (address, path_style, bucket, key, host, path) in [
            ("http://h:9000", true, "b-1", Some("k"), "h:9000", "/b-1/k"),
            ("http://h:9000/", true, "b-1", None, "h:9000", "/b-1"),
            ("https://h:443", false, "b-1", Some("/k"), "b-1.h", "//k"),
            ("https://h", false, "b-1", None, "b-1.h", "/"),
            ("https://h", false, "b.1", Some("k"), "h", "/b.1/k"),
            ("http://h:80", false, "B_1", Some("../x"), "h", "/B_1/../x"),
        ] {
            let target = endpoint(address, path_style).unwrap();
            let target = target.bucket(bucket, key).unwrap();
            assert_eq!((target.host.as_str(), target.path.as_str()), (host, path));
        }
    }

    #[test]
    fn refuses_what_is_no_endpoint() {
        for address in [
            "",
            "h:9000",
            "ftp://h",
            "http://h/p",
            "http://h/?q",
            "http://u:p@h",
        ] {
            assert!(endpoint(address, true).is_err(), "{address}");
        }
        let endpoint = endpoint("http://h", true).unwrap();
        assert!(endpoint.bucket("", None).is_err());
        assert!(endpoint.bucket("b", Some("")).is_err());
    }
}
