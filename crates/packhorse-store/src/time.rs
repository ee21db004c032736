//! Time as the database keeps it: whole microseconds, which PostgreSQL keeps too.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::error::{Error, Result};

/// The number in the database.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time back from the database.
pub(crate) fn from_micros(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| Error::Corrupt("a time is out of range"))
}

/// Cuts a time to what the database can give back, so that what is hashed is what is kept.
pub(crate) fn cut(at: Timestamp) -> Timestamp {
    let whole = TimestampRound::new()
        .smallest(Unit::Microsecond)
        .mode(RoundMode::Trunc);
    at.round(whole).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cut_time_is_what_the_database_gives_back(
            seconds in -60_000_000_000_i64..60_000_000_000,
            nanoseconds in 0..1_000_000_000_i32,
        ) {
            let at = Timestamp::new(seconds, nanoseconds).unwrap();
            prop_assert_eq!(from_micros(micros(at)).unwrap(), cut(at));
            prop_assert_eq!(micros(cut(at)), micros(at));
        }
    }
}
