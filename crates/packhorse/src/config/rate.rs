//! `station.limit_rate`: a speed limit as it was written, and what it means.

use std::str::FromStr;

use packhorse_transfer::{NotARate, RatePlan};
use serde::{Deserialize, Serialize};

/// `20MB/s`, or `22:00-06:00 max, else 20MB/s`; a bare number is bytes per second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "String")]
pub(crate) struct Rate {
    text: String,
    plan: RatePlan,
}

impl Rate {
    /// What it means.
    pub(crate) fn plan(&self) -> RatePlan {
        self.plan.clone()
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        Ok(Self {
            plan: text.parse()?,
            text: text.to_owned(),
        })
    }
}

impl TryFrom<toml::Value> for Rate {
    type Error = NotARate;

    fn try_from(value: toml::Value) -> Result<Self, NotARate> {
        match value {
            toml::Value::String(text) => text.parse(),
            other => other.to_string().parse(),
        }
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_bytes_per_second_and_the_text_stays_as_it_was() {
        let number = Rate::try_from(toml::Value::Integer(5000)).unwrap();
        assert_eq!(number.plan(), "5000B/s".parse().unwrap());
        let text = "22:00-06:00 max, else 20MB/s";
        let rate: Rate = text.parse().unwrap();
        assert_eq!(String::from(rate), text);
        assert!(Rate::try_from(toml::Value::Integer(-1)).is_err());
        assert!(Rate::try_from(toml::Value::Boolean(true)).is_err());
    }
}
