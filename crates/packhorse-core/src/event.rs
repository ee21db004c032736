//! A job's event log: every transition, each entry chained to the one before by its hash.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum Actor {
    /// A customer, by access key id.
    Customer(String),
    /// A station, by its name.
    Station(String),
    /// An operator or administrator, by name.
    Operator(String),
    /// The server itself (expiry).
    Server,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What: the code of a [`crate::job::Change`], or `Refused`.
    pub what: String,
    /// More for people: counts, the station's reason. Never a secret.
    pub detail: String,
}

/// The link of a chain of events: SHA-256 over the previous link and this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link(pub [u8; 32]);

impl Link {
    /// What the first event of a job is chained to.
    pub const START: Self = Self([0; 32]);

    /// The link after `event`. Each field is hashed with its length, so that no two different
    /// events give the same input.
    pub fn after(self, event: &Event) -> Self {
        let (kind, name) = match &event.actor {
            Actor::Customer(name) => ("customer", name.as_str()),
            Actor::Station(name) => ("station", name.as_str()),
            Actor::Operator(name) => ("operator", name.as_str()),
            Actor::Server => ("server", ""),
        };
        let mut hash = Sha256::new_with_prefix(self.0);
        hash.update(event.at.as_nanosecond().to_be_bytes());
        for field in [kind, name, &event.what, &event.detail] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: &str, detail: &str) -> Event {
        Event {
            at: Timestamp::UNIX_EPOCH,
            actor: Actor::Server,
            what: what.into(),
            detail: detail.into(),
        }
    }

    #[test]
    fn a_changed_or_moved_letter_breaks_the_chain() {
        let link = Link::START.after(&event("Claim", "x"));
        assert_eq!(link, Link::START.after(&event("Claim", "x")));
        assert_ne!(link, Link::START.after(&event("Claimx", "")));
        assert_ne!(link, link.after(&event("Claim", "x")));
    }
}
