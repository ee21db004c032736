//! The text of a signature's claims: taken apart, each piece read strictly.

use std::borrow::Cow;

use jiff::fmt::rfc2822;

use super::{ALGORITHM, AmzDate, PRESIGNED_SECONDS_MAX, Scope, Signature};
use crate::authenticate::AuthError;
use crate::percent;

/// Longest access key id accepted: the limit of the original's identity service.
const ACCESS_KEY_ID_BYTES_MAX: usize = 128;
/// Longest `Authorization` value read. Real ones have some 300 bytes; every signed header adds a
/// name.
const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;

/// The three parts of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
pub(super) struct AuthorizationParts<'a> {
    pub(super) credential: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> AuthorizationParts<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, AuthError> {
        if text.len() > AUTHORIZATION_BYTES_MAX {
            return Err(malformed("Authorization", "is too long"));
        }
        let rest = text
            .strip_prefix(ALGORITHM)
            .filter(|rest| rest.starts_with([' ', '\t']))
            .ok_or(AuthError::Unsupported(
                "a signing algorithm other than AWS4-HMAC-SHA256",
            ))?;
        let mut parts = [None; 3];
        for part in rest.split(',').map(str::trim) {
            let (name, value) = part
                .split_once('=')
                .ok_or(malformed("Authorization", "must be NAME=VALUE pairs"))?;
            let place = ["Credential", "SignedHeaders", "Signature"]
                .iter()
                .position(|n| *n == name);
            let slot = place
                .and_then(|index| parts.get_mut(index))
                .ok_or(malformed("Authorization", "has a part that is not known"))?;
            if slot.replace(value).is_some() {
                return Err(malformed("Authorization", "has a part twice"));
            }
        }
        let [credential, signed_headers, signature] = parts;
        Ok(Self {
            credential: credential.ok_or(AuthError::Missing("Credential"))?,
            signed_headers: signed_headers.ok_or(AuthError::Missing("SignedHeaders"))?,
            signature: signature.ok_or(AuthError::Missing("Signature"))?,
        })
    }
}

/// The `X-Amz-*` parameters of a presigned URL.
#[derive(Default)]
pub(super) struct QueryClaims<'a> {
    pub(super) algorithm: Option<Cow<'a, str>>,
    pub(super) credential: Option<Cow<'a, str>>,
    pub(super) date: Option<Cow<'a, str>>,
    pub(super) expires: Option<Cow<'a, str>>,
    pub(super) signed_headers: Option<Cow<'a, str>>,
    pub(super) signature: Option<Cow<'a, str>>,
    pub(super) security_token: Option<Cow<'a, str>>,
}

impl<'a> QueryClaims<'a> {
    /// `None` when the query has neither an algorithm nor a signature.
    pub(super) fn read(query: &'a str) -> Result<Option<Self>, AuthError> {
        let mut claims = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match percent::decode_form(name).as_ref() {
                b"X-Amz-Algorithm" => &mut claims.algorithm,
                b"X-Amz-Credential" => &mut claims.credential,
                b"X-Amz-Date" => &mut claims.date,
                b"X-Amz-Expires" => &mut claims.expires,
                b"X-Amz-SignedHeaders" => &mut claims.signed_headers,
                b"X-Amz-Signature" => &mut claims.signature,
                b"X-Amz-Security-Token" => &mut claims.security_token,
                _ => continue,
            };
            let text = match percent::decode_form(value) {
                Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
                Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
            };
            let text = text.ok_or(malformed("an X-Amz- parameter", "must be UTF-8"))?;
            if slot.replace(text).is_some() {
                return Err(malformed("an X-Amz- parameter", "is given twice"));
            }
        }
        let given = claims.algorithm.is_some() || claims.signature.is_some();
        Ok(given.then_some(claims))
    }
}

pub(super) fn malformed(what: &'static str, why: &'static str) -> AuthError {
    AuthError::Malformed { what, why }
}

pub(super) fn read_credential(text: &str) -> Result<(String, Scope), AuthError> {
    let (id, scope) = text.split_once('/').unwrap_or((text, ""));
    let plain = id.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || !(1..=ACCESS_KEY_ID_BYTES_MAX).contains(&id.len()) {
        return Err(malformed(
            "the access key id",
            "must have 1 to 128 visible characters",
        ));
    }
    Ok((id.to_owned(), Scope::parse(scope)?))
}

pub(super) fn read_date(text: &str) -> Result<AmzDate, AuthError> {
    AmzDate::parse(text).ok_or(malformed("X-Amz-Date", "must be YYYYMMDDTHHMMSSZ"))
}

/// Reads a `Date` that stands in for X-Amz-Date: in that form, or in the one HTTP has for it.
pub(super) fn read_http_date(text: &str) -> Result<AmzDate, AuthError> {
    let of_http = || rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let date = AmzDate::parse(text).or_else(|| of_http().map(AmzDate::new));
    date.ok_or(malformed(
        "Date",
        "must be YYYYMMDDTHHMMSSZ or as in Sun, 22 Nov 2026 04:31:52 GMT",
    ))
}

/// Reads `host;x-amz-date`: lower case, in order, without doubles.
pub(super) fn read_signed_headers(text: &str) -> Result<Vec<String>, AuthError> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let ordered = names.is_sorted_by(|left, right| left < right);
    let plain = |name: &String| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase())
    };
    match ordered && names.iter().all(plain) {
        true => Ok(names),
        false => Err(malformed(
            "SignedHeaders",
            "must be sorted lower-case names joined by ;",
        )),
    }
}

pub(super) fn read_signature(text: &str) -> Result<Signature, AuthError> {
    Signature::parse(text).ok_or(malformed("Signature", "must be 64 lower-case hex digits"))
}

pub(super) fn read_lifetime(text: &str) -> Result<u32, AuthError> {
    text.parse()
        .ok()
        .filter(|seconds| (1..=PRESIGNED_SECONDS_MAX).contains(seconds))
        .ok_or(malformed(
            "X-Amz-Expires",
            "must be a number of seconds from 1 to 604800",
        ))
}

/// A parameter that must be there.
pub(super) fn need<'a>(
    value: &'a Option<Cow<'_, str>>,
    name: &'static str,
) -> Result<&'a str, AuthError> {
    value.as_deref().ok_or(AuthError::Missing(name))
}
