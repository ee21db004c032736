//! The body of a request: what it must be, and its bytes as they arrive.

mod chunked;
mod expected;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use packhorse_wire::sigv4::{ChunkChain, Payload as Cover};

use self::chunked::Decoder;
use super::fault::{Code, Fault};
use super::limits::BODY_STALL_TIMEOUT;

pub(crate) use self::expected::{Digests, Expected, Found, named_algorithm};

/// A body being received.
pub(crate) struct Payload<'a> {
    body: &'a mut Incoming,
    decoder: Option<Decoder>,
    input: Bytes,
    left: Option<u64>,
    trailer: Vec<(String, String)>,
}

/// How the signature covers the body.
pub(crate) struct Covered {
    pub(crate) cover: Cover,
    /// For chunks with signatures.
    pub(crate) chain: Option<ChunkChain>,
}

impl<'a> Payload<'a> {
    /// `decoded_length` is what `x-amz-decoded-content-length` announces.
    pub(crate) fn new(
        body: &'a mut Incoming,
        covered: Covered,
        decoded_length: Option<u64>,
    ) -> Self {
        let decoder = match covered.cover {
            Cover::Sha256(_) | Cover::Unsigned => None,
            Cover::SignedChunks => Some(Decoder::new(covered.chain, false)),
            Cover::SignedChunksTrailer => Some(Decoder::new(covered.chain, true)),
            Cover::UnsignedChunksTrailer => Some(Decoder::new(None, false)),
        };
        Self {
            body,
            left: decoded_length.filter(|_| decoder.is_some()),
            decoder,
            input: Bytes::new(),
            trailer: Vec::new(),
        }
    }

    /// The next bytes; `None` at the end, when all of it was there.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(data) = self.decoded()? {
                return Ok(Some(data));
            }
            match self.received().await? {
                None => return self.finish(),
                Some(bytes) if self.decoder.is_some() => self.input = bytes,
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => return Ok(Some(bytes)),
            }
        }
    }

    /// A field of the trailer, after the end.
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        let mut fields = self.trailer.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value)
    }

    fn decoded(&mut self) -> Result<Option<Bytes>, Fault> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(None);
        };
        let Some(data) = decoder.decode(&mut self.input)? else {
            return Ok(None);
        };
        if let Some(left) = &mut self.left {
            *left = left
                .checked_sub(data.len() as u64)
                .ok_or_else(|| Fault::from(Code::IncompleteBody))?;
        }
        Ok(Some(data))
    }

    async fn received(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = tokio::time::timeout(BODY_STALL_TIMEOUT, self.body.frame())
                .await
                .map_err(|_| Fault::from(Code::RequestTimeout))?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(Code::IncompleteBody.into()),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    fn finish(&mut self) -> Result<Option<Bytes>, Fault> {
        if let Some(decoder) = self.decoder.take() {
            self.trailer = decoder.finish()?;
        }
        match self.left {
            Some(left) if left > 0 => Err(Code::IncompleteBody.into()),
            _ => Ok(None),
        }
    }
}

/// A whole small body, checked like any other.
pub(crate) async fn collect(
    mut payload: Payload<'_>,
    mut expected: Expected,
    limit: usize,
) -> Result<Vec<u8>, Fault> {
    let mut whole = BytesMut::new();
    while let Some(bytes) = payload.next().await? {
        if whole.len() + bytes.len() > limit {
            return Err(Fault::new(Code::MalformedXml, "the document is too long"));
        }
        whole.extend_from_slice(&bytes);
    }
    let mut digests = Digests::new(&expected);
    digests.update(&whole);
    expected.add_trailer(&payload)?;
    expected.check(&digests.finish())?;
    Ok(whole.to_vec())
}
