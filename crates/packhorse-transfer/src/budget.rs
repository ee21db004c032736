//! The one backpressure: a bounded number of bytes between the disk and the network.
//!
//! Buffers come in few sizes and are used again: one that is given back stays at hand, still counted,
//! until somebody wants another size and there is no room. The system would take its memory back and
//! hand it out again page by page, which costs as much as copying the bytes, and buffers of all sizes
//! would leave holes in the allocator that nobody can use.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::reader::PART_BYTES;

/// The smallest size of a buffer.
const SIZE_MIN: u64 = 256 * 1024;
/// Sizes that are kept: [`SIZE_MIN`] and its doubles, up to a usual part.
const SIZES: usize = (PART_BYTES / SIZE_MIN).ilog2() as usize + 1;

/// Bytes that buffers of this job may take together. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes: u64,
    state: Mutex<State>,
    /// Told whenever a buffer comes back, or the first in the queue has left it.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// What neither a buffer in use nor one at hand takes.
    free: u64,
    /// Buffers at hand, by size.
    idle: [Vec<Vec<u8>>; SIZES],
    /// Who waits, in order: a large buffer must not be kept waiting by small ones without end.
    queue: VecDeque<u64>,
    tickets: u64,
    is_closed: bool,
}

/// A buffer within the budget; its bytes are given back on drop.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    length: usize,
    /// What it counts for: less than it has only where it is larger than the whole budget.
    counted: u64,
    budget: Arc<Shared>,
}

impl ByteBudget {
    pub(crate) fn new(bytes: u64) -> Self {
        let bytes = bytes.max(1);
        Self(Arc::new(Shared {
            bytes,
            state: Mutex::new(State {
                free: bytes,
                idle: Default::default(),
                queue: VecDeque::new(),
                tickets: 0,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }))
    }

    /// A buffer of that size, if there is room for it now and nobody waits.
    pub(crate) fn try_buffer(&self, bytes: u64) -> Option<Buffer> {
        let mut state = self.0.state();
        match state.queue.is_empty() {
            true => self.0.take(&mut state, bytes),
            false => None,
        }
    }

    /// A buffer of that size; waits for room, on a plain thread. More than the whole budget waits for
    /// all of it, so that it goes alone instead of never. `None` once the job is stopped.
    pub(crate) fn buffer_blocking(&self, bytes: u64) -> Option<Buffer> {
        let mut state = self.0.state();
        let ticket = state.tickets;
        state.tickets += 1;
        state.queue.push_back(ticket);
        loop {
            if state.is_closed {
                return None;
            }
            if state.queue.front() == Some(&ticket)
                && let Some(buffer) = self.0.take(&mut state, bytes)
            {
                state.queue.pop_front();
                self.0.changed.notify_all();
                return Some(buffer);
            }
            let woken = self.0.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes everybody who waits, with nothing.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        state.is_closed = true;
        state.idle = Default::default();
        self.0.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, state: &mut State, bytes: u64) -> Option<Buffer> {
        if state.is_closed {
            return None;
        }
        let length = usize::try_from(bytes).ok()?;
        let (size, place) = size_of(bytes);
        let counted = size.min(self.bytes);
        let at_hand = place.and_then(|place| state.idle.get_mut(place)?.pop());
        let bytes = match at_hand {
            Some(bytes) => bytes,
            None => {
                state.make_room(counted);
                state.free = state.free.checked_sub(counted)?;
                vec![0; usize::try_from(size).ok()?]
            }
        };
        Some(Buffer {
            bytes,
            length,
            counted,
            budget: Arc::clone(self),
        })
    }
}

impl State {
    /// Lets go of buffers at hand, the largest first, until so many bytes are free or none is left.
    fn make_room(&mut self, bytes: u64) {
        for (place, idle) in self.idle.iter_mut().enumerate().rev() {
            while self.free < bytes && idle.pop().is_some() {
                self.free += SIZE_MIN << place;
            }
        }
    }
}

/// The size of the buffer for so many bytes, and where such buffers are kept, if they are.
fn size_of(bytes: u64) -> (u64, Option<usize>) {
    let size = bytes.max(SIZE_MIN).checked_next_power_of_two();
    match size.filter(|size| *size <= PART_BYTES) {
        Some(size) => (size, Some((size / SIZE_MIN).ilog2() as usize)),
        None => (bytes, None),
    }
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.length
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.length).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut state = self.budget.state();
        let (size, place) = size_of(bytes.len() as u64);
        let kept = match place.filter(|_| size == self.counted && !state.is_closed) {
            Some(place) => state.idle.get_mut(place),
            None => None,
        };
        match kept {
            Some(kept) => kept.push(bytes),
            None => state.free += self.counted,
        }
        if !state.queue.is_empty() {
            self.budget.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn free(budget: &ByteBudget) -> u64 {
        budget.0.state().free
    }

    fn at_hand(budget: &ByteBudget) -> usize {
        budget.0.state().idle.iter().map(Vec::len).sum()
    }

    #[test]
    fn a_buffer_larger_than_the_budget_goes_alone() {
        let budget = ByteBudget::new(4 * SIZE_MIN);
        let whole = budget.buffer_blocking(16 * SIZE_MIN).unwrap();
        assert_eq!((whole.len() as u64, free(&budget)), (16 * SIZE_MIN, 0));
        assert!(budget.try_buffer(1).is_none());
        drop(whole);
        assert_eq!(free(&budget), 4 * SIZE_MIN);
        budget.close();
        assert!(budget.buffer_blocking(1).is_none());
    }

    #[test]
    fn a_buffer_is_used_again_and_makes_room_for_another_size() {
        let budget = ByteBudget::new(PART_BYTES);
        let first = budget.try_buffer(PART_BYTES - 1).unwrap();
        assert_eq!(first.as_ref().len() as u64, PART_BYTES - 1);
        assert!(budget.try_buffer(1).is_none());
        drop(first);
        assert_eq!((at_hand(&budget), free(&budget)), (1, 0));
        let again = budget.try_buffer(PART_BYTES).unwrap();
        assert_eq!((again.len() as u64, at_hand(&budget)), (PART_BYTES, 0));
        drop(again);
        let small = budget.try_buffer(1).unwrap();
        assert_eq!(
            (at_hand(&budget), free(&budget)),
            (0, PART_BYTES - SIZE_MIN)
        );
        drop(small);
    }

    #[test]
    fn who_waits_gets_room_in_turn_however_much_it_is() {
        let budget = ByteBudget::new(4 * SIZE_MIN);
        let held: Vec<_> = (0..4).map(|_| budget.try_buffer(1).unwrap()).collect();
        let (sizes, got) = std::sync::mpsc::channel();
        let wait = |bytes: u64, queued: usize| {
            let (budget, sizes) = (budget.clone(), sizes.clone());
            let waiting = budget.clone();
            let thread = thread::spawn(move || {
                let buffer = waiting.buffer_blocking(bytes).unwrap();
                sizes.send(buffer.len() as u64).unwrap();
            });
            while budget.0.state().queue.len() < queued {
                thread::yield_now();
            }
            thread
        };
        let threads = [wait(4 * SIZE_MIN, 1), wait(1, 2)];
        // Nobody overtakes, though there is room.
        let mut held = held.into_iter();
        drop(held.next());
        assert!(budget.try_buffer(1).is_none());
        assert!(got.try_recv().is_err());
        drop(held);
        assert_eq!(
            [got.recv().unwrap(), got.recv().unwrap()],
            [4 * SIZE_MIN, 1]
        );
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(budget.0.state().queue.is_empty());
    }

    #[test]
    fn whoever_waits_when_it_is_closed_gets_nothing() {
        let budget = ByteBudget::new(1);
        let held = budget.buffer_blocking(1).unwrap();
        let waiting = budget.clone();
        let thread = thread::spawn(move || waiting.buffer_blocking(1).is_none());
        while budget.0.state().queue.is_empty() {
            thread::yield_now();
        }
        budget.close();
        assert!(thread.join().unwrap());
        drop(held);
    }
}
