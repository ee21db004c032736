//! The clock of the commands: everything below them takes `now` as an argument.

use jiff::{Timestamp, Unit};

/// The time.
#[allow(clippy::disallowed_methods, reason = "the executable owns the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time for people: UTC, whole seconds.
pub(crate) fn whole_seconds(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}
