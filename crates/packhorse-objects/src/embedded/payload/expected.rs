//! What a request says its body is, and whether it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use packhorse_wire::sigv4::Payload as Cover;
use sha2::Sha256;

use super::Payload;
use crate::embedded::checksum::{Algorithm, Summer};
use crate::embedded::fault::{Code, Fault};

/// The digests that a body must have.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    /// Computed in any case; checked when there is a value.
    algorithm: Option<Algorithm>,
    checksum: Option<Vec<u8>>,
    trailer: Option<Algorithm>,
}

/// Digests being computed.
pub(crate) struct Digests {
    md5: Md5,
    sha256: Option<Sha256>,
    summer: Option<Summer>,
}

/// The digests of a body.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) md5: [u8; 16],
    pub(crate) checksum: Option<Vec<u8>>,
    sha256: Option<[u8; 32]>,
}

impl Expected {
    /// Reads the headers. `declared` is the algorithm that applies when they name none.
    pub(crate) fn of_request(
        headers: &HeaderMap,
        cover: Cover,
        declared: Option<Algorithm>,
    ) -> Result<Self, Fault> {
        let given = checksum_header(headers)?;
        let trailer = trailer_algorithm(headers)?;
        let named = named_algorithm(headers)?;
        if given.is_some() && trailer.is_some() {
            return Err(Fault::new(
                Code::InvalidRequest,
                "a checksum is expected either in a header or in the trailer",
            ));
        }
        let algorithm = given
            .as_ref()
            .map(|(algorithm, _)| *algorithm)
            .or(trailer)
            .or(named)
            .or(declared);
        if let (Some(declared), Some(algorithm)) = (declared, algorithm)
            && declared != algorithm
        {
            return Err(Fault::new(
                Code::InvalidRequest,
                format!("the upload was begun with {} checksums", declared.name()),
            ));
        }
        Ok(Self {
            md5: content_md5(headers)?,
            sha256: match cover {
                Cover::Sha256(digest) => Some(digest),
                Cover::Unsigned
                | Cover::SignedChunks
                | Cover::SignedChunksTrailer
                | Cover::UnsignedChunksTrailer => None,
            },
            algorithm,
            checksum: given.map(|(_, value)| value),
            trailer,
        })
    }

    /// Nothing is expected, only the checksum computed.
    pub(crate) fn nothing(algorithm: Option<Algorithm>) -> Self {
        Self {
            algorithm,
            ..Self::default()
        }
    }

    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Takes the checksum that came after the body.
    pub(crate) fn add_trailer(&mut self, payload: &Payload<'_>) -> Result<(), Fault> {
        if let Some(algorithm) = self.trailer {
            let value = payload
                .trailer(algorithm.header())
                .and_then(|value| algorithm.decode(value))
                .ok_or_else(|| Fault::from(Code::InvalidDigest))?;
            self.checksum = Some(value);
        }
        Ok(())
    }

    /// Compares.
    pub(crate) fn check(&self, found: &Found) -> Result<(), Fault> {
        if self.sha256.is_some() && self.sha256 != found.sha256 {
            return Err(Code::ContentSha256Mismatch.into());
        }
        if self.md5.is_some_and(|md5| md5 != found.md5) {
            return Err(Fault::new(
                Code::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
        if self.checksum.is_some() && self.checksum != found.checksum {
            let name = self.algorithm.map_or("checksum", Algorithm::name);
            return Err(Fault::new(
                Code::BadDigest,
                format!("The {name} you specified did not match the calculated checksum."),
            ));
        }
        Ok(())
    }
}

impl Digests {
    pub(crate) fn new(expected: &Expected) -> Self {
        Self {
            md5: Md5::new(),
            sha256: expected.sha256.map(|_| Sha256::new()),
            summer: expected.algorithm.map(Summer::new),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        if let Some(summer) = &mut self.summer {
            summer.update(bytes);
        }
    }

    pub(crate) fn finish(self) -> Found {
        Found {
            md5: self.md5.finalize().into(),
            checksum: self.summer.map(Summer::finish),
            sha256: self.sha256.map(|digest| digest.finalize().into()),
        }
    }
}

fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, Fault> {
    let Some(value) = headers.get("content-md5") else {
        return Ok(None);
    };
    let digest = STANDARD.decode(value.as_bytes()).ok();
    let digest = digest.and_then(|digest| <[u8; 16]>::try_from(digest).ok());
    digest
        .map(Some)
        .ok_or_else(|| Fault::from(Code::InvalidDigest))
}

/// The one checksum that a request gives in a header.
pub(crate) fn checksum_header(headers: &HeaderMap) -> Result<Option<(Algorithm, Vec<u8>)>, Fault> {
    let mut given = None;
    for algorithm in Algorithm::ALL {
        let Some(value) = headers.get(algorithm.header()) else {
            continue;
        };
        let text = value.to_str().unwrap_or_default();
        let value = algorithm.decode(text).ok_or_else(|| {
            Fault::new(
                Code::InvalidRequest,
                format!("Value for {} header is invalid.", algorithm.header()),
            )
        })?;
        if given.replace((algorithm, value)).is_some() {
            return Err(Fault::new(
                Code::InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.",
            ));
        }
    }
    Ok(given)
}

fn trailer_algorithm(headers: &HeaderMap) -> Result<Option<Algorithm>, Fault> {
    let Some(value) = headers.get("x-amz-trailer") else {
        return Ok(None);
    };
    let name = value.to_str().unwrap_or_default().trim();
    Algorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
        .map(Some)
        .ok_or_else(|| {
            Fault::new(
                Code::InvalidRequest,
                "x-amz-trailer must name one x-amz-checksum- field",
            )
        })
}

/// `x-amz-sdk-checksum-algorithm`, or its other name.
pub(crate) fn named_algorithm(headers: &HeaderMap) -> Result<Option<Algorithm>, Fault> {
    let value = headers
        .get("x-amz-sdk-checksum-algorithm")
        .or_else(|| headers.get("x-amz-checksum-algorithm"));
    let Some(value) = value else {
        return Ok(None);
    };
    Algorithm::parse(value.to_str().unwrap_or_default())
        .map(Some)
        .ok_or_else(|| {
            Fault::new(
                Code::InvalidRequest,
                "the checksum algorithm must be CRC32, CRC32C, CRC64NVME, SHA1 or SHA256",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(fields: &[(&'static str, &'static str)]) -> Result<Expected, Fault> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().unwrap());
        }
        Expected::of_request(&headers, Cover::Unsigned, None)
    }

    fn check(fields: &[(&'static str, &'static str)], body: &[u8]) -> Result<(), Code> {
        let expected = expected(fields).map_err(|fault| fault.code())?;
        let mut digests = Digests::new(&expected);
        digests.update(body);
        expected
            .check(&digests.finish())
            .map_err(|fault| fault.code())
    }

    #[test]
    fn compares_whatever_is_given() {
        let body = b"123456789";
        for (name, value, result) in [
            ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==", Ok(())),
            (
                "content-md5",
                "JfnnlDI7RTiF9RgfG2JNDA==",
                Err(Code::BadDigest),
            ),
            ("content-md5", "not base64", Err(Code::InvalidDigest)),
            ("x-amz-checksum-crc32", "y/Q5Jg==", Ok(())),
            ("x-amz-checksum-crc32c", "4waSgw==", Ok(())),
            ("x-amz-checksum-crc32c", "4waShA==", Err(Code::BadDigest)),
            ("x-amz-checksum-crc32c", "4waS", Err(Code::InvalidRequest)),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=", Ok(())),
            (
                "x-amz-checksum-sha1",
                "98O8HYCOBHMq32eZZczDTKeuNEE=",
                Ok(()),
            ),
        ] {
            assert_eq!(check(&[(name, value)], body), result, "{name}: {value}");
        }
        let two = [
            ("x-amz-checksum-crc32", "y/Q5Jg=="),
            ("x-amz-checksum-crc32c", "4waSgw=="),
        ];
        assert_eq!(check(&two, body), Err(Code::InvalidRequest));
    }

    #[test]
    fn a_payload_hash_is_checked() {
        let cover = Cover::Sha256([0; 32]);
        let expected = Expected::of_request(&HeaderMap::new(), cover, None).unwrap();
        let fault = expected
            .check(&Digests::new(&expected).finish())
            .unwrap_err();
        assert_eq!(fault.code(), Code::ContentSha256Mismatch);
    }
}
