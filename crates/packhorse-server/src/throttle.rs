//! How many requests a key (an access key, an account) may send: a bucket of tokens for each key in
//! use.
//!
//! A bucket holds one second's requests and fills evenly. A bucket that is full is as good as none,
//! so those are forgotten, and what is remembered are the keys of about the last second. Only keys
//! that exist get here, so nobody can make the table grow by inventing some.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// The table is first swept when it holds this many keys; some 100 KiB.
const SWEPT_FROM: usize = 1024;

/// The allowances of all keys.
pub(crate) struct Throttle {
    per_second: f64,
    buckets: Mutex<Buckets>,
}

struct Buckets {
    by_key: HashMap<String, Bucket>,
    /// The size at which full buckets are forgotten: twice what the last sweep left, so that
    /// sweeping costs little for each request.
    sweep_at: usize,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Throttle {
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        Self {
            per_second: f64::from(per_second.get()),
            buckets: Mutex::new(Buckets {
                by_key: HashMap::new(),
                sweep_at: SWEPT_FROM,
            }),
        }
    }

    /// Takes a token of the key's bucket; `false` when there is none.
    pub(crate) fn admit(&self, key: &str, now: Timestamp) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.by_key.len() >= buckets.sweep_at && !buckets.by_key.contains_key(key) {
            buckets.sweep(self.per_second, now);
        }
        if let Some(bucket) = buckets.by_key.get_mut(key) {
            return bucket.take(self.per_second, now);
        }
        let mut bucket = Bucket {
            tokens: self.per_second,
            at: now,
        };
        let admitted = bucket.take(self.per_second, now);
        buckets.by_key.insert(key.to_owned(), bucket);
        admitted
    }
}

impl Buckets {
    fn sweep(&mut self, per_second: f64, now: Timestamp) {
        self.by_key
            .retain(|_, bucket| bucket.tokens_at(per_second, now) < per_second);
        self.sweep_at = SWEPT_FROM.max(2 * self.by_key.len());
    }
}

impl Bucket {
    fn tokens_at(&self, per_second: f64, now: Timestamp) -> f64 {
        // A clock that was set back gives nothing and takes nothing.
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        (self.tokens + passed * per_second).min(per_second)
    }

    fn take(&mut self, per_second: f64, now: Timestamp) -> bool {
        self.tokens = self.tokens_at(per_second, now);
        self.at = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn throttle(per_second: u32) -> Throttle {
        Throttle::new(NonZeroU32::new(per_second).unwrap())
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis)
    }

    #[test]
    fn a_key_has_a_seconds_worth_at_once_and_then_the_rate() {
        let throttle = throttle(4);
        let admitted = |key, millis| (0..10).filter(|_| throttle.admit(key, at(millis))).count();
        assert_eq!(admitted("A", 0), 4);
        assert_eq!(admitted("A", 249), 0);
        assert_eq!(admitted("A", 500), 2);
        assert_eq!(admitted("B", 500), 4, "another key has its own");
        assert_eq!(
            admitted("A", 100_000),
            4,
            "no more than a second's worth is saved"
        );
        assert_eq!(admitted("A", 0), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn over_a_long_time_the_rate_is_kept() {
        let throttle = throttle(7);
        let admitted = (0..60_000)
            .filter(|millis| throttle.admit("A", at(*millis)))
            .count();
        assert!((7 * 60 - 1..=7 * 61).contains(&admitted), "{admitted}");
    }

    #[test]
    fn keys_that_are_not_in_use_are_forgotten() {
        let throttle = throttle(2);
        // Each key comes once, 1,000 keys a second.
        for number in 0..100_000 {
            let now = at(number);
            assert!(throttle.admit(&format!("AKIA{number}"), now));
        }
        let buckets = throttle.buckets.lock().unwrap();
        assert!(
            buckets.by_key.len() <= 2 * SWEPT_FROM,
            "{}",
            buckets.by_key.len()
        );
        assert!(buckets.by_key.contains_key("AKIA99999"));
    }
}
