//! What a store does wrong, so many times in a thousand, and how far away it is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The knobs.
#[derive(Clone, Debug, Default)]
pub struct Knobs {
    /// Added to every answer.
    pub latency: Duration,
    /// Bytes per second over all connections; 0 is no limit.
    pub bandwidth: u64,
    /// Of a thousand requests with a body: answered 503.
    pub slow_down: u64,
    /// Closed without an answer.
    pub reset: u64,
    /// Never answered.
    pub hang: u64,
    /// Answered with an ETag that is not the body's.
    pub corrupt: u64,
    /// Picks which requests.
    pub seed: u64,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing special.
    Well,
    /// 503 SlowDown.
    SlowDown,
    /// The connection is closed.
    Reset,
    /// No answer ever.
    Hang,
    /// A wrong ETag.
    Corrupt,
}

/// The knobs at work.
#[derive(Debug)]
pub struct Faults {
    knobs: Knobs,
    drawn: AtomicU64,
    /// When the line is free again.
    free_at: Mutex<Instant>,
}

impl Faults {
    /// With these knobs.
    pub fn new(knobs: Knobs) -> Self {
        Self {
            knobs,
            drawn: AtomicU64::new(0),
            free_at: Mutex::new(Instant::now()),
        }
    }

    /// The fate of the next request; the same seed gives the same sequence.
    pub fn draw(&self) -> Fate {
        let knobs = &self.knobs;
        let fates = [
            (knobs.slow_down, Fate::SlowDown),
            (knobs.reset, Fate::Reset),
            (knobs.hang, Fate::Hang),
            (knobs.corrupt, Fate::Corrupt),
        ];
        if fates.iter().all(|(share, _)| *share == 0) {
            return Fate::Well;
        }
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let mut dice = mixed(knobs.seed ^ mixed(number)) % 1000;
        for (share, fate) in fates {
            if dice < share {
                return fate;
            }
            dice -= share;
        }
        Fate::Well
    }

    /// Waits as long as a body of that size takes over the line, and for the answer to travel.
    pub fn travel(&self, bytes: u64) {
        let mut wait = self.knobs.latency;
        if self.knobs.bandwidth > 0 {
            let took = Duration::from_secs_f64(bytes as f64 / self.knobs.bandwidth as f64);
            let mut free_at = self.free_at.lock().expect("no thread panics with the line");
            let now = Instant::now();
            *free_at = (*free_at).max(now) + took;
            wait += *free_at - now;
        }
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
    }
}

/// SplitMix64's mixing step: spreads a counter over all numbers.
fn mixed(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_a_seed_repeats_itself() {
        let knobs = Knobs {
            slow_down: 100,
            reset: 50,
            seed: 7,
            ..Knobs::default()
        };
        let draw = || {
            let faults = Faults::new(knobs.clone());
            (0..10_000).map(|_| faults.draw()).collect::<Vec<_>>()
        };
        let fates = draw();
        let count = |fate| fates.iter().filter(|drawn| **drawn == fate).count();
        assert!((800..1200).contains(&count(Fate::SlowDown)));
        assert!((350..650).contains(&count(Fate::Reset)));
        assert_eq!(fates, draw());
    }
}
