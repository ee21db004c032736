//! Whether the bytes that arrived are the object: compared with everything that the store says of it.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

use super::BodyDigest;
use super::side_by_side::{SideBySide, Stream};

/// Checksums of whole objects that can be computed in one pass, by their headers' last part.
const CHECKSUMS: [(&str, CrcAlgorithm); 3] = [
    ("crc32", CrcAlgorithm::Crc32IsoHdlc),
    ("crc32c", CrcAlgorithm::Crc32Iscsi),
    ("crc64nvme", CrcAlgorithm::Crc64Nvme),
];

/// What a store says of an object's bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// How many there are.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// Whether the ETag is made of MD5s at all: with a key from outside it is not.
    pub etag_is_md5: bool,
    /// `x-amz-checksum-` headers of the whole object: `crc32c` and so on, in base64.
    pub checksums: Vec<(String, String)>,
}

impl Claims {
    /// Names of the checksums that can be compared.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        CHECKSUMS.iter().map(|(name, _)| *name)
    }

    /// Of how many parts the ETag says the object was made; `None` if it was stored in one piece or
    /// the ETag says nothing.
    pub fn parts(&self) -> Option<u32> {
        if !self.etag_is_md5 {
            return None;
        }
        let (md5, parts) = self.etag.split_once('-')?;
        is_md5(md5).then(|| parts.parse().ok()).flatten()
    }

    fn md5(&self) -> Option<&str> {
        (self.etag_is_md5 && is_md5(&self.etag)).then_some(self.etag.as_str())
    }
}

/// How long the parts are that an object was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartSizes {
    /// Not known: the ETag cannot be compared.
    Unknown,
    /// All of this size, the last perhaps shorter.
    Even(u64),
    /// One by one.
    Each(VecDeque<u64>),
}

/// What was compared, the strongest that there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// The MD5 of the bytes is the ETag.
    Md5,
    /// The MD5s of the parts make the ETag.
    Parts,
    /// A CRC of the whole object.
    Crc,
    /// Nothing but the number of bytes.
    Size,
}

impl Proven {
    /// In records.
    pub fn code(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Parts => "parts",
            Self::Crc => "crc",
            Self::Size => "size",
        }
    }
}

/// The bytes are not those the store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the store says.
    pub expected: String,
    /// What the bytes give.
    pub got: String,
}

/// Takes an object's bytes in order and judges them at the end. Of constant size, but for part
/// sizes that differ.
pub struct Proof {
    claims: Claims,
    sizes: PartSizes,
    hash: SideBySide,
    whole: Stream,
    part: Option<Part>,
    parts_md5: Md5,
    parts: u32,
    crcs: Vec<(String, crc_fast::Digest)>,
    crc32c: crc_fast::Digest,
    taken: u64,
}

struct Part {
    md5: Stream,
    left: u64,
}

impl Proof {
    /// Of an object with these claims.
    pub fn new(claims: Claims, sizes: PartSizes) -> Self {
        let hash = SideBySide::new();
        let known = |name: &str| CHECKSUMS.iter().find(|(known, _)| *known == name);
        let crcs = claims.checksums.iter().filter_map(|(name, _)| {
            let (_, algorithm) = known(name)?;
            Some((name.clone(), crc_fast::Digest::new(*algorithm)))
        });
        let mut proof = Self {
            crcs: crcs.collect(),
            whole: hash.stream(),
            part: None,
            parts_md5: Md5::new(),
            parts: 0,
            crc32c: crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi),
            taken: 0,
            hash,
            sizes,
            claims,
        };
        // One part is the whole.
        if proof.claims.parts() == Some(1) {
            proof.sizes = PartSizes::Even(proof.claims.size.max(1));
        }
        proof
    }

    /// Takes the next bytes.
    pub fn update(&mut self, piece: &[u8]) {
        self.taken += piece.len() as u64;
        self.crc32c.update(piece);
        for (_, crc) in &mut self.crcs {
            crc.update(piece);
        }
        if self.claims.parts().is_none() || self.sizes == PartSizes::Unknown {
            self.hash.update([(&mut self.whole, piece)]);
            return;
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let mut part = self.part.take().unwrap_or_else(|| Part {
                md5: self.hash.stream(),
                left: self.sizes.next(),
            });
            let length = usize::try_from(part.left)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (now, later) = rest.split_at(length);
            self.hash
                .update([(&mut self.whole, now), (&mut part.md5, now)]);
            part.left -= length as u64;
            rest = later;
            match part.left {
                0 => self.end_part(part),
                _ => self.part = Some(part),
            }
        }
    }

    fn end_part(&mut self, part: Part) {
        self.parts_md5.update(part.md5.finish());
        self.parts += 1;
    }

    /// The digests of the bytes, and what they prove.
    pub fn finish(mut self) -> (BodyDigest, Result<Proven, Mismatch>) {
        if let Some(part) = self.part.take() {
            self.end_part(part);
        }
        let digest = BodyDigest {
            md5: self.whole.clone().finish(),
            crc32c: u32::try_from(self.crc32c.finalize()).unwrap_or_default(),
        };
        (digest, self.judge(&digest))
    }

    fn judge(self, digest: &BodyDigest) -> Result<Proven, Mismatch> {
        let compare = |expected: &str, got: &str| match expected.eq_ignore_ascii_case(got) {
            true => Ok(()),
            false => Err(Mismatch {
                expected: expected.to_owned(),
                got: got.to_owned(),
            }),
        };
        compare(&bytes(self.claims.size), &bytes(self.taken))?;
        let mut proven = Proven::Size;
        for (name, crc) in self.crcs {
            let given = self
                .claims
                .checksums
                .iter()
                .find(|(known, _)| *known == name);
            let value = crc.finalize().to_be_bytes();
            let length = if name == "crc64nvme" { 8 } else { 4 };
            let value = value.get(8 - length..).unwrap_or_default();
            if let Some((_, given)) = given {
                // Base64 is not the same in another case.
                let got = STANDARD.encode(value);
                if *given != got {
                    let expected = given.clone();
                    return Err(Mismatch { expected, got });
                }
                proven = Proven::Crc;
            }
        }
        if let Some(md5) = self.claims.md5() {
            compare(md5, &digest.etag())?;
            return Ok(Proven::Md5);
        }
        if self.claims.parts().is_some() && self.sizes != PartSizes::Unknown {
            let got = format!("{}-{}", hex::encode(self.parts_md5.finalize()), self.parts);
            return match compare(&self.claims.etag, &got) {
                Ok(()) => Ok(Proven::Parts),
                // The parts may have been cut otherwise; the CRC has proven the whole.
                Err(_) if proven == Proven::Crc => Ok(proven),
                Err(mismatch) => Err(mismatch),
            };
        }
        Ok(proven)
    }
}

impl PartSizes {
    /// The size of the next part; beyond the last, all that may come.
    fn next(&mut self) -> u64 {
        let size = match self {
            Self::Unknown => u64::MAX,
            Self::Even(size) => *size,
            Self::Each(sizes) => sizes.pop_front().unwrap_or(u64::MAX),
        };
        size.max(1)
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proof")
            .field("claims", &self.claims)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

fn bytes(count: u64) -> String {
    format!("{count} bytes")
}

fn is_md5(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::super::multipart_etag;
    use super::*;

    fn claims(size: u64, etag: &str, checksums: &[(&str, &str)]) -> Claims {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Claims {
            size,
            etag: etag.to_owned(),
            etag_is_md5: true,
            checksums: checksums.iter().map(text).collect(),
        }
    }

    fn prove(claims: Claims, sizes: PartSizes, body: &[u8]) -> Result<Proven, Mismatch> {
        let mut proof = Proof::new(claims, sizes);
        // In odd pieces, which must not matter.
        for piece in body.chunks(3) {
            proof.update(piece);
        }
        let (digest, result) = proof.finish();
        assert_eq!(digest, BodyDigest::of(body));
        result
    }

    #[test]
    fn the_strongest_claim_decides_and_any_false_one_refuses() {
        let body = b"123456789";
        let md5 = "25f9e794323b453885f5181f1b624d0b";
        let cut = |at: usize| {
            let parts: Vec<_> = body
                .chunks(at)
                .map(|part| BodyDigest::of(part).md5)
                .collect();
            multipart_etag(&parts)
        };
        let unknown = || PartSizes::Unknown;
        let crc = ("crc32c", "4waSgw==");
        let check = |claims, sizes| prove(claims, sizes, body);
        assert_eq!(check(claims(9, md5, &[]), unknown()), Ok(Proven::Md5));
        assert_eq!(
            check(claims(9, md5, &[("crc64nvme", "rosUhgp5mIg=")]), unknown()),
            Ok(Proven::Md5)
        );
        assert_eq!(
            check(claims(9, "opaque", &[("crc32", "y/Q5Jg==")]), unknown()),
            Ok(Proven::Crc)
        );
        assert_eq!(check(claims(9, "opaque", &[]), unknown()), Ok(Proven::Size));
        assert_eq!(
            check(claims(9, &cut(4), &[]), PartSizes::Even(4)),
            Ok(Proven::Parts)
        );
        assert_eq!(
            check(claims(9, &cut(100), &[]), unknown()),
            Ok(Proven::Parts)
        );
        let each = PartSizes::Each([4, 4, 1].into());
        assert_eq!(check(claims(9, &cut(4), &[]), each), Ok(Proven::Parts));
        assert_eq!(
            check(claims(9, &cut(4), &[crc]), PartSizes::Even(5)),
            Ok(Proven::Crc)
        );
        for (claims, sizes) in [
            (claims(8, md5, &[]), unknown()),
            (claims(9, &md5.replace('2', "3"), &[]), unknown()),
            (claims(9, md5, &[("crc32c", "4waSgW==")]), unknown()),
            (claims(9, &cut(4), &[]), PartSizes::Even(5)),
        ] {
            assert!(check(claims.clone(), sizes).is_err(), "{claims:?}");
        }
    }

    #[test]
    fn an_empty_object_is_proven_too() {
        let empty = "d41d8cd98f00b204e9800998ecf8427e";
        assert_eq!(
            prove(claims(0, empty, &[]), PartSizes::Unknown, b""),
            Ok(Proven::Md5)
        );
    }
}
