//! The server's side: what a request says about its signature, and whether that is true.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use packhorse_core::secret::Secret;

use super::sign::sign_digest;
use super::{
    ALGORITHM, AmzDate, CLOCK_SKEW_SECONDS_MAX, ChunkChain, Dialect, PRESIGNED_SECONDS_MAX,
    Payload, Request, Scope, Signature, SigningKey,
};
use crate::authenticate::AuthError;
use crate::percent;

/// Longest access key id accepted: the limit of the original's identity service.
const ACCESS_KEY_ID_BYTES_MAX: usize = 128;
/// Longest `Authorization` value read. Real ones have some 300 bytes; every signed header adds a
/// name.
const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;

/// A signature as a request presents it, not yet checked.
#[derive(Clone, Debug)]
pub struct Presented {
    access_key_id: String,
    scope: Scope,
    date: AmzDate,
    signed_headers: Vec<String>,
    signature: Signature,
    lifetime_seconds: Option<u32>,
    security_token: Option<String>,
}

/// A signature that was found true.
#[derive(Clone, Debug)]
pub struct Verified {
    key: SigningKey,
    date: AmzDate,
    signature: Signature,
}

impl Verified {
    /// The chain that the chunks of an `aws-chunked` body continue.
    pub fn into_chunk_chain(self) -> ChunkChain {
        ChunkChain::new(self.key, self.date, self.signature)
    }
}

impl Presented {
    /// Reads the signature of a request, in either form; `None` when there is none of version 4.
    pub fn find(request: &Request<'_>) -> Result<Option<Self>, AuthError> {
        let mut headers = request.headers.get_all(AUTHORIZATION).iter();
        let authorization = match (headers.next(), headers.next()) {
            (Some(value), None) if value.as_bytes().starts_with(b"AWS4-") => Some(value),
            (Some(_), Some(_)) => return Err(malformed("Authorization", "must be given once")),
            _ => None,
        };
        let in_query = QueryClaims::read(request.query)?;
        match (authorization, in_query) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(AuthError::Malformed {
                what: "the request",
                why: "must carry its signature either in Authorization or in the query, not both",
            }),
            (Some(value), None) => {
                let text = value
                    .to_str()
                    .map_err(|_| malformed("Authorization", "must be ASCII"))?;
                Self::from_header(text, request).map(Some)
            }
            (None, Some(claims)) => claims.into_presented().map(Some),
        }
    }

    /// Whose key made the signature, by its own account.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// What the key was derived for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The token of temporary credentials, if the request has one.
    pub fn security_token(&self) -> Option<&str> {
        self.security_token.as_deref()
    }

    /// Whether the signature is in the query.
    pub fn is_presigned(&self) -> bool {
        self.lifetime_seconds.is_some()
    }

    /// Checks time, scope, signed headers and, last, the signature.
    ///
    /// `payload` is the digest of the body as it arrived for [`Dialect::Query`], and what the
    /// request [claims](Payload::claimed) for [`Dialect::S3`], whose bodies are checked later.
    pub fn verify(
        &self,
        request: &Request<'_>,
        dialect: Dialect,
        payload: Payload,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Verified, AuthError> {
        self.check_scope(dialect)?;
        self.check_signed_headers(request, dialect)?;
        self.check_time(now)?;
        let names: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let key = SigningKey::derive(secret, self.scope.clone());
        let normal = request.canonical_path(dialect);
        let mut paths = vec![normal.as_str()];
        // Some S3 clients sign their path as they send it, without bringing it into normal form.
        if dialect == Dialect::S3 && request.sent_path() != normal {
            paths.push(request.sent_path());
        }
        for path in paths {
            let made = sign_digest(&key, &self.date, &request.digest(path, &names, payload)?);
            if made.matches(&self.signature) {
                return Ok(Verified {
                    key,
                    date: self.date.clone(),
                    signature: made,
                });
            }
        }
        Err(AuthError::Mismatch)
    }

    fn from_header(text: &str, request: &Request<'_>) -> Result<Self, AuthError> {
        let parts = AuthorizationParts::read(text)?;
        let (access_key_id, scope) = read_credential(parts.credential)?;
        let date = header_text(request, "x-amz-date")?.ok_or(AuthError::Missing("X-Amz-Date"))?;
        Ok(Self {
            access_key_id,
            scope,
            date: read_date(date)?,
            signed_headers: read_signed_headers(parts.signed_headers)?,
            signature: read_signature(parts.signature)?,
            lifetime_seconds: None,
            security_token: header_text(request, "x-amz-security-token")?.map(str::to_owned),
        })
    }

    fn check_scope(&self, dialect: Dialect) -> Result<(), AuthError> {
        if self.scope.day() != self.date.day() {
            return Err(malformed(
                "the credential's day",
                "must be that of X-Amz-Date",
            ));
        }
        match dialect.services().contains(&self.scope.service()) {
            true => Ok(()),
            false => Err(AuthError::WrongService {
                expected: dialect.services_text(),
            }),
        }
    }

    fn check_signed_headers(
        &self,
        request: &Request<'_>,
        dialect: Dialect,
    ) -> Result<(), AuthError> {
        let signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let unsigned = |name: &str| Err(AuthError::UnsignedHeader(name.to_owned()));
        if !signed("host") {
            return unsigned("host");
        }
        let mut names = request.headers.keys().map(|name| name.as_str());
        match names.find(|name| name.starts_with("x-amz-") && !signed(name)) {
            Some(name) if dialect == Dialect::S3 => unsigned(name),
            _ => Ok(()),
        }
    }

    fn check_time(&self, now: Timestamp) -> Result<(), AuthError> {
        let signed_at = self.date.timestamp();
        let age = now.duration_since(signed_at);
        let skew = SignedDuration::from_secs(CLOCK_SKEW_SECONDS_MAX);
        let Some(lifetime) = self.lifetime_seconds else {
            return match age.abs() > skew {
                true => Err(AuthError::Skewed { signed_at, now }),
                false => Ok(()),
            };
        };
        let lifetime = SignedDuration::from_secs(i64::from(lifetime));
        if age < -skew {
            return Err(AuthError::Skewed { signed_at, now });
        }
        if age > lifetime {
            let expired_at = signed_at.checked_add(lifetime).unwrap_or(Timestamp::MAX);
            return Err(AuthError::Expired { expired_at, now });
        }
        Ok(())
    }
}

/// The three parts of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
struct AuthorizationParts<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> AuthorizationParts<'a> {
    fn read(text: &'a str) -> Result<Self, AuthError> {
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
struct QueryClaims<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    security_token: Option<Cow<'a, str>>,
}

impl<'a> QueryClaims<'a> {
    /// `None` when the query has neither an algorithm nor a signature.
    fn read(query: &'a str) -> Result<Option<Self>, AuthError> {
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

    fn into_presented(self) -> Result<Presented, AuthError> {
        let need = |value: Option<Cow<'a, str>>, name| value.ok_or(AuthError::Missing(name));
        if need(self.algorithm, "X-Amz-Algorithm")? != ALGORITHM {
            return Err(AuthError::Unsupported(
                "a signing algorithm other than AWS4-HMAC-SHA256",
            ));
        }
        let (access_key_id, scope) = read_credential(&need(self.credential, "X-Amz-Credential")?)?;
        let lifetime = need(self.expires, "X-Amz-Expires")?
            .parse()
            .ok()
            .filter(|seconds| (1..=PRESIGNED_SECONDS_MAX).contains(seconds))
            .ok_or(malformed(
                "X-Amz-Expires",
                "must be a number of seconds from 1 to 604800",
            ))?;
        Ok(Presented {
            access_key_id,
            scope,
            date: read_date(&need(self.date, "X-Amz-Date")?)?,
            signed_headers: read_signed_headers(&need(
                self.signed_headers,
                "X-Amz-SignedHeaders",
            )?)?,
            signature: read_signature(&need(self.signature, "X-Amz-Signature")?)?,
            lifetime_seconds: Some(lifetime),
            security_token: self.security_token.map(Cow::into_owned),
        })
    }
}

fn malformed(what: &'static str, why: &'static str) -> AuthError {
    AuthError::Malformed { what, why }
}

fn header_text<'a>(request: &Request<'a>, name: &str) -> Result<Option<&'a str>, AuthError> {
    let mut values = request.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value
                .to_str()
                .map_err(|_| malformed("an x-amz- header", "must be ASCII"))?;
            Ok(Some(text.trim()))
        }
        (Some(_), Some(_)) => Err(malformed("an x-amz- header", "is given twice")),
    }
}

fn read_credential(text: &str) -> Result<(String, Scope), AuthError> {
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

fn read_date(text: &str) -> Result<AmzDate, AuthError> {
    AmzDate::parse(text).ok_or(malformed("X-Amz-Date", "must be YYYYMMDDTHHMMSSZ"))
}

/// Reads `host;x-amz-date`: lower case, in order, without doubles.
fn read_signed_headers(text: &str) -> Result<Vec<String>, AuthError> {
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

fn read_signature(text: &str) -> Result<Signature, AuthError> {
    Signature::parse(text).ok_or(malformed("Signature", "must be 64 lower-case hex digits"))
}
