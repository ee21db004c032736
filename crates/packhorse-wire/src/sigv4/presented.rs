//! The server's side: what a request says about its signature, and whether that is true.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use packhorse_core::secret::Secret;

use super::claims::{
    AuthorizationParts, QueryClaims, malformed, need, read_credential, read_date, read_http_date,
    read_lifetime, read_signature, read_signed_headers,
};
use super::sign::sign_digest;
use super::{
    ALGORITHM, AmzDate, CLOCK_SKEW_SECONDS_MAX, ChunkChain, Dialect, Payload, Request, Scope,
    Signature, SigningKey,
};
use crate::authenticate::AuthError;

/// A signature as a request presents it, not yet checked.
#[derive(Clone)]
pub struct Presented {
    access_key_id: String,
    scope: Scope,
    date: AmzDate,
    signed_headers: Vec<String>,
    signature: Signature,
    lifetime_seconds: Option<u32>,
    security_token: Option<String>,
}

/// Without the signature and the token.
impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope.as_str())
            .field("date", &self.date.as_str())
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
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
            (None, Some(claims)) => Self::from_query(claims).map(Some),
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
        for spelling in request.spellings(dialect) {
            let digest = request.digest(&spelling, &names, payload)?;
            let made = sign_digest(&key, &self.date, &digest);
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
        let date = match header_text(request, "x-amz-date")? {
            Some(text) => read_date(text)?,
            None => match header_text(request, "date")? {
                Some(text) => read_http_date(text)?,
                None => return Err(AuthError::Missing("X-Amz-Date or Date")),
            },
        };
        Ok(Self {
            access_key_id,
            scope,
            date,
            signed_headers: read_signed_headers(parts.signed_headers)?,
            signature: read_signature(parts.signature)?,
            lifetime_seconds: None,
            security_token: header_text(request, "x-amz-security-token")?.map(str::to_owned),
        })
    }

    fn from_query(claims: QueryClaims<'_>) -> Result<Self, AuthError> {
        if need(&claims.algorithm, "X-Amz-Algorithm")? != ALGORITHM {
            return Err(AuthError::Unsupported(
                "a signing algorithm other than AWS4-HMAC-SHA256",
            ));
        }
        let (access_key_id, scope) =
            read_credential(need(&claims.credential, "X-Amz-Credential")?)?;
        let lifetime = need(&claims.expires, "X-Amz-Expires")?;
        let date = need(&claims.date, "X-Amz-Date")?;
        let signed_headers = need(&claims.signed_headers, "X-Amz-SignedHeaders")?;
        let signature = need(&claims.signature, "X-Amz-Signature")?;
        Ok(Self {
            access_key_id,
            scope,
            date: read_date(date)?,
            signed_headers: read_signed_headers(signed_headers)?,
            signature: read_signature(signature)?,
            lifetime_seconds: Some(read_lifetime(lifetime)?),
            security_token: claims.security_token.map(Cow::into_owned),
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

fn header_text<'a>(request: &Request<'a>, name: &str) -> Result<Option<&'a str>, AuthError> {
    let mut values = request.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value
                .to_str()
                .map_err(|_| malformed("Date or an x-amz- header", "must be ASCII"))?;
            Ok(Some(text.trim()))
        }
        (Some(_), Some(_)) => Err(malformed("Date or an x-amz- header", "is given twice")),
    }
}
