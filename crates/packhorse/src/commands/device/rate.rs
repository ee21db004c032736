//! Speeds as people write them: `100MB/s`, `1.5 GiB/s`, `500 files/s`.

use std::str::FromStr;
use std::time::Duration;

/// How fast a device may be loaded.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rate {
    text: String,
    per_second: f64,
    of: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Files,
}

const UNITS: [(&str, f64, Unit); 10] = [
    ("B", 1.0, Unit::Bytes),
    ("kB", 1e3, Unit::Bytes),
    ("MB", 1e6, Unit::Bytes),
    ("GB", 1e9, Unit::Bytes),
    ("KiB", 1024.0, Unit::Bytes),
    ("MiB", 1_048_576.0, Unit::Bytes),
    ("GiB", 1_073_741_824.0, Unit::Bytes),
    ("Mbit", 125e3, Unit::Bytes),
    ("Gbit", 125e6, Unit::Bytes),
    ("files", 1.0, Unit::Files),
];
/// Nothing is estimated to take longer: 100 years.
const SECONDS_MAX: f64 = 3.2e9;

/// Not a speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a number above 0 and a unit: 100MB/s, 30MiB/s, 1Gbit/s, 500files/s")]
pub(super) struct NotARate;

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let bare = text.trim();
        let bare = bare.strip_suffix("/s").unwrap_or(bare);
        let digits = bare
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(bare.len());
        let (number, unit) = bare.split_at(digits);
        let number: f64 = number.parse().map_err(|_| NotARate)?;
        let known = |(name, ..): &&(&str, f64, Unit)| name.eq_ignore_ascii_case(unit.trim());
        let (_, factor, of) = UNITS.iter().find(known).ok_or(NotARate)?;
        let per_second = number * factor;
        if !per_second.is_finite() || per_second <= 0.0 {
            return Err(NotARate);
        }
        Ok(Self {
            text: text.trim().to_owned(),
            per_second,
            of: *of,
        })
    }
}

impl Rate {
    /// As the user wrote it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// How long so many files of so many bytes take, were nothing else in the way.
    pub(super) fn time_for(&self, files: u64, bytes: u64) -> Duration {
        let amount = match self.of {
            Unit::Bytes => bytes,
            Unit::Files => files,
        };
        Duration::from_secs_f64((amount as f64 / self.per_second).min(SECONDS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_with_units() {
        for (text, files, bytes, seconds) in [
            ("100MB/s", 7, 1_000_000_000, 10),
            ("30 MiB/s", 7, 30 << 20, 1),
            ("1gbit/s", 7, 125_000_000, 1),
            ("0.5GiB", 7, 1 << 30, 2),
            ("500files/s", 1000, 9, 2),
            ("1B/s", 1, u64::MAX, 3_200_000_000),
        ] {
            let rate: Rate = text.parse().unwrap();
            let time = rate.time_for(files, bytes);
            assert_eq!(time, Duration::from_secs(seconds), "{text}");
        }
        for text in [
            "",
            "MB/s",
            "0MB/s",
            "-1MB/s",
            "10",
            "1e9MB",
            "NaN",
            "5 parsecs",
            "1.2.3MB",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(NotARate), "{text}");
        }
    }
}
