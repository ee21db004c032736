//! How far a load is: numbers that any thread may read at any time.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use packhorse_core::ledger::Counts;
use packhorse_objects::client::Error as StoreError;
use serde::{Deserialize, Serialize};

/// What the load is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the files.
    Listing,
    /// Sending them.
    Loading,
    /// Comparing the store with the ledger.
    Verifying,
    /// Writing the report.
    Reporting,
}

impl Stage {
    const ALL: [Self; 4] = [
        Self::Listing,
        Self::Loading,
        Self::Verifying,
        Self::Reporting,
    ];
}

/// A load's live numbers. Clones show the same load.
///
/// Counts of stored, ignored and failed rows are those of the ledger's last commit: what is shown
/// here survives a power cut. Only `sent_bytes` runs ahead of it.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    stage: AtomicU8,
    counts: Mutex<Counts>,
    sent_bytes: AtomicU64,
    requests: AtomicUsize,
    retries: AtomicU64,
    read_errors: AtomicU64,
    store_down: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
}

#[derive(Debug)]
struct Trouble {
    since: Instant,
    last_error: String,
}

/// A meter's numbers at one moment, as they cross to another process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    stage: u8,
    counts: Counts,
    sent_bytes: u64,
    requests: usize,
    retries: u64,
    read_errors: u64,
    /// For how long the store has been failing, and its last answer.
    trouble: Option<(Duration, String)>,
}

/// A request under way, until dropped.
pub(crate) struct UnderWay<'a>(&'a Meter);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Meter {
    /// What the load is doing.
    pub fn stage(&self) -> Stage {
        let index = usize::from(self.0.stage.load(Ordering::Relaxed));
        Stage::ALL.get(index).copied().unwrap_or(Stage::Reporting)
    }

    /// Durable totals.
    pub fn counts(&self) -> Counts {
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the desk is told: durable totals, and for how long the load has waited for the store.
    pub fn report(&self, now: Instant) -> Counts {
        let paused = self.store_down_for(now).unwrap_or_default();
        Counts {
            paused_seconds: paused.as_secs(),
            ..self.counts()
        }
    }

    /// Bytes the store has confirmed, rows not yet committed and parts of unfinished files included.
    pub fn sent_bytes(&self) -> u64 {
        self.0.sent_bytes.load(Ordering::Relaxed)
    }

    /// What the store last answered while it is failing, or `None` while it works.
    pub fn store_trouble(&self) -> Option<String> {
        self.trouble(|trouble| trouble.last_error.clone())
    }

    /// For how long no request has succeeded while others failed: the load waits for the store.
    pub fn store_down_for(&self, now: Instant) -> Option<Duration> {
        self.trouble(|trouble| now.saturating_duration_since(trouble.since))
    }

    /// Requests to the store under way.
    pub fn requests_under_way(&self) -> usize {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// How often a request was or will be sent again.
    pub fn retries(&self) -> u64 {
        self.0.retries.load(Ordering::Relaxed)
    }

    /// Files that met a read error and were put off to the end.
    pub fn read_errors(&self) -> u64 {
        self.0.read_errors.load(Ordering::Relaxed)
    }

    /// All numbers.
    pub fn read(&self, now: Instant) -> Reading {
        let Numbers {
            stage,
            requests,
            retries,
            ..
        } = &*self.0;
        let trouble = self.trouble(|trouble| {
            let since = now.saturating_duration_since(trouble.since);
            (since, trouble.last_error.clone())
        });
        Reading {
            stage: stage.load(Ordering::Relaxed),
            counts: self.counts(),
            sent_bytes: self.sent_bytes(),
            requests: requests.load(Ordering::Relaxed),
            retries: retries.load(Ordering::Relaxed),
            read_errors: self.read_errors(),
            trouble,
        }
    }

    /// Shows the numbers of another meter, which nobody else changes here.
    pub fn show(&self, reading: &Reading, now: Instant) {
        let numbers = &*self.0;
        numbers.stage.store(reading.stage, Ordering::Relaxed);
        self.set_counts(reading.counts);
        self.set_sent(reading.sent_bytes);
        numbers.requests.store(reading.requests, Ordering::Relaxed);
        numbers.retries.store(reading.retries, Ordering::Relaxed);
        let read_errors = reading.read_errors;
        numbers.read_errors.store(read_errors, Ordering::Relaxed);
        let trouble = reading.trouble.as_ref();
        let trouble = trouble.map(|(since, last_error)| Trouble {
            since: now.checked_sub(*since).unwrap_or(now),
            last_error: last_error.clone(),
        });
        let is_down = trouble.is_some();
        *numbers
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = trouble;
        numbers.store_down.store(is_down, Ordering::Relaxed);
    }

    fn trouble<T>(&self, tell: impl FnOnce(&Trouble) -> T) -> Option<T> {
        if !self.0.store_down.load(Ordering::Relaxed) {
            return None;
        }
        let trouble = self.0.trouble.lock();
        trouble
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(tell)
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        let index = Stage::ALL
            .iter()
            .position(|known| *known == stage)
            .unwrap_or_default();
        self.0.stage.store(index as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_counts(&self, counts: Counts) {
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }

    pub(crate) fn change_counts(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn set_sent(&self, bytes: u64) {
        self.0.sent_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_sent(&self, bytes: u64) {
        self.0.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn begin_request(&self) -> UnderWay<'_> {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(self)
    }

    pub(crate) fn read_error(&self) {
        self.0.read_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn store_answered(&self) {
        if self.0.store_down.swap(false, Ordering::Relaxed)
            && let Ok(mut trouble) = self.0.trouble.lock()
        {
            *trouble = None;
        }
    }

    pub(crate) fn store_failed(&self, error: &StoreError, now: Instant) {
        self.0.retries.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut trouble) = self.0.trouble.lock() {
            let since = trouble.as_ref().map_or(now, |trouble| trouble.since);
            let last_error = error.to_string();
            *trouble = Some(Trouble { since, last_error });
        }
        self.0.store_down.store(true, Ordering::Relaxed);
    }
}
