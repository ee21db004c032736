//! What a signature says about the body: `x-amz-content-sha256`.

use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::authenticate::AuthError;

/// The header's name.
pub(super) const HEADER: &str = "x-amz-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const CHUNKS_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// How the body is covered by the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// By its SHA-256.
    Sha256([u8; 32]),
    /// Not at all.
    Unsigned,
    /// In chunks, each with a signature of its own.
    SignedChunks,
    /// The same, with a signed trailer after them.
    SignedChunksTrailer,
    /// In chunks without signatures and a trailer without one.
    UnsignedChunksTrailer,
}

impl Payload {
    /// A body that is at hand.
    pub fn of(body: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(body).into())
    }

    /// Reads the header's value.
    pub fn parse(text: &str) -> Result<Self, AuthError> {
        match text {
            UNSIGNED => Ok(Self::Unsigned),
            CHUNKS => Ok(Self::SignedChunks),
            CHUNKS_TRAILER => Ok(Self::SignedChunksTrailer),
            UNSIGNED_TRAILER => Ok(Self::UnsignedChunksTrailer),
            _ => {
                let mut digest = [0; 32];
                hex::decode_to_slice(text, &mut digest).map_err(|_| AuthError::Malformed {
                    what: HEADER,
                    why: "must be a SHA-256 in hex, UNSIGNED-PAYLOAD or a known STREAMING- word",
                })?;
                Ok(Self::Sha256(digest))
            }
        }
    }

    /// What an S3 request claims; a presigned one that says nothing leaves its body unsigned.
    pub fn claimed(headers: &HeaderMap, presigned: bool) -> Result<Self, AuthError> {
        match headers.get(HEADER) {
            Some(value) => Self::parse(value.to_str().unwrap_or_default()),
            None if presigned => Ok(Self::Unsigned),
            None => Err(AuthError::Missing(HEADER)),
        }
    }

    /// The header's value.
    pub fn to_text(self) -> String {
        match self {
            Self::Sha256(digest) => hex::encode(digest),
            Self::Unsigned => UNSIGNED.to_owned(),
            Self::SignedChunks => CHUNKS.to_owned(),
            Self::SignedChunksTrailer => CHUNKS_TRAILER.to_owned(),
            Self::UnsignedChunksTrailer => UNSIGNED_TRAILER.to_owned(),
        }
    }
}
