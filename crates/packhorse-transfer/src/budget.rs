//! The one backpressure: a bounded number of bytes between the disk and the network.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::reader::PART_BYTES;

/// Permits count KiB, so that a semaphore's 32-bit numbers reach a TiB.
const UNIT: u64 = 1024;

/// Bytes that buffers of this job may take together.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    units: u32,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Buffers of the usual part's size between two uses: the system would take their memory back and
/// hand it out again page by page, which costs as much as copying the bytes.
#[derive(Debug, Default)]
struct Idle {
    buffers: Vec<(Vec<u8>, Share)>,
    /// Threads that wait for bytes; while there are any, nothing is kept from them.
    waiting: usize,
}

/// The right to hold bytes; given back on drop.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

/// A buffer within the budget.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    share: Option<Share>,
    idle: Arc<Mutex<Idle>>,
}

impl ByteBudget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self {
            units,
            free: Arc::new(Semaphore::new(units as usize)),
            idle: Arc::default(),
        }
    }

    /// Waits, on a plain thread, until that many bytes are free. More than the whole budget waits for
    /// all of it, so that it goes alone instead of never. `None` once the job is stopped.
    pub(crate) fn acquire_blocking(&self, bytes: impl Iterator<Item = u64>) -> Option<Share> {
        let units = self.clamped(bytes.map(units_of).sum());
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(units) {
            return Some(Share(permit));
        }
        // Said before waiting, and under the lock: what is given back from now on is not kept.
        let mut idle = locked(&self.idle);
        idle.waiting += 1;
        idle.buffers.clear();
        drop(idle);
        let permit = tokio::runtime::Handle::current()
            .block_on(Arc::clone(&self.free).acquire_many_owned(units));
        locked(&self.idle).waiting -= 1;
        permit.ok().map(Share)
    }

    /// A buffer of that size, if there is room for it now.
    pub(crate) fn try_buffer(&self, bytes: u64) -> Option<Buffer> {
        if let Some(buffer) = self.reused(bytes) {
            return Some(buffer);
        }
        let units = self.clamped(units_of(bytes));
        let acquire = || Arc::clone(&self.free).try_acquire_many_owned(units).ok();
        let permit = acquire().or_else(|| {
            locked(&self.idle).buffers.clear();
            acquire()
        })?;
        self.new_buffer(bytes, Share(permit))
    }

    /// A buffer of that size; waits for room. `None` once the job is stopped.
    pub(crate) fn buffer_blocking(&self, bytes: u64) -> Option<Buffer> {
        self.reused(bytes).or_else(|| {
            let share = self.acquire_blocking(std::iter::once(bytes))?;
            self.new_buffer(bytes, share)
        })
    }

    /// Wakes everybody who waits, with nothing.
    pub(crate) fn close(&self) {
        self.free.close();
        locked(&self.idle).buffers.clear();
    }

    fn reused(&self, bytes: u64) -> Option<Buffer> {
        if bytes != PART_BYTES {
            return None;
        }
        let (bytes, share) = locked(&self.idle).buffers.pop()?;
        Some(Buffer {
            bytes,
            share: Some(share),
            idle: Arc::clone(&self.idle),
        })
    }

    fn new_buffer(&self, bytes: u64, share: Share) -> Option<Buffer> {
        Some(Buffer {
            bytes: vec![0; usize::try_from(bytes).ok()?],
            share: Some(share),
            idle: Arc::clone(&self.idle),
        })
    }

    fn clamped(&self, units: usize) -> u32 {
        u32::try_from(units)
            .unwrap_or(u32::MAX)
            .clamp(1, self.units)
    }
}

impl Share {
    /// The right to `bytes` of this share, or to as many as it has left.
    pub(crate) fn split_off(&mut self, bytes: u64) -> Self {
        let units = units_of(bytes).min(self.0.num_permits());
        Self(self.0.split(units).expect("no more than it has"))
    }
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(share) = self.share.take() else {
            return;
        };
        let mut idle = locked(&self.idle);
        if idle.waiting == 0 && self.bytes.len() as u64 == PART_BYTES {
            idle.buffers.push((std::mem::take(&mut self.bytes), share));
        }
    }
}

fn units_of(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX)
}

fn locked(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use tokio::task::spawn_blocking;

    use super::*;

    #[tokio::test]
    async fn a_buffer_larger_than_the_budget_goes_alone() {
        let budget = ByteBudget::new(4096);
        let again = budget.clone();
        let free = spawn_blocking(move || {
            let whole = again.acquire_blocking(once(1 << 40));
            assert_eq!(again.free.available_permits(), 0);
            drop(whole);
            again.free.available_permits()
        });
        assert_eq!(free.await.unwrap(), 4);
        budget.close();
        let after = spawn_blocking(move || budget.acquire_blocking(once(1)).is_none());
        assert!(after.await.unwrap());
    }

    #[tokio::test]
    async fn an_idle_buffer_is_used_again_and_stands_in_nobodys_way() {
        let budget = ByteBudget::new(PART_BYTES);
        let first = budget.try_buffer(PART_BYTES).unwrap();
        assert!(budget.try_buffer(1).is_none());
        drop(first);
        assert_eq!(locked(&budget.idle).buffers.len(), 1);
        drop(budget.try_buffer(PART_BYTES).unwrap());
        assert_eq!(budget.free.available_permits(), 0);
        // Somebody who wants other bytes gets them.
        assert!(budget.try_buffer(1).is_some());
        assert!(locked(&budget.idle).buffers.is_empty());
        drop(budget.try_buffer(PART_BYTES).unwrap());
        let again = budget.clone();
        let other = spawn_blocking(move || again.acquire_blocking(once(1)).is_some());
        assert!(other.await.unwrap());
    }

    #[test]
    fn a_share_is_split_among_files_and_comes_back_whole() {
        let budget = ByteBudget::new(10 * UNIT);
        let permit = Arc::clone(&budget.free).try_acquire_many_owned(3).unwrap();
        let mut share = Share(permit);
        let parts = [1, UNIT + 1, 1 << 30].map(|bytes| share.split_off(bytes));
        assert_eq!(parts.each_ref().map(|part| part.0.num_permits()), [1, 2, 0]);
        drop((parts, share));
        assert_eq!(budget.free.available_permits(), 10);
    }
}
