//! Bodies on their way: out in pieces, so that progress can be seen; in with a limit on silence.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{Error, STALL_TIMEOUT};

/// Small enough that a slow line shows progress within [`STALL_TIMEOUT`], large enough not to cost.
const PIECE_BYTES: usize = 256 * 1024;

/// How far a request body has been taken by the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request body in pieces that share the caller's memory.
#[derive(Debug)]
pub(super) struct Outgoing {
    rest: Bytes,
    progress: Progress,
}

impl Outgoing {
    pub(super) fn new(body: Bytes) -> (Self, Progress) {
        let progress = Progress::default();
        let outgoing = Self {
            rest: body,
            progress: progress.clone(),
        };
        (outgoing, progress)
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        self.progress.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// The bytes of an object, as they arrive. Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct Body(Incoming);

impl Body {
    pub(super) fn new(incoming: Incoming) -> Self {
        Self(incoming)
    }

    /// The next bytes, `None` at the end. An object that ends early is an error, never an end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = tokio::time::timeout(STALL_TIMEOUT, self.0.frame())
                .await
                .map_err(|_| Error::Timeout)?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Error::Transport(Box::new(error))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// All bytes, if they are no more than `limit`.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let expected = self.0.size_hint().lower();
        if expected > limit as u64 {
            return Err(too_long(limit));
        }
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.chunk().await? {
            if whole.len() + bytes.len() > limit {
                return Err(too_long(limit));
            }
            if whole.is_empty() && bytes.len() as u64 == expected {
                return Ok(bytes);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }
}

fn too_long(limit: usize) -> Error {
    Error::Protocol(format!("the answer is longer than {limit} bytes"))
}
