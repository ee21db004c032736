//! Names of jobs, accounts and lease epochs.

use serde::{Deserialize, Serialize};

/// The original service's alphabet: digits without `0`, letters without `O`.
const ALPHABET: &[u8; 34] = b"123456789ABCDEFGHIJKLMNPQRSTUVWXYZ";
/// Length of an id made here. Ids of the original service had five characters.
pub const LENGTH: usize = 8;
/// What a dry run appends to the id it invents.
pub const VALIDATE_ONLY_SUFFIX: &str = "-VALIDATE-ONLY";

/// The id of a job: eight characters of `1-9`, `A-Z` without `O`; read in any case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

/// A text that is not a job id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a job id is {LENGTH} characters of 1-9 and A-Z without O")]
pub struct NotAJobId;

impl JobId {
    /// Reads an id in upper or lower case.
    pub fn parse(text: &str) -> Result<Self, NotAJobId> {
        let upper = text.to_ascii_uppercase();
        let valid = upper.len() == LENGTH && upper.bytes().all(|byte| ALPHABET.contains(&byte));
        if valid {
            Ok(Self(upper))
        } else {
            Err(NotAJobId)
        }
    }

    /// Makes an id out of random bytes, or `None` when too few of them were usable (the caller
    /// draws again). Bytes outside a multiple of the alphabet are passed over, so that every id
    /// is equally likely.
    pub fn from_random(random: &[u8; 32]) -> Option<Self> {
        let usable = (256 / ALPHABET.len()) * ALPHABET.len();
        let id: String = random
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|value| *value < usable)
            .filter_map(|value| ALPHABET.get(value % ALPHABET.len()))
            .map(|letter| char::from(*letter))
            .take(LENGTH)
            .collect();
        (id.len() == LENGTH).then_some(Self(id))
    }

    /// The id in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for JobId {
    type Error = NotAJobId;

    fn try_from(text: String) -> Result<Self, NotAJobId> {
        Self::parse(&text)
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.0
    }
}

/// The number of an account in the job store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

/// Counts the holders of a job's lease: whoever shows a smaller number than the store's has lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lower_case() {
        assert_eq!(JobId::parse("ab12cd34").unwrap().as_str(), "AB12CD34");
    }

    #[test]
    fn refuses_zero_the_letter_o_and_other_lengths() {
        for text in [
            "AB12CD30",
            "AB12CD3O",
            "AB12CD3",
            "AB12CD345",
            "",
            "AB12CD3é",
        ] {
            assert_eq!(JobId::parse(text), Err(NotAJobId), "{text}");
        }
    }

    #[test]
    fn random_bytes_outside_the_fair_range_are_passed_over() {
        let mut random = [255; 32];
        assert_eq!(JobId::from_random(&random), None);
        random[..8].copy_from_slice(&[0, 1, 2, 3, 4, 5, 6, 237]);
        assert_eq!(JobId::from_random(&random).unwrap().as_str(), "1234567Z");
    }
}
