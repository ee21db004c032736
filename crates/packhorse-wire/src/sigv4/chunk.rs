//! The chain of signatures through an `aws-chunked` body: each covers its chunk and the signature
//! before it, the first follows the request's own ("seed") signature.

use super::{AmzDate, Signature, SigningKey};
use crate::authenticate::AuthError;

/// SHA-256 of nothing, a fixed line in every chunk's string to sign.
const EMPTY_SHA256: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The chain at one point of the body.
///
/// The last chunk is the empty one; with a trailer, [`sign_trailer`](Self::sign_trailer) or
/// [`verify_trailer`](Self::verify_trailer) follows it.
#[derive(Clone, Debug)]
pub struct ChunkChain {
    key: SigningKey,
    date: AmzDate,
    previous: Signature,
}

impl ChunkChain {
    /// A chain that starts at the request's signature.
    pub fn new(key: SigningKey, date: AmzDate, seed: Signature) -> Self {
        Self {
            key,
            date,
            previous: seed,
        }
    }

    /// Signs the next chunk, given by its SHA-256.
    pub fn sign_chunk(&mut self, chunk_sha256: &[u8; 32]) -> Signature {
        let digest = hex::encode(chunk_sha256);
        self.advance(
            b"AWS4-HMAC-SHA256-PAYLOAD",
            &[EMPTY_SHA256, digest.as_bytes()],
        )
    }

    /// Signs the trailer, given by the SHA-256 of its lines `name:value\n`.
    pub fn sign_trailer(&mut self, trailer_sha256: &[u8; 32]) -> Signature {
        let digest = hex::encode(trailer_sha256);
        self.advance(b"AWS4-HMAC-SHA256-TRAILER", &[digest.as_bytes()])
    }

    /// Checks the next chunk. After a failure the chain is of no use.
    pub fn verify_chunk(&mut self, sha256: &[u8; 32], claim: &Signature) -> Result<(), AuthError> {
        check(&self.sign_chunk(sha256), claim)
    }

    /// Checks the trailer.
    pub fn verify_trailer(
        &mut self,
        sha256: &[u8; 32],
        claim: &Signature,
    ) -> Result<(), AuthError> {
        check(&self.sign_trailer(sha256), claim)
    }

    fn advance(&mut self, algorithm: &[u8], digests: &[&[u8]]) -> Signature {
        let previous = self.previous.to_hex();
        let scope = self.key.scope().as_str().as_bytes();
        let mut lines = vec![
            algorithm,
            self.date.as_str().as_bytes(),
            scope,
            previous.as_bytes(),
        ];
        lines.extend_from_slice(digests);
        self.previous = self.key.sign_lines(&lines);
        self.previous.clone()
    }
}

fn check(made: &Signature, claim: &Signature) -> Result<(), AuthError> {
    if made.matches(claim) {
        Ok(())
    } else {
        Err(AuthError::Mismatch)
    }
}
