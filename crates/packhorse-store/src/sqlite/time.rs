//! Time as the database keeps it: whole microseconds, which PostgreSQL keeps too.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::error::{Error, Result};

/// The number in the database.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time back from the database.
pub(super) fn from_micros(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| Error::Corrupt("a time is out of range"))
}

/// Cuts a time to what the database can give back, so that what is hashed is what is kept.
pub(super) fn cut(at: Timestamp) -> Timestamp {
    let whole = TimestampRound::new()
        .smallest(Unit::Microsecond)
        .mode(RoundMode::Trunc);
    at.round(whole).unwrap_or(at)
}
