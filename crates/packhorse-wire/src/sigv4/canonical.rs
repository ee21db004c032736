//! The canonical request: one text for all spellings of the same request.

use std::borrow::Cow;

use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};

use super::Payload;
use super::signature::hex32;
use crate::authenticate::AuthError;
use crate::{host, percent};

/// Room for a usual canonical request without growing.
const CANONICAL_BYTES_USUAL: usize = 1024;

/// In what S3 differs from every other service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The path is encoded once, and every `x-amz-*` header must be signed.
    S3,
    /// The path as sent is encoded once more.
    Query,
}

impl Dialect {
    /// The names of the service that a scope may hold.
    pub(super) fn services(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["s3"],
            // The second is what the public endpoint data says; some clients use the first.
            Self::Query => &["importexport", "IngestionService"],
        }
    }

    /// The same for people.
    pub(super) fn services_text(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Query => "importexport or IngestionService",
        }
    }
}

/// The parts of a request that a signature covers, the body aside.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// As sent, percent-encoded, without the query; empty means `/`.
    pub path: &'a str,
    /// As sent, without the question mark.
    pub query: &'a str,
    /// With `host`.
    pub headers: &'a HeaderMap,
}

/// What a client may have signed in more than one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spelling {
    /// The canonical URI.
    pub(super) path: String,
    /// In place of the value of `host`.
    pub(super) host: Option<String>,
}

impl Request<'_> {
    /// The SHA-256 of the canonical request, in hex.
    pub(super) fn digest(
        &self,
        spelling: &Spelling,
        signed_headers: &[&str],
        payload: Payload,
    ) -> Result<String, AuthError> {
        let text = self.canonical(spelling, signed_headers, payload)?;
        Ok(hex32(&Sha256::digest(&text).into()))
    }

    pub(super) fn canonical(
        &self,
        spelling: &Spelling,
        signed_headers: &[&str],
        payload: Payload,
    ) -> Result<Vec<u8>, AuthError> {
        let mut head = String::with_capacity(CANONICAL_BYTES_USUAL);
        head.push_str(self.method);
        head.push('\n');
        head.push_str(&spelling.path);
        head.push('\n');
        push_query(&mut head, self.query);
        head.push('\n');
        let mut out = head.into_bytes();
        for name in signed_headers {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            match &spelling.host {
                Some(host) if *name == HOST.as_str() => out.extend_from_slice(host.as_bytes()),
                _ => push_values(&mut out, self.headers, name)?,
            }
            out.push(b'\n');
        }
        out.push(b'\n');
        for (index, name) in signed_headers.iter().enumerate() {
            if index > 0 {
                out.push(b';');
            }
            out.extend_from_slice(name.as_bytes());
        }
        out.push(b'\n');
        out.extend_from_slice(payload.to_text().as_bytes());
        Ok(out)
    }

    /// How this room's client signs it.
    pub(super) fn usual(&self, dialect: Dialect) -> Spelling {
        let path = self.sent_path();
        let raw = match dialect {
            Dialect::S3 => percent::decode(path),
            Dialect::Query => Cow::Borrowed(path.as_bytes()),
        };
        Spelling {
            path: percent::encode_path(&raw),
            host: None,
        }
    }

    /// All that is accepted, the usual one first. Some clients of S3 sign their path as they send it,
    /// without bringing it into normal form. Outside S3 the normal form of RFC 3986 is what the
    /// protocol asks for, but most sign what they send; and some leave the port of the host out.
    pub(super) fn spellings(&self, dialect: Dialect) -> Vec<Spelling> {
        let usual = self.usual(dialect);
        let other_path = match dialect {
            Dialect::S3 => self.sent_path().to_owned(),
            Dialect::Query => percent::encode_path(normal(self.sent_path()).as_bytes()),
        };
        let mut all = vec![usual];
        if all.iter().all(|spelling| spelling.path != other_path) {
            all.push(Spelling {
                path: other_path,
                host: None,
            });
        }
        let mut hosts = self.headers.get_all(HOST).iter();
        let only = hosts.next().filter(|_| hosts.next().is_none());
        let text = only.and_then(|host| host.to_str().ok());
        let bare = text.and_then(|host| host::without_port(host.trim()));
        if let (Dialect::Query, Some(bare)) = (dialect, bare) {
            let same: Vec<_> = all.iter().map(|spelling| spelling.path.clone()).collect();
            all.extend(same.into_iter().map(|path| Spelling {
                path,
                host: Some(bare.to_owned()),
            }));
        }
        all
    }

    /// The path as sent.
    fn sent_path(&self) -> &str {
        if self.path.is_empty() { "/" } else { self.path }
    }
}

/// The path without dot segments (RFC 3986, section 5.2.4) and without empty ones. What does not begin
/// with a slash (`*`, a proxy's whole URL) is no path and stays.
fn normal(path: &str) -> String {
    let Some(inside) = path.strip_prefix('/') else {
        return path.to_owned();
    };
    let mut kept = Vec::new();
    for segment in inside.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    let end = match inside.ends_with('/') && !kept.is_empty() {
        true => "/",
        false => "",
    };
    format!("/{}{end}", kept.join("/"))
}

/// Appends the query, decoded, sorted by name and value, and encoded again. The signature itself
/// is not part of it.
fn push_query(out: &mut String, query: &str) {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

fn recode(text: &str) -> String {
    percent::encode_component(&percent::decode_form(text))
}

/// Appends all values of a header, joined with commas.
fn push_values(out: &mut Vec<u8>, headers: &HeaderMap, name: &str) -> Result<(), AuthError> {
    let mut values = headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        return Err(AuthError::SignedHeaderAbsent(name.to_owned()));
    }
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_trimmed(out, value);
    }
    Ok(())
}

/// Appends a value without blanks at its ends, runs of blanks inside as one.
fn push_trimmed(out: &mut Vec<u8>, value: &HeaderValue) {
    let mut after_blank = true;
    for byte in value.as_bytes().trim_ascii() {
        let blank = matches!(byte, b' ' | b'\t');
        if !blank {
            out.push(*byte);
        } else if !after_blank {
            out.push(b' ');
        }
        after_blank = blank;
    }
}
