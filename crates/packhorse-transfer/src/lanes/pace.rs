//! How many requests of a kind are under way at once: as many as make it faster.
//!
//! The number grows while the store gets more done in the same time, and goes back where it does
//! not: beyond that point requests only wait for one another. A store that says it is busy, or does
//! not answer in time, gets fewer at once. So a near store is not flooded, and a far one is not
//! waited for request by request. How many bytes are in memory is the budget's word, not this one's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use packhorse_objects::client::Error as StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Requests at the start: enough for a near store, and a far one is known within seconds.
const START: usize = 16;
/// Shortest time over which work is counted before the number changes.
const WINDOW: Duration = Duration::from_millis(250);
/// Windows without a change after a number that was of no use, or a refusal.
const HOLD_WINDOWS: u32 = 8;
/// What counts as more done in the same time.
const GAIN: f64 = 1.05;
/// What a request costs a store apart from its bytes, in bytes: small objects are counted rather
/// than weighed.
const REQUEST_BYTES: u64 = 64 * 1024;

/// Slots for requests of one kind.
#[derive(Debug)]
pub(crate) struct Pace {
    free: Semaphore,
    rule: Mutex<Rule>,
    /// Requests of every kind together.
    all: Arc<Semaphore>,
}

/// The right to have a request under way, until dropped.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    pace: &'a Pace,
    _one_of_all: OwnedSemaphorePermit,
}

impl Pace {
    /// At most `requests_max` at once, and one of `all` for each.
    pub(crate) fn new(requests_max: usize, all: Arc<Semaphore>) -> Self {
        let rule = Rule::new(requests_max.max(1));
        Self {
            free: Semaphore::new(rule.limit),
            rule: Mutex::new(rule),
            all,
        }
    }

    /// How many requests there may be now.
    pub(crate) fn limit(&self) -> usize {
        self.rule().limit
    }

    /// Waits for a slot.
    pub(crate) async fn slot(&self) -> Slot<'_> {
        let permit = self.free.acquire().await;
        // Never closed; the permit comes back in `Slot::drop`, unless there are to be fewer.
        let permit = permit.expect("the semaphore is not closed");
        let one_of_all = Arc::clone(&self.all).acquire_owned().await;
        let slot = Slot {
            pace: self,
            _one_of_all: one_of_all.expect("the semaphore is not closed"),
        };
        permit.forget();
        slot
    }

    /// Runs one request and learns from it.
    pub(crate) async fn observed<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let result = request.await;
        let all_taken = self.free.available_permits() == 0;
        let now = Instant::now();
        let mut rule = self.rule();
        let before = rule.limit;
        match &result {
            Ok(_) => rule.done(now, bytes, all_taken),
            Err(error) if is_overload(error) => rule.refused(now),
            Err(_) => {}
        }
        let (limit, more) = (rule.limit, rule.limit.saturating_sub(before));
        let fewer = before.saturating_sub(limit);
        // Slots that are to go and are taken now go when they are given back.
        let paid = rule.debt.min(more);
        rule.debt = rule.debt - paid + fewer - self.free.forget_permits(fewer);
        self.free.add_permits(more - paid);
        if limit != before {
            tracing::debug!(requests = limit, "another number of requests at once");
        }
        drop(rule);
        result
    }

    fn rule(&self) -> MutexGuard<'_, Rule> {
        self.rule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut rule = self.pace.rule();
        match rule.debt.checked_sub(1) {
            Some(debt) => rule.debt = debt,
            None => self.pace.free.add_permits(1),
        }
    }
}

/// Whether the store had too much to do, as far as it told.
fn is_overload(error: &StoreError) -> bool {
    let busy = matches!(error.status(), Some(429 | 503));
    busy || error.code() == Some("SlowDown") || matches!(error, StoreError::Timeout)
}

/// The number, and how it changes.
#[derive(Debug)]
struct Rule {
    limit: usize,
    limit_max: usize,
    /// Slots that are to go once they are given back.
    debt: usize,
    /// The number before the last growth, and what was done per second then.
    before: Option<(usize, f64)>,
    /// Windows to pass without a change.
    hold: u32,
    window: Option<Window>,
    cut_at: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    begun: Instant,
    requests: usize,
    bytes: u64,
    /// Whether all slots were taken at some time: else another number changes nothing.
    full: bool,
}

impl Rule {
    fn new(limit_max: usize) -> Self {
        Self {
            limit: START.min(limit_max),
            limit_max,
            debt: 0,
            before: None,
            hold: 0,
            window: None,
            cut_at: None,
        }
    }

    /// A request of so many bytes was answered well.
    fn done(&mut self, now: Instant, bytes: u64, all_taken: bool) {
        let window = self.window.get_or_insert(Window {
            begun: now,
            requests: 0,
            bytes: 0,
            full: false,
        });
        window.requests += 1;
        window.bytes += bytes + REQUEST_BYTES;
        window.full |= all_taken;
        let took = now - window.begun;
        // Every slot must have had its turn for the rate to be that of this number.
        if took < WINDOW || window.requests < self.limit {
            return;
        }
        let (full, rate) = (window.full, window.bytes as f64 / took.as_secs_f64());
        self.window = None;
        if self.hold > 0 {
            self.hold -= 1;
        } else if full {
            self.judge(rate);
        }
    }

    fn judge(&mut self, rate: f64) {
        match self.before {
            Some((limit, rate_before)) if rate < rate_before * GAIN => {
                self.limit = limit;
                self.before = None;
                self.hold = HOLD_WINDOWS;
            }
            _ if self.limit == self.limit_max => {}
            _ => {
                self.before = Some((self.limit, rate));
                self.limit = (self.limit + self.limit.div_ceil(2)).min(self.limit_max);
            }
        }
    }

    /// The store has too much to do. Requests that were under way together are refused together:
    /// within a window that is one word, not many.
    fn refused(&mut self, now: Instant) {
        self.window = None;
        self.before = None;
        self.hold = HOLD_WINDOWS;
        if self.cut_at.is_none_or(|at| now - at >= WINDOW) {
            self.cut_at = Some(now);
            self.limit = (self.limit * 3 / 4).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that takes `latency_ms` for a request and serves `servers` at once.
    fn windows(rule: &mut Rule, now: &mut Instant, count: usize, latency_ms: u64, servers: usize) {
        for _ in 0..count {
            let under_way = rule.limit;
            let rounds =
                (WINDOW.as_millis() as u64 / latency_ms + 2) * under_way.div_ceil(servers) as u64;
            for _ in 0..rounds {
                *now += Duration::from_millis(latency_ms);
                for _ in 0..under_way.min(servers) {
                    rule.done(*now, 1000, true);
                }
            }
        }
    }

    #[tokio::test]
    async fn grows_on_a_far_store_and_stays_on_one_that_is_busy() {
        let mut now = Instant::now();
        let mut far = Rule::new(256);
        windows(&mut far, &mut now, 12, 100, 1000);
        assert_eq!(far.limit, 256);
        let mut near = Rule::new(256);
        windows(&mut near, &mut now, 40, 5, 8);
        assert!(near.limit <= START * 3 / 2, "{near:?}");
    }

    #[tokio::test]
    async fn refusals_of_one_moment_are_one_word_and_lasting_ones_end_at_one() {
        let mut now = Instant::now();
        let mut rule = Rule::new(256);
        for _ in 0..50 {
            rule.refused(now);
        }
        assert_eq!(rule.limit, 12);
        for _ in 0..50 {
            now += WINDOW;
            rule.refused(now);
        }
        assert_eq!(rule.limit, 1);
        windows(&mut rule, &mut now, 40, 100, 1000);
        assert!(rule.limit > 16, "{rule:?}");
    }

    #[tokio::test]
    async fn slots_are_as_many_as_the_rule_says_also_while_they_are_taken() {
        let pace = Pace::new(4, Arc::new(Semaphore::new(4)));
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(pace.slot().await);
        }
        let busy = async { Err::<(), _>(StoreError::Timeout) };
        assert!(pace.observed(1, busy).await.is_err());
        assert_eq!(pace.rule().limit, 3);
        drop(held.pop());
        assert_eq!(pace.free.available_permits(), 0);
        drop(held);
        assert_eq!(pace.free.available_permits(), 3);
    }
}
