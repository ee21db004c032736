//! `admin doctor`: whether the object store answers, and whether its clock is ours.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::DATE;

use super::doctor::Finding;
use crate::clock;
use crate::config::Config;

/// A store that takes longer than this to say anything is not ready.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Signatures are refused beyond fifteen minutes.
const SKEW_MAX: SignedDuration = SignedDuration::from_mins(15);
/// A clock that is kept by NTP is not off by this much.
const SKEW_GOOD: SignedDuration = SignedDuration::from_secs(30);

const CHECK: &str = "object store";

/// What the configured store says; nothing about clocks when it is the embedded one, whose clock is
/// this machine's.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let Some(endpoint) = config.object_store.endpoint.as_deref() else {
        return vec![Finding::ok(CHECK, "the embedded one, in the data folder")];
    };
    match ask(endpoint).await {
        Ok((status, date)) => {
            let answered = format!("{endpoint} answers ({status})");
            let store = match status {
                ..500 => Finding::ok(CHECK, answered),
                _ => Finding::fail(CHECK, answered, "look at the store's own log"),
            };
            let clock = date.map(|date| judge_clock(date, clock::now()));
            [store].into_iter().chain(clock).collect()
        }
        Err(error) => vec![Finding::fail(
            CHECK,
            format!("{endpoint}: {error:#}"),
            "start the store, or correct object_store.endpoint",
        )],
    }
}

/// Status and time of any answer: a refusal is one too.
async fn ask(endpoint: &str) -> anyhow::Result<(u16, Option<Timestamp>)> {
    let client = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).build()?;
    let answer = client.head(endpoint).send().await?;
    let date = answer.headers().get(DATE);
    let date = date.and_then(|text| jiff::fmt::rfc2822::parse(text.to_str().ok()?).ok());
    Ok((answer.status().as_u16(), date.map(|date| date.timestamp())))
}

fn judge_clock(theirs: Timestamp, ours: Timestamp) -> Finding {
    const CHECK: &str = "clock";
    const ADVICE: &str = "keep the clocks of all machines by NTP";
    let skew = ours.duration_since(theirs).abs();
    let found = format!("{} s from the object store's", skew.as_secs());
    if skew >= SKEW_MAX {
        Finding::fail(CHECK, found, ADVICE)
    } else if skew >= SKEW_GOOD {
        Finding::warn(CHECK, found, ADVICE)
    } else {
        Finding::ok(CHECK, found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::doctor::Level;
    use super::*;

    #[test]
    fn a_clock_that_is_off_in_either_direction_is_noticed() {
        for (ours, level) in [
            (1000, Level::Ok),
            (1029, Level::Ok),
            (1030, Level::Warn),
            (970, Level::Warn),
            (1900, Level::Fail),
            (100, Level::Fail),
        ] {
            let time = |second| Timestamp::from_second(second).unwrap();
            assert_eq!(judge_clock(time(1000), time(ours)).level, level, "{ours}");
        }
    }
}
