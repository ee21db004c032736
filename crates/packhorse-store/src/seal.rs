//! Sealing: what must stay secret, in the database or in a cookie, is encrypted and bound to its place.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Length of the random nonce in front of every sealed text. At 24 bytes, random nonces do not
/// repeat in any database that fits on a disk.
const NONCE_BYTES: usize = 24;

/// Seals and opens under one key.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

impl Seal {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Encrypts `text`; it opens only with the same `place`, so that a row cannot pass for another.
    /// Fails without random bytes.
    pub fn seal(&self, place: &str, text: &str) -> Result<Vec<u8>> {
        let mut nonce = [0u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| Error::Random)?;
        let payload = Payload {
            msg: text.as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::Corrupt("a text is too long to be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts what [`Seal::seal`] gave for the same `place`; anything else is
    /// [`Error::Corrupt`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<String>> {
        const DAMAGED: Error = Error::Corrupt("a sealed text does not open");
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(DAMAGED)?;
        let payload = Payload {
            msg,
            aad: place.as_bytes(),
        };
        let text = self
            .0
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| DAMAGED)?;
        String::from_utf8(text)
            .map(Zeroizing::new)
            .map_err(|_| DAMAGED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_in_its_own_place_under_its_own_key_alone() {
        let seal = Seal::new(&[1; 32]);
        let sealed = seal.seal("secret:A", "swordfish").unwrap();
        assert_eq!(*seal.open("secret:A", &sealed).unwrap(), "swordfish");
        assert!(seal.open("secret:B", &sealed).is_err());
        assert!(Seal::new(&[2; 32]).open("secret:A", &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(seal.open("secret:A", &changed).is_err());
            assert!(seal.open("secret:A", &sealed[..index]).is_err());
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let seal = Seal::new(&[1; 32]);
        assert_ne!(seal.seal("x", "y").unwrap(), seal.seal("x", "y").unwrap());
    }
}
