//! What a rehearsal found.

use packhorse_core::ledger::{Counts, Verdict};
use packhorse_core::mapping::IgnoredBy;

/// What a load would do.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The totals that the load would end with, if the device and the store do not fail.
    pub counts: Counts,
    /// What leaves files out, with every pattern of the manifest in its order.
    pub ignored: Vec<Ignored>,
    /// Every outcome that counts as an error.
    pub problems: Vec<Problem>,
    /// Some of the files that would be stored.
    pub sample: Vec<Sample>,
}

/// Files and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Files that are left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The pattern as the manifest has it; `None` when it is none.
    pub pattern: Option<String>,
    /// The reason in words: `SIGNATURE`, `skipJunk`, `ignore`.
    pub by: &'static str,
    /// How many.
    pub tally: Tally,
}

impl Ignored {
    pub(super) fn new(by: IgnoredBy<'_>, tally: Tally) -> Self {
        let (by, pattern) = match by {
            IgnoredBy::Signature => ("SIGNATURE", None),
            IgnoredBy::Junk => ("skipJunk", None),
            IgnoredBy::Pattern(pattern) => ("ignore", Some(pattern.to_owned())),
        };
        Self { pattern, by, tally }
    }
}

/// Rows that would fail in one way.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Status and code of the rows.
    pub verdict: Verdict,
    /// How many.
    pub tally: Tally,
    /// The first of them, in path order.
    pub examples: Vec<Example>,
}

/// A row that would fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// From the root of the device.
    pub file: Vec<u8>,
    /// Of a collision: the file that is stored under the key.
    pub rival: Option<Vec<u8>>,
}

/// A file that would be stored.
#[derive(Clone, Debug)]
pub struct Sample {
    /// From the root of the device.
    pub file: Vec<u8>,
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// The headers of its object, or why they cannot be sent.
    pub headers: Result<Vec<(String, String)>, String>,
}
