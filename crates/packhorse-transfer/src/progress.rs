//! How far a load is: numbers that any thread may read at any time.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use packhorse_core::ledger::Counts;
use packhorse_objects::client::Error as StoreError;

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
    store_down: AtomicBool,
    last_error: Mutex<Option<String>>,
}

impl Meter {
    /// What the load is doing.
    pub fn stage(&self) -> Stage {
        let index = usize::from(self.0.stage.load(Ordering::Relaxed));
        Stage::ALL.get(index).copied().unwrap_or(Stage::Reporting)
    }

    /// Durable totals.
    pub fn counts(&self) -> Counts {
        *self
            .0
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Bytes the store has confirmed, rows not yet committed and parts of unfinished files included.
    pub fn sent_bytes(&self) -> u64 {
        self.0.sent_bytes.load(Ordering::Relaxed)
    }

    /// What the store last answered while it is failing, or `None` while it works.
    pub fn store_trouble(&self) -> Option<String> {
        let down = self.0.store_down.load(Ordering::Relaxed);
        let last = || {
            self.0
                .last_error
                .lock()
                .ok()
                .and_then(|error| error.clone())
        };
        down.then(last).flatten()
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        let index = Stage::ALL
            .iter()
            .position(|known| *known == stage)
            .unwrap_or_default();
        self.0.stage.store(index as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_counts(&self, counts: Counts) {
        *self
            .0
            .counts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = counts;
    }

    pub(crate) fn change_counts(&self, change: impl FnOnce(&mut Counts)) {
        change(
            &mut self
                .0
                .counts
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
    }

    pub(crate) fn set_sent(&self, bytes: u64) {
        self.0.sent_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_sent(&self, bytes: u64) {
        self.0.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn store_answered(&self) {
        self.0.store_down.store(false, Ordering::Relaxed);
    }

    pub(crate) fn store_failed(&self, error: &StoreError) {
        self.0.store_down.store(true, Ordering::Relaxed);
        if let Ok(mut last) = self.0.last_error.lock() {
            *last = Some(error.to_string());
        }
    }
}
