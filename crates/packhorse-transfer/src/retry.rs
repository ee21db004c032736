//! The retry policy of every request to the store, and the job's limits.

use std::future::Future;
use std::time::Duration;

use packhorse_objects::client::Error as StoreError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::progress::Meter;

/// The first pause; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause: an outage that ends is noticed within this time.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// After a stop, requests under way may take this long to end.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// A body that arrives damaged this often is not a passing fault.
const CORRUPTIONS_MAX: u32 = 5;

/// What a job may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all buffers together; or one part of a file, where that is more (see
    /// [`MEMORY_BYTES_MIN`](crate::MEMORY_BYTES_MIN)).
    pub memory_bytes: u64,
    /// Requests with contents of files under way at once, at the most; how many there are follows the
    /// store.
    pub connections: usize,
    /// How long the store may be out of reach before the load stops (resumable).
    pub retry_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 48 * 1024 * 1024,
            connections: 256,
            retry_for: Duration::from_secs(600),
        }
    }
}

/// What a request came to, when it did not succeed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// This object cannot be stored: a failed row.
    Object(StoreError),
    /// The job cannot go on.
    Job(Error),
}

impl Failed {
    /// For requests that concern the whole job: a refusal of `what` ends it.
    pub(crate) fn into_job(self, what: String) -> Error {
        match self {
            Self::Job(error) => error,
            Self::Object(source) => Error::StoreRefused { what, source },
        }
    }
}

/// Runs requests with the policy.
#[derive(Clone)]
pub(crate) struct Retry {
    pub limits: Limits,
    pub stop: CancellationToken,
    pub meter: Meter,
}

impl Retry {
    /// Sends a request until it succeeds, fails for good, or the store was out of reach for too
    /// long. `what` is for people: "PUT bucket/key".
    pub(crate) async fn run<T, F>(
        &self,
        what: &(dyn Fn() -> String + Sync),
        mut request: impl FnMut() -> F,
    ) -> Result<T, Failed>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let begun = Instant::now();
        let mut pause = PAUSE_FIRST;
        let mut corruptions = 0;
        loop {
            let Some(answer) = self.once(request()).await else {
                return Err(Failed::Job(Error::Stopped));
            };
            let error = match answer {
                Ok(value) => {
                    self.meter.store_answered();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if refuses_the_job(&error) {
                return Err(Failed::Job(Error::StoreRefused {
                    what: what(),
                    source: error,
                }));
            }
            corruptions += u32::from(matches!(error, StoreError::Corrupted { .. }));
            if !error.is_retryable() || corruptions >= CORRUPTIONS_MAX {
                return Err(Failed::Object(error));
            }
            if begun.elapsed() + pause > self.limits.retry_for {
                return Err(Failed::Job(Error::StoreUnavailable {
                    what: what(),
                    source: error,
                }));
            }
            self.meter.store_failed(&error, Instant::now().into_std());
            tracing::debug!(request = what(), error = %error, "store request failed, will retry");
            tokio::select! {
                () = self.stop.cancelled() => return Err(Failed::Job(Error::Stopped)),
                () = tokio::time::sleep(jittered(pause)) => {}
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

impl Retry {
    /// Sends one request. After a stop none is begun, and one under way may end: what the store
    /// confirms is recorded instead of sent again.
    async fn once<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        if self.stop.is_cancelled() {
            return None;
        }
        let _under_way = self.meter.begin_request();
        let mut request = std::pin::pin!(request);
        tokio::select! {
            answer = &mut request => Some(answer),
            () = self.stop.cancelled() => tokio::time::timeout(STOP_GRACE, request).await.ok(),
        }
    }
}

/// Half to all of `pause`, so that requests that failed together do not return together.
fn jittered(pause: Duration) -> Duration {
    let mut random = [0; 2];
    // Without randomness the pause is merely less spread.
    getrandom::fill(&mut random).ok();
    pause.mul_f64(0.5 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0)
}

/// Answers that every other file would get too. The operator must learn of them while the disk is
/// still there, instead of finding a report full of failed rows.
fn refuses_the_job(error: &StoreError) -> bool {
    const CODES: [&str; 5] = [
        "NoSuchBucket",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
        "AllAccessDisabled",
    ];
    error.code().is_some_and(|code| CODES.contains(&code))
}
