//! The one place of this room that reads the clock.
//!
//! A signature carries the moment at which its request leaves, and a stored object the moment at
//! which it was stored: both belong to the loop that sends or serves, not to its caller.

use jiff::Timestamp;

/// The moment of the call.
#[allow(
    clippy::disallowed_methods,
    reason = "requests are signed and objects dated when they happen"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
