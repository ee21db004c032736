//! Reading a request's body: how long it may be, how long it may take, how many at once.
//!
//! Nobody has proved yet who they are when a body is read, so what it costs is bounded by itself:
//! large bodies take turns, who holds a turn must go on sending, and who waits for one in vain is
//! told to come again.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Time for a whole body, waiting for a turn aside: enough for the longest over a slow line, too
/// short to hold a place for long.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// A body up to this length needs no turn. Nearly all are shorter than 4 KiB.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// Larger bodies in memory at once: 48 of 3 MiB, with their decoded copies some 400 MiB.
const LARGE_BODIES_MAX: usize = 48;
/// Time to wait for a turn. Clients wait a minute for an answer, and retry a 503 by themselves.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);
/// Who holds a turn sends this much in each [`STEP_TIMEOUT`], 13 kB a second, or loses it: a modem
/// does, and to hold all turns takes a line.
const STEP_BYTES: usize = 64 * 1024;
/// See [`STEP_BYTES`].
const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// So much of a body that nobody wants is read and thrown away, since most clients read the answer
/// only when they have sent everything.
const THROWN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// And for this long.
const THROWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Turns for reading large bodies.
#[derive(Clone)]
pub(crate) struct Bodies {
    large: Arc<Semaphore>,
}

/// A body, and its turn if it needed one.
pub(crate) struct CutBody {
    pub(crate) bytes: Bytes,
    _turn: Option<OwnedSemaphorePermit>,
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
    /// No turn was to be had: the same request may be read a moment later.
    Busy,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self {
            large: Arc::new(Semaphore::new(LARGE_BODIES_MAX)),
        }
    }

    /// Reads a body of at most `bytes_max`.
    pub(crate) async fn read(
        &self,
        mut body: Body,
        bytes_max: usize,
    ) -> Result<CutBody, BodyError> {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let outcome = match announced > bytes_max {
            true => Err(BodyError::TooLong),
            false => self.read_whole(&mut body, bytes_max).await,
        };
        if let Err(BodyError::TooLong | BodyError::Busy) = outcome {
            // The answer does not wait for it; the connection stays open until the body is gone.
            tokio::spawn(timeout(THROWN_TIMEOUT, throw_away(body)));
        }
        outcome
    }

    async fn read_whole(&self, body: &mut Body, bytes_max: usize) -> Result<CutBody, BodyError> {
        let mut bytes = Vec::new();
        let mut turn: Option<Turn> = None;
        let mut end = Instant::now() + BODY_TIMEOUT;
        loop {
            let until = turn.as_ref().map_or(end, |turn| turn.until.min(end));
            let frame = timeout_at(until, body.frame()).await;
            let Some(frame) = frame.map_err(|_| BodyError::TooSlow)? else {
                break;
            };
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
                continue;
            };
            let length = bytes.len() + data.len();
            if length > bytes_max {
                return Err(BodyError::TooLong);
            }
            match &mut turn {
                Some(turn) => turn.goes_on(length),
                None if length > SMALL_BYTES_MAX => {
                    let asked = Instant::now();
                    turn = Some(self.turn(length).await?);
                    end += asked.elapsed();
                }
                None => {}
            }
            bytes.extend_from_slice(&data);
        }
        Ok(CutBody {
            bytes: bytes.into(),
            _turn: turn.map(|turn| turn.permit),
        })
    }

    /// A turn for a body of which `length` bytes came.
    async fn turn(&self, length: usize) -> Result<Turn, BodyError> {
        let next = timeout(TURN_TIMEOUT, self.large.clone().acquire_owned()).await;
        let permit = next.map_err(|_| BodyError::Busy)?;
        Ok(Turn {
            permit: permit.expect("the semaphore is never closed"),
            length,
            until: Instant::now() + STEP_TIMEOUT,
        })
    }
}

/// The right to go on with a large body, for as long as it is used.
struct Turn {
    permit: OwnedSemaphorePermit,
    /// Bytes at the beginning of this step.
    length: usize,
    /// The end of this step.
    until: Instant,
}

impl Turn {
    /// Notes that the body has so many bytes now.
    fn goes_on(&mut self, length: usize) {
        if length >= self.length + STEP_BYTES {
            self.length = length;
            self.until = Instant::now() + STEP_TIMEOUT;
        }
    }
}

/// Reads on for a while, keeping nothing.
async fn throw_away(mut body: Body) {
    let mut thrown = 0;
    while let Some(Ok(frame)) = body.frame().await {
        thrown += frame.data_ref().map_or(0, Bytes::len);
        if thrown > THROWN_BYTES_MAX {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use http_body::Frame;
    use tokio::time::{Sleep, sleep};

    use super::*;

    const LIMIT: usize = 1 << 20;

    async fn read(length: usize, max: usize) -> Result<usize, BodyError> {
        let body = Body::from(vec![b'x'; length]);
        Bodies::new()
            .read(body, max)
            .await
            .map(|body| body.bytes.len())
    }

    /// Pieces of these lengths, each of which comes `pause` after the one before.
    struct Pieces {
        left: std::vec::IntoIter<usize>,
        pause: Duration,
        next: Pin<Box<Sleep>>,
    }

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            ready!(self.next.as_mut().poll(context));
            self.next = Box::pin(sleep(self.pause));
            let piece = |length| Ok(Frame::data(Bytes::from(vec![b'x'; length])));
            Poll::Ready(self.left.next().map(piece))
        }
    }

    fn sent(pieces: Vec<usize>, pause: Duration) -> Body {
        Body::new(Pieces {
            left: pieces.into_iter(),
            pause,
            next: Box::pin(sleep(pause)),
        })
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit_and_no_further() {
        assert_eq!(read(0, 10).await, Ok(0));
        assert_eq!(read(10, 10).await, Ok(10));
        assert_eq!(read(11, 10).await, Err(BodyError::TooLong));
        assert_eq!(read(100_000, 200_000).await, Ok(100_000));
        let unannounced = sent(vec![6, 6], Duration::ZERO);
        let refused = Bodies::new().read(unannounced, 10).await;
        assert_eq!(refused.err(), Some(BodyError::TooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_take_turns_and_who_gets_none_may_come_again() {
        let bodies = Bodies::new();
        let mut held = Vec::new();
        for _ in 0..LARGE_BODIES_MAX {
            let body = Body::from(vec![0; SMALL_BYTES_MAX + 1]);
            held.push(bodies.read(body, LIMIT).await.ok().unwrap());
        }
        let begun = Instant::now();
        let waiting = bodies.read(Body::from(vec![0; SMALL_BYTES_MAX + 1]), LIMIT);
        assert_eq!(waiting.await.err(), Some(BodyError::Busy));
        assert_eq!(begun.elapsed(), TURN_TIMEOUT);
        let small = bodies.read(Body::from(vec![0; SMALL_BYTES_MAX]), LIMIT);
        assert!(small.await.is_ok());
        held.pop();
        let next = bodies.read(Body::from(vec![0; SMALL_BYTES_MAX + 1]), LIMIT);
        assert!(next.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_a_turn_and_sends_next_to_nothing_loses_it_to_the_next() {
        let bodies = Bodies::new();
        let mut slow = Vec::new();
        for _ in 0..LARGE_BODIES_MAX {
            let mut pieces = vec![SMALL_BYTES_MAX + 1];
            pieces.extend([1; 100]);
            let (bodies, body) = (bodies.clone(), sent(pieces, Duration::from_secs(1)));
            slow.push(tokio::spawn(async move {
                bodies.read(body, LIMIT).await.map(|_| ())
            }));
        }
        // They have their turns by now.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begun = Instant::now();
        let next = bodies.read(Body::from(vec![0; LIMIT]), LIMIT);
        assert!(next.await.is_ok());
        assert!(begun.elapsed() <= STEP_TIMEOUT);
        for slow in slow {
            assert_eq!(slow.await.unwrap(), Err(BodyError::TooSlow));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_that_goes_on_is_waited_for_until_the_end() {
        let step = || vec![STEP_BYTES / 4; 16];
        let good = sent(step(), STEP_TIMEOUT / 5);
        assert!(Bodies::new().read(good, LIMIT).await.is_ok());
        let begun = Instant::now();
        let endless = sent(vec![STEP_BYTES; 1000], STEP_TIMEOUT / 2);
        let refused = Bodies::new().read(endless, usize::MAX).await;
        assert_eq!(refused.err(), Some(BodyError::TooSlow));
        assert_eq!(begun.elapsed(), BODY_TIMEOUT);
    }
}
