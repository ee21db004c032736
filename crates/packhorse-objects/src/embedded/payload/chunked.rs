//! The `aws-chunked` coding: chunks with or without signatures, then perhaps a trailer.

use bytes::{Buf as _, Bytes};
use packhorse_wire::sigv4::{ChunkChain, Signature};
use sha2::{Digest as _, Sha256};

use crate::embedded::fault::{Code, Fault, auth_fault};

/// A chunk's head has some 90 bytes, a trailer line some 130.
const LINE_BYTES_MAX: usize = 1024;
/// Trailers carry one checksum and one signature.
const TRAILER_LINES_MAX: usize = 8;
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Takes the coding off a body, piece by piece.
pub(super) struct Decoder {
    state: State,
    line: Vec<u8>,
    chain: Option<ChunkChain>,
    signed_trailer: bool,
    sha256: Sha256,
    claim: Option<Signature>,
    trailer: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

impl Decoder {
    /// With a chain, every chunk must be signed; with `signed_trailer`, the trailer too.
    pub(super) fn new(chain: Option<ChunkChain>, signed_trailer: bool) -> Self {
        Self {
            state: State::Head,
            line: Vec::new(),
            chain,
            signed_trailer,
            sha256: Sha256::new(),
            claim: None,
            trailer: Vec::new(),
        }
    }

    /// Takes from `input` and gives the next bytes of the body; `None` when it needs more input or
    /// is done.
    pub(super) fn decode(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, Fault> {
        while !input.is_empty() {
            if let State::Data(left) = self.state {
                let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let data = input.split_to(length);
                if self.chain.is_some() {
                    self.sha256.update(&data);
                }
                self.state = match left - length as u64 {
                    0 => State::DataEnd,
                    left => State::Data(left),
                };
                return Ok(Some(data));
            }
            if self.state == State::Done {
                return Err(malformed());
            }
            if let Some(line) = self.take_line(input)? {
                self.read_line(&line)?;
            }
        }
        Ok(None)
    }

    /// The trailer's fields in lower case, once the body has ended; an error when it has not.
    pub(super) fn finish(self) -> Result<Vec<(String, String)>, Fault> {
        match self.state {
            State::Done => Ok(self.trailer),
            _ => Err(Code::IncompleteBody.into()),
        }
    }

    fn take_line(&mut self, input: &mut Bytes) -> Result<Option<String>, Fault> {
        while input.has_remaining() {
            let byte = input.get_u8();
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                let line = line.strip_suffix(b"\r").unwrap_or(&line);
                return String::from_utf8(line.to_vec())
                    .map(Some)
                    .map_err(|_| malformed());
            }
            if self.line.len() >= LINE_BYTES_MAX {
                return Err(malformed());
            }
            self.line.push(byte);
        }
        Ok(None)
    }

    fn read_line(&mut self, line: &str) -> Result<(), Fault> {
        match self.state {
            State::Head => self.read_head(line),
            State::DataEnd if line.is_empty() => {
                self.check_chunk()?;
                self.state = State::Head;
                Ok(())
            }
            State::Trailer if line.is_empty() => {
                self.check_trailer()?;
                self.state = State::Done;
                Ok(())
            }
            State::Trailer => {
                let (name, value) = line.split_once(':').ok_or_else(malformed)?;
                if self.trailer.len() >= TRAILER_LINES_MAX {
                    return Err(malformed());
                }
                let name = name.trim().to_ascii_lowercase();
                self.trailer.push((name, value.trim().to_owned()));
                Ok(())
            }
            State::DataEnd | State::Data(_) | State::Done => Err(malformed()),
        }
    }

    /// `SIZE` or `SIZE;chunk-signature=SIGNATURE`, the size in hex.
    fn read_head(&mut self, line: &str) -> Result<(), Fault> {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let size = u64::from_str_radix(size.trim(), 16).map_err(|_| malformed())?;
        if self.chain.is_some() {
            let signature = extension.trim().strip_prefix("chunk-signature=");
            self.claim = signature.and_then(Signature::parse);
        }
        if size == 0 {
            self.check_chunk()?;
            self.state = State::Trailer;
        } else {
            self.state = State::Data(size);
        }
        Ok(())
    }

    fn check_chunk(&mut self) -> Result<(), Fault> {
        let Some(chain) = &mut self.chain else {
            return Ok(());
        };
        let sha256 = std::mem::take(&mut self.sha256).finalize().into();
        let claim = self.claim.take();
        let claim = claim.ok_or_else(|| Fault::from(Code::SignatureDoesNotMatch))?;
        chain
            .verify_chunk(&sha256, &claim)
            .map_err(|error| auth_fault(&error, false))
    }

    fn check_trailer(&mut self) -> Result<(), Fault> {
        let Some(chain) = self.chain.as_mut().filter(|_| self.signed_trailer) else {
            return Ok(());
        };
        let mut sha256 = Sha256::new();
        let mut claim = None;
        for (name, value) in &self.trailer {
            if name == TRAILER_SIGNATURE {
                claim = Signature::parse(value);
            } else {
                sha256.update(format!("{name}:{value}\n"));
            }
        }
        let claim = claim.ok_or_else(|| Fault::from(Code::SignatureDoesNotMatch))?;
        chain
            .verify_trailer(&sha256.finalize().into(), &claim)
            .map_err(|error| auth_fault(&error, false))
    }
}

fn malformed() -> Fault {
    Fault::new(Code::IncompleteBody, "the aws-chunked body is malformed")
}

#[cfg(test)]
mod tests {
    use packhorse_core::secret::Secret;
    use packhorse_wire::sigv4::{AmzDate, Scope, SigningKey};
    use proptest::prelude::*;

    use super::*;

    type Decoded = Result<(Vec<u8>, Vec<(String, String)>), Fault>;

    fn decode(mut decoder: Decoder, body: &[u8], piece: usize) -> Decoded {
        let mut out = Vec::new();
        for piece in body.chunks(piece) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(data) = decoder.decode(&mut input)? {
                out.extend_from_slice(&data);
            }
        }
        Ok((out, decoder.finish()?))
    }

    fn chain() -> ChunkChain {
        let date = AmzDate::parse("20130524T000000Z").unwrap();
        let scope = Scope::new(&date, "us-east-1", "s3");
        let key = SigningKey::derive(&Secret::new("secret"), scope);
        ChunkChain::new(key, date, Signature::parse(&"0".repeat(64)).unwrap())
    }

    fn signed(chunks: &[&[u8]], trailer: Option<&str>) -> Vec<u8> {
        let mut chain = chain();
        let mut body = Vec::new();
        for chunk in chunks.iter().chain([&b"".as_slice()]) {
            let signature = chain.sign_chunk(&Sha256::digest(chunk).into()).to_hex();
            body.extend(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).bytes());
            if !chunk.is_empty() {
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
        }
        if let Some(line) = trailer {
            let sha256 = Sha256::digest(format!("{line}\n")).into();
            let signature = chain.sign_trailer(&sha256).to_hex();
            body.extend(format!("{line}\r\n{TRAILER_SIGNATURE}:{signature}\r\n").bytes());
        }
        body.extend_from_slice(b"\r\n");
        body
    }

    proptest! {
        #[test]
        fn signed_chunks_decode_however_they_arrive(piece in 1_usize..200) {
            let body = signed(&[b"hello ", b"world"], None);
            let (out, trailer) = decode(Decoder::new(Some(chain()), false), &body, piece).unwrap();
            prop_assert_eq!(out, b"hello world");
            prop_assert!(trailer.is_empty());
        }

        #[test]
        fn garbage_is_an_error_and_never_a_panic(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            piece in 1_usize..50,
        ) {
            let _ = decode(Decoder::new(None, false), &body, piece);
            prop_assert!(decode(Decoder::new(Some(chain()), true), &body, piece).is_err());
        }
    }

    #[test]
    fn one_changed_byte_of_a_signed_body_is_refused() {
        let body = signed(
            &[b"hello ", b"world"],
            Some("x-amz-checksum-crc32:AAAAAA=="),
        );
        assert!(decode(Decoder::new(Some(chain()), true), &body, 7).is_ok());
        for index in 0..body.len() {
            let mut changed = body.clone();
            changed[index] ^= 1;
            let decoded = decode(Decoder::new(Some(chain()), true), &changed, 7);
            let expected = decode(Decoder::new(Some(chain()), true), &body, 7).unwrap();
            assert!(decoded.is_err() || decoded.unwrap() == expected, "{index}");
        }
        let short = &body[..body.len() - 2];
        assert!(decode(Decoder::new(Some(chain()), true), short, 7).is_err());
    }

    #[test]
    fn an_unsigned_body_ends_with_its_trailer() {
        let body = b"5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32c: mnG7TA==\r\n\r\n";
        let (out, trailer) = decode(Decoder::new(None, false), body, 3).unwrap();
        assert_eq!(out, b"hello");
        assert_eq!(
            trailer,
            [("x-amz-checksum-crc32c".to_owned(), "mnG7TA==".to_owned())]
        );
    }
}
