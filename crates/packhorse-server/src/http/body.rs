//! Reading a request's body: how long it may be, how long it may take, how many at once.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

/// Time for a whole body: enough for 2 MiB over a slow line, too short to hold a place for long.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// A body up to this length needs no turn. Nearly all are shorter than 4 KiB.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// Larger bodies in memory at once: 64 of 2 MiB, with their decoded copies some 400 MiB.
const LARGE_BODIES_MAX: usize = 64;
/// So much of a body that is too long is read and thrown away, since most clients read the answer
/// only when they have sent everything.
const THROWN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Turns for reading large bodies.
#[derive(Clone)]
pub(crate) struct Bodies {
    large: Arc<Semaphore>,
}

/// A body, and its turn if it needed one.
pub(crate) struct CutBody {
    pub(crate) bytes: Bytes,
    _turn: Option<tokio::sync::OwnedSemaphorePermit>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than allowed.
    TooLong,
    /// It did not come in time.
    TooSlow,
    /// The connection broke.
    Broken,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self {
            large: Arc::new(Semaphore::new(LARGE_BODIES_MAX)),
        }
    }

    /// Reads a body of at most `bytes_max`.
    pub(crate) async fn read(&self, body: Body, bytes_max: usize) -> Result<CutBody, BodyError> {
        let reading = tokio::time::timeout(BODY_TIMEOUT, self.read_whole(body, bytes_max));
        reading.await.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn read_whole(&self, mut body: Body, bytes_max: usize) -> Result<CutBody, BodyError> {
        let mut bytes = Vec::new();
        let mut turn = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
                continue;
            };
            let length = bytes.len() + data.len();
            if length > bytes_max {
                drop((bytes, turn));
                return throw_away(body).await;
            }
            if length > SMALL_BYTES_MAX && turn.is_none() {
                let next = self.large.clone().acquire_owned().await;
                turn = Some(next.expect("the semaphore is never closed"));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(CutBody {
            bytes: bytes.into(),
            _turn: turn,
        })
    }
}

/// Reads on for a while, keeping nothing.
async fn throw_away(mut body: Body) -> Result<CutBody, BodyError> {
    let mut thrown = 0;
    while let Some(Ok(frame)) = body.frame().await {
        thrown += frame.data_ref().map_or(0, Bytes::len);
        if thrown > THROWN_BYTES_MAX {
            break;
        }
    }
    Err(BodyError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(length: usize, max: usize) -> Result<usize, BodyError> {
        let body = Body::from(vec![b'x'; length]);
        Bodies::new()
            .read(body, max)
            .await
            .map(|body| body.bytes.len())
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_no_further() {
        assert_eq!(read(0, 10).await, Ok(0));
        assert_eq!(read(10, 10).await, Ok(10));
        assert_eq!(read(11, 10).await, Err(BodyError::TooLong));
        assert_eq!(read(100_000, 200_000).await, Ok(100_000));
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_take_turns_and_slow_ones_lose_theirs() {
        let bodies = Bodies::new();
        let mut held = Vec::new();
        for _ in 0..LARGE_BODIES_MAX {
            let body = Body::from(vec![0; SMALL_BYTES_MAX + 1]);
            held.push(bodies.read(body, 1 << 20).await.ok().unwrap());
        }
        let waiting = bodies.read(Body::from(vec![0; SMALL_BYTES_MAX + 1]), 1 << 20);
        assert_eq!(waiting.await.err(), Some(BodyError::TooSlow));
        let small = bodies.read(Body::from(vec![0; SMALL_BYTES_MAX]), 1 << 20);
        assert!(small.await.is_ok());
        held.pop();
        let next = bodies.read(Body::from(vec![0; SMALL_BYTES_MAX + 1]), 1 << 20);
        assert!(next.await.is_ok());
    }
}
