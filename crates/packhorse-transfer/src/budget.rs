//! The one backpressure: a bounded number of bytes between the disk and the network.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits count KiB, so that a semaphore's 32-bit numbers reach a TiB.
const UNIT: u64 = 1024;

/// Bytes that buffers of this job may take together.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    units: u32,
    free: Arc<Semaphore>,
}

/// The right to hold a buffer; given back on drop.
#[derive(Debug)]
pub(crate) struct Share(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl ByteBudget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self {
            units,
            free: Arc::new(Semaphore::new(units as usize)),
        }
    }

    /// Waits, on a plain thread, until `bytes` are free. A buffer larger than the whole budget waits
    /// for all of it, so that it goes alone instead of never. `None` once the job is stopped.
    pub(crate) fn acquire_blocking(&self, bytes: u64) -> Option<Share> {
        let units = u32::try_from(bytes.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .clamp(1, self.units);
        let handle = tokio::runtime::Handle::current();
        handle
            .block_on(Arc::clone(&self.free).acquire_many_owned(units))
            .ok()
            .map(Share)
    }

    /// Wakes everybody who waits, with nothing.
    pub(crate) fn close(&self) {
        self.free.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_buffer_larger_than_the_budget_goes_alone() {
        let budget = ByteBudget::new(4096);
        let task = tokio::task::spawn_blocking({
            let budget = budget.clone();
            move || {
                let whole = budget.acquire_blocking(1 << 40);
                assert_eq!(budget.free.available_permits(), 0);
                drop(whole);
                budget.free.available_permits()
            }
        });
        assert_eq!(task.await.unwrap(), 4);
        budget.close();
        let after = tokio::task::spawn_blocking(move || budget.acquire_blocking(1).is_none());
        assert!(after.await.unwrap());
    }
}
