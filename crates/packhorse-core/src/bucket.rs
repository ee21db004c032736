//! Bucket names, as far as a manifest can be judged without asking the store.

use serde::{Deserialize, Serialize};

/// A bucket name that can travel in a request: 3 to 255 characters of letters, digits, `.`, `-`, `_`
/// (the rule of the original service's years; stores of today are narrower, see
/// [`BucketName::is_dns_compatible`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(String);

/// A text that cannot be a bucket name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a bucket name has 3 to 255 characters of letters, digits, '.', '-' and '_'")]
pub struct NotABucketName;

impl BucketName {
    /// Checks and takes the name.
    pub fn parse(text: &str) -> Result<Self, NotABucketName> {
        let letters = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        let dots_only = text.bytes().all(|b| b == b'.');
        if (3..=255).contains(&text.len()) && letters && !dots_only {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotABucketName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name follows today's rule: 3 to 63 of lower-case letters, digits, `.` and `-`,
    /// labels that neither start nor end with `-`.
    pub fn is_dns_compatible(&self) -> bool {
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        self.0.len() <= 63 && self.0.split('.').all(label)
    }
}

impl std::fmt::Display for BucketName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BucketName {
    type Error = NotABucketName;

    fn try_from(text: String) -> Result<Self, NotABucketName> {
        Self::parse(&text)
    }
}

impl From<BucketName> for String {
    fn from(name: BucketName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_usable_from_impossible_and_modern_from_old() {
        for (text, usable, dns) in [
            ("my-bucket", true, true),
            ("My_Bucket", true, false),
            ("a.b.c", true, true),
            ("a..b", true, false),
            ("..", false, false),
            ("...", false, false),
            ("ab", false, false),
            ("a/b", false, false),
            ("bücket", false, false),
        ] {
            assert_eq!(BucketName::parse(text).is_ok(), usable, "{text}");
            if let Ok(name) = BucketName::parse(text) {
                assert_eq!(name.is_dns_compatible(), dns, "{text}");
            }
        }
    }
}
