//! What a request says about its signature, and whether that is true.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::HOST;
use jiff::{SignedDuration, Timestamp};
use packhorse_core::secret::Secret;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::CLOCK_SKEW_SECONDS_MAX;
use super::canonical::{body_alone, canonical_query, hosts};
use crate::authenticate::AuthError;
use crate::query::{Call, Parameters};

/// Longest `Timestamp` or `Expires` read; the longest form in use has 29 characters.
const TIME_BYTES_MAX: usize = 40;
/// Longest access key id accepted: the limit of the original's identity service.
const ACCESS_KEY_ID_BYTES_MAX: usize = 128;

/// The digest behind the HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Sha1,
    Sha256,
}

impl Method {
    /// The HMAC of the lines.
    pub(super) fn hmac(self, secret: &Secret, lines: [&str; 4]) -> Vec<u8> {
        match self {
            Self::Sha1 => hmac_lines::<Hmac<Sha1>>(secret, lines),
            Self::Sha256 => hmac_lines::<Hmac<Sha256>>(secret, lines),
        }
    }
}

fn hmac_lines<M: Mac + KeyInit>(secret: &Secret, lines: [&str; 4]) -> Vec<u8> {
    #[cfg(test)]
    crate::authenticate::work::note();
    let key = secret.expose().as_bytes();
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for (index, line) in lines.into_iter().enumerate() {
        if index > 0 {
            mac.update(b"\n");
        }
        mac.update(line.as_bytes());
    }
    mac.finalize().into_bytes().to_vec()
}

/// When the signature counts.
#[derive(Clone, Copy, Debug)]
enum Validity {
    SignedAt(Timestamp),
    Until(Timestamp),
}

/// A signature as a request presents it, not yet checked.
#[derive(Clone)]
pub struct Presented {
    access_key_id: String,
    method: Method,
    validity: Validity,
    signature: Vec<u8>,
    security_token: Option<String>,
}

/// Without the signature.
impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("access_key_id", &self.access_key_id)
            .field("method", &self.method)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

impl Presented {
    /// Whether the parameters hold more of a signature than a key id.
    pub fn is_signed(parameters: &Parameters) -> bool {
        let signs = ["Signature", "SignatureVersion"];
        signs.iter().any(|name| parameters.get(name).is_some())
    }

    /// Reads the signature of a request; `None` when there is no trace of one.
    pub fn find(parameters: &Parameters) -> Result<Option<Self>, AuthError> {
        if !Self::is_signed(parameters) && parameters.get("AWSAccessKeyId").is_none() {
            return Ok(None);
        }
        let need = |name: &'static str| {
            parameters
                .get(name)
                .filter(|text| !text.is_empty())
                .ok_or(AuthError::Missing(name))
        };
        if need("SignatureVersion")? != "2" {
            return Err(AuthError::Unsupported("a SignatureVersion other than 2"));
        }
        let method = match need("SignatureMethod")? {
            "HmacSHA256" => Method::Sha256,
            "HmacSHA1" => Method::Sha1,
            _ => {
                let other = "a SignatureMethod other than HmacSHA256 and HmacSHA1";
                return Err(AuthError::Unsupported(other));
            }
        };
        let access_key_id = need("AWSAccessKeyId")?;
        let plain = access_key_id.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || access_key_id.len() > ACCESS_KEY_ID_BYTES_MAX {
            let why = "must have 1 to 128 visible characters";
            return Err(AuthError::Malformed {
                what: "AWSAccessKeyId",
                why,
            });
        }
        let malformed = AuthError::Malformed {
            what: "Signature",
            why: "must be base64",
        };
        Ok(Some(Self {
            access_key_id: access_key_id.to_owned(),
            method,
            validity: read_validity(parameters)?,
            signature: STANDARD.decode(need("Signature")?).map_err(|_| malformed)?,
            security_token: parameters.get("SecurityToken").map(str::to_owned),
        }))
    }

    /// Whose key made the signature, by its own account.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The token of temporary credentials, if the request has one.
    pub fn security_token(&self) -> Option<&str> {
        self.security_token.as_deref()
    }

    /// Checks the time and then the signature.
    pub fn verify(
        &self,
        call: &Call<'_>,
        parameters: &Parameters,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        self.check_time(now)?;
        let host = call.headers.get(HOST).ok_or(AuthError::Missing("Host"))?;
        let host = host.to_str().map_err(|_| AuthError::Malformed {
            what: "Host",
            why: "must be ASCII",
        })?;
        let path = if call.path.is_empty() { "/" } else { call.path };
        let mut queries = vec![canonical_query(parameters.iter())];
        queries.extend(body_alone(parameters).map(|body| canonical_query(body.into_iter())));
        for query in &queries {
            for host in hosts(host) {
                let made = self.method.hmac(secret, [call.method, &host, path, query]);
                if made.ct_eq(&self.signature).into() {
                    return Ok(());
                }
            }
        }
        Err(AuthError::Mismatch)
    }

    fn check_time(&self, now: Timestamp) -> Result<(), AuthError> {
        match self.validity {
            Validity::SignedAt(signed_at) => {
                let skew = SignedDuration::from_secs(CLOCK_SKEW_SECONDS_MAX);
                if now.duration_since(signed_at).abs() > skew {
                    return Err(AuthError::Skewed { signed_at, now });
                }
            }
            Validity::Until(expired_at) => {
                if now > expired_at {
                    return Err(AuthError::Expired { expired_at, now });
                }
            }
        }
        Ok(())
    }
}

/// `Timestamp` or `Expires`, one of them.
fn read_validity(parameters: &Parameters) -> Result<Validity, AuthError> {
    match (parameters.get("Timestamp"), parameters.get("Expires")) {
        (Some(text), None) => read_time("Timestamp", text).map(Validity::SignedAt),
        (None, Some(text)) => read_time("Expires", text).map(Validity::Until),
        (None, None) => Err(AuthError::Missing("Timestamp")),
        (Some(_), Some(_)) => Err(AuthError::Malformed {
            what: "the request",
            why: "must have either Timestamp or Expires, not both",
        }),
    }
}

/// An ISO 8601 time with `Z` or a numeric offset; a fraction of a second may be there.
fn read_time(what: &'static str, text: &str) -> Result<Timestamp, AuthError> {
    let short = text.len() <= TIME_BYTES_MAX;
    // The time library also knows `[Zone/Name]` annotations, which no client sends.
    let plain = !text.contains('[');
    text.parse()
        .ok()
        .filter(|_| short && plain)
        .ok_or(AuthError::Malformed {
            what,
            why: "must be an ISO 8601 time such as 2011-06-20T22:30:59Z",
        })
}
