//! Who sent a request to the Query API.
//!
//! The server reads the [`Claim`], looks up the key that it names, and verifies the claim with
//! what it found, even when it found nothing: a request with an unknown key then takes as long as
//! one with a wrong signature.

mod error;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod work;

pub use error::AuthError;

use jiff::Timestamp;
use packhorse_core::secret::Secret;

use crate::query::{Call, Parameters};
use crate::sigv4::{Dialect, Payload};
use crate::{sigv2, sigv4};

/// Verified against when there is no key.
const NOBODYS_SECRET: &str = "a secret that no access key has, as long";

/// What a request says about who sent it.
#[derive(Clone, Debug)]
pub struct Claim(Scheme);

#[derive(Clone, Debug)]
enum Scheme {
    V2(sigv2::Presented),
    V4(sigv4::Presented),
}

impl Claim {
    /// Finds the one signature of a request.
    pub fn find(call: &Call<'_>, parameters: &Parameters) -> Result<Self, AuthError> {
        let v4 = sigv4::Presented::find(&call.signed_part())?;
        let v2 = match &v4 {
            // A key id alone is no signature; whose it is, `named_another_key` tells.
            Some(_) if !sigv2::Presented::is_signed(parameters) => None,
            _ => sigv2::Presented::find(parameters)?,
        };
        match (v4, v2) {
            (Some(v4), None) => Ok(Self(Scheme::V4(v4))),
            (None, Some(v2)) => Ok(Self(Scheme::V2(v2))),
            (None, None) => Err(AuthError::Absent),
            (Some(_), Some(_)) => Err(AuthError::Malformed {
                what: "the request",
                why: "must have one signature, not one of version 2 and one of version 4",
            }),
        }
    }

    /// The access key that the request claims.
    pub fn access_key_id(&self) -> &str {
        match &self.0 {
            Scheme::V2(presented) => presented.access_key_id(),
            Scheme::V4(presented) => presented.access_key_id(),
        }
    }

    /// The region that the signature is scoped to; `None` for version 2, which has none.
    pub fn region(&self) -> Option<&str> {
        match &self.0 {
            Scheme::V2(_) => None,
            Scheme::V4(presented) => Some(presented.scope().region()),
        }
    }

    /// Whether the parameters name another access key than the one that signed.
    pub fn named_another_key(&self, parameters: &Parameters) -> bool {
        parameters
            .get("AWSAccessKeyId")
            .is_some_and(|named| named != self.access_key_id())
    }

    /// The token of temporary credentials, if the request has one.
    pub fn security_token(&self) -> Option<&str> {
        match &self.0 {
            Scheme::V2(presented) => presented.security_token(),
            Scheme::V4(presented) => presented.security_token(),
        }
    }

    /// Checks the claim with the secret of the key that it names, `None` when there is no such key
    /// or it is disabled.
    pub fn verify(
        &self,
        call: &Call<'_>,
        parameters: &Parameters,
        secret: Option<&Secret>,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let nobodys = Secret::new(NOBODYS_SECRET);
        let checked = self.check(call, parameters, secret.unwrap_or(&nobodys), now);
        match (secret, checked) {
            (Some(_), checked) => checked,
            (None, Ok(()) | Err(AuthError::Mismatch)) => Err(AuthError::UnknownKey),
            (None, Err(error)) => Err(error),
        }
    }

    fn check(
        &self,
        call: &Call<'_>,
        parameters: &Parameters,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        match &self.0 {
            Scheme::V2(presented) => presented.verify(call, parameters, secret, now),
            Scheme::V4(presented) => {
                let request = call.signed_part();
                let payload = Payload::of(call.body);
                let claimed = Payload::claimed(call.headers, true)?;
                if claimed != Payload::Unsigned && claimed != payload {
                    return Err(AuthError::PayloadMismatch);
                }
                presented
                    .verify(&request, Dialect::Query, payload, secret, now)
                    .map(|_| ())
            }
        }
    }
}
