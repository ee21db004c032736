//! The two secret-like values: the key of a day, and what it makes.

use hmac::{Hmac, KeyInit, Mac};
use packhorse_core::secret::Secret;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{AmzDate, Scope, TERMINATOR};

/// A signature: 32 bytes. There is no `==` and nothing of it in `Debug`.
#[derive(Clone)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut bytes = [0; 32];
        (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// 64 lower-case hex digits, for the wire.
    pub fn to_hex(&self) -> String {
        hex32(&self.0)
    }

    /// Whether both are the same, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(hidden)")
    }
}

/// The key of one secret for one day, region and service.
///
/// Deriving it costs five HMACs and keying the sixth, so a client keeps it until
/// [`covers`](Self::covers) says no. Cloning copies the keyed state; a signature then costs only
/// the hashing of its text.
#[derive(Clone)]
pub struct SigningKey {
    keyed: Hmac<Sha256>,
    scope: Scope,
}

impl SigningKey {
    /// Derives the key.
    pub fn derive(secret: &Secret, scope: Scope) -> Self {
        let start = Zeroizing::new(format!("AWS4{}", secret.expose()));
        let mut key = Zeroizing::new(hmac(start.as_bytes(), scope.day()));
        for word in [scope.region(), scope.service(), TERMINATOR] {
            key = Zeroizing::new(hmac(key.as_slice(), word));
        }
        Self {
            keyed: keyed(key.as_slice()),
            scope,
        }
    }

    /// Whether a request at `date` can be signed with this key.
    pub fn covers(&self, date: &AmzDate) -> bool {
        self.scope.day() == date.day()
    }

    /// What the key was derived for.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Signs a string that is given in lines, the line feeds not included.
    pub(super) fn sign_lines(&self, lines: &[&[u8]]) -> Signature {
        #[cfg(test)]
        crate::authenticate::work::note();
        let mut mac = self.keyed.clone();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                mac.update(b"\n");
            }
            mac.update(line);
        }
        Signature(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("scope", &self.scope.as_str())
            .finish_non_exhaustive()
    }
}

/// 32 bytes in hex: twice as much text as its buffer, written in one go.
pub(super) fn hex32(bytes: &[u8; 32]) -> String {
    let mut text = [0; 64];
    hex::encode_to_slice(bytes, &mut text).expect("two digits for each byte");
    String::from_utf8_lossy(&text).into_owned()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[cfg(test)]
    crate::authenticate::work::note();
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    keyed(key)
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}
