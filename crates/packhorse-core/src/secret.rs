//! A secret: hidden in `Debug`, zeroed on drop, compared only in constant time.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Text that must never reach a log, an error or a URL.
///
/// There is no `==`, no `Display`; serialising it is possible because leases carry credentials, so
/// a message that holds one travels only between a station and the desk.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Every call is a place where it could leak.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `other` is the same text, in time that depends on the lengths alone.
    pub fn matches(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_hidden_in_debug_and_compared_whole() {
        let secret = Secret::new("swordfish");
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert!(secret.matches("swordfish"));
        assert!(!secret.matches("swordfis"));
    }
}
