//! Counts the HMACs of a thread, so that a test can compare what two refusals cost.

use std::cell::Cell;

thread_local! {
    static DONE: Cell<u32> = const { Cell::new(0) };
}

/// Notes one HMAC.
pub(crate) fn note() {
    DONE.set(DONE.get() + 1);
}

/// How many there were since the last call.
pub(super) fn take() -> u32 {
    DONE.take()
}
