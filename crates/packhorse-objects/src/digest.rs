//! What is computed over the bytes of a body, once, so that the store can confirm them.

mod proof;
mod side_by_side;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

pub use proof::{Claims, Mismatch, PartSizes, Proof, Proven};
pub use side_by_side::{BodyStream, SideBySide, Stream};

/// The digests sent with one request's body: the store checks them before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest {
    /// For `Content-MD5`, and the ETag of an object stored in one piece.
    pub md5: [u8; 16],
    /// For `x-amz-checksum-crc32c`.
    pub crc32c: u32,
}

impl BodyDigest {
    /// Both digests of a whole body.
    pub fn of(body: &[u8]) -> Self {
        Self {
            md5: Md5::digest(body).into(),
            crc32c: crc_fast::crc32_iscsi(body),
        }
    }

    /// The ETag (without quotes) of an object that is stored in one piece and not encrypted with a
    /// foreign key.
    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }

    pub(crate) fn content_md5(&self) -> String {
        STANDARD.encode(self.md5)
    }

    pub(crate) fn checksum_crc32c(&self) -> String {
        crc32c_text(self.crc32c)
    }
}

/// The text form of a CRC32C in S3 headers and documents.
pub(crate) fn crc32c_text(crc32c: u32) -> String {
    STANDARD.encode(crc32c.to_be_bytes())
}

/// The ETag (without quotes) that a store gives an object made of parts with these MD5s, in order:
/// the MD5 of the MD5s, then `-` and the number of parts.
pub fn multipart_etag(parts_md5: &[[u8; 16]]) -> String {
    let mut whole = Md5::new();
    for md5 in parts_md5 {
        whole.update(md5);
    }
    format!("{}-{}", hex::encode(whole.finalize()), parts_md5.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_published_check_values() {
        let digest = BodyDigest::of(b"123456789");
        assert_eq!(digest.crc32c, 0xe306_9283);
        assert_eq!(digest.etag(), "25f9e794323b453885f5181f1b624d0b");
        assert_eq!(digest.checksum_crc32c(), "4waSgw==");
    }

    #[test]
    fn etag_of_parts_is_the_md5_of_their_md5s() {
        let part = BodyDigest::of(b"").md5;
        assert_eq!(
            multipart_etag(&[part, part]),
            format!("{}-2", hex::encode(Md5::digest([part, part].concat())))
        );
    }
}
