//! S3's additional checksums: names, computing, combining over parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// What a checksum is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Coverage {
    /// All bytes of the object.
    FullObject,
    /// The checksums of the parts.
    Composite,
}

/// The checksum that an object keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub(crate) algorithm: Algorithm,
    pub(crate) coverage: Coverage,
    /// Base64, with `-N` when composite.
    pub(crate) value: String,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// As in `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// Reads a name in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The header that carries the value.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The element that carries the value.
    pub(crate) fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// What an upload in parts has when it says nothing: hashes cannot cover the whole object, and
    /// CRC64NVME always does.
    pub(crate) fn default_coverage(self) -> Coverage {
        match self {
            Self::Crc64Nvme => Coverage::FullObject,
            Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256 => Coverage::Composite,
        }
    }

    pub(crate) fn allows(self, coverage: Coverage) -> bool {
        match coverage {
            Coverage::FullObject => self.crc().is_some(),
            Coverage::Composite => self != Self::Crc64Nvme,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Bytes of a value.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Reads a base64 value of the right length.
    pub(crate) fn decode(self, text: &str) -> Option<Vec<u8>> {
        let value = STANDARD.decode(text).ok()?;
        (value.len() == self.length()).then_some(value)
    }

    /// The checksum of an object made of parts, given each part's checksum and size in order.
    pub(crate) fn of_parts(self, coverage: Coverage, parts: &[(Vec<u8>, u64)]) -> Checksum {
        let value = match (coverage, self.crc()) {
            (Coverage::FullObject, Some(crc)) => {
                let whole = parts.iter().fold(0, |sum, (part, size)| {
                    crc_fast::checksum_combine(crc, sum, number(part), *size)
                });
                STANDARD.encode(self.crc_bytes(whole))
            }
            (Coverage::Composite | Coverage::FullObject, _) => {
                let mut summer = Summer::new(self);
                for (part, _) in parts {
                    summer.update(part);
                }
                format!("{}-{}", STANDARD.encode(summer.finish()), parts.len())
            }
        };
        Checksum {
            algorithm: self,
            coverage,
            value,
        }
    }

    fn crc_bytes(self, crc: u64) -> Vec<u8> {
        let bytes = crc.to_be_bytes();
        bytes
            .get(bytes.len() - self.length()..)
            .unwrap_or_default()
            .to_vec()
    }
}

fn number(big_endian: &[u8]) -> u64 {
    big_endian
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

impl Checksum {
    /// The checksum of a body stored in one piece.
    pub(crate) fn of_body(algorithm: Algorithm, value: &[u8]) -> Self {
        Self {
            algorithm,
            coverage: Coverage::FullObject,
            value: STANDARD.encode(value),
        }
    }
}

impl Coverage {
    /// As in `x-amz-checksum-type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite]
            .into_iter()
            .find(|coverage| coverage.name().eq_ignore_ascii_case(name))
    }
}

/// A checksum being computed.
pub(crate) enum Summer {
    Crc(Algorithm, crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Summer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm.crc() {
            Some(crc) => Self::Crc(algorithm, crc_fast::Digest::new(crc)),
            None if algorithm == Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            None => Self::Sha256(Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(algorithm, digest) => algorithm.crc_bytes(digest.finalize()),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
        let mut summer = Summer::new(algorithm);
        summer.update(bytes);
        summer.finish()
    }

    #[test]
    fn gives_the_published_check_values() {
        for (algorithm, value) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ] {
            assert_eq!(hex::encode(sum(algorithm, b"123456789")), value);
        }
    }

    #[test]
    fn full_object_sums_of_parts_equal_the_sum_of_the_whole() {
        let (left, right) = (vec![7; 1000], vec![9; 333]);
        let whole = [left.clone(), right.clone()].concat();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts = [(sum(algorithm, &left), 1000), (sum(algorithm, &right), 333)];
            let checksum = algorithm.of_parts(Coverage::FullObject, &parts);
            assert_eq!(checksum.value, STANDARD.encode(sum(algorithm, &whole)));
        }
    }

    #[test]
    fn composite_sums_count_their_parts() {
        let part = sum(Algorithm::Sha256, b"x");
        let checksum = Algorithm::Sha256
            .of_parts(Coverage::Composite, &[(part.clone(), 1), (part.clone(), 1)]);
        let expected = STANDARD.encode(Sha256::digest([part.clone(), part].concat()));
        assert_eq!(checksum.value, format!("{expected}-2"));
    }
}
