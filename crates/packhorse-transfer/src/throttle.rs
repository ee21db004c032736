//! The speed limit: how many bytes of contents may leave in a second, and when.
//!
//! Clones share one allowance, so that all loads of a process keep to it together.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

/// What may be sent at once after a pause. Longer would let a line that was idle overshoot.
const BURST: Duration = Duration::from_millis(100);
/// A wait is looked at again this often, since the hour may have brought another limit.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Limits in one line: more is no plan that a person reads.
const WINDOWS_MAX: usize = 24;

/// A limit by time of day: `20MB/s`, or `22:00-06:00 max, else 20MB/s`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RatePlan {
    /// The first window that holds the hour decides.
    windows: Vec<Window>,
    /// Bytes per second at all other hours; `None` for no limit.
    otherwise: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    from: Time,
    to: Time,
    bytes_per_second: Option<u64>,
}

/// Text that is no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotARate(String);

impl RatePlan {
    /// Bytes per second at this hour; `None` for no limit.
    pub fn at(&self, hour: Time) -> Option<u64> {
        let holds = |window: &&Window| match window.from < window.to {
            true => window.from <= hour && hour < window.to,
            // Over midnight; from an hour to the same one is the whole day.
            false => window.from <= hour || hour < window.to,
        };
        let window = self.windows.iter().find(holds);
        window.map_or(self.otherwise, |window| window.bytes_per_second)
    }
}

impl FromStr for RatePlan {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let mut plan = Self::default();
        let mut rest = text.split(',').map(str::trim).peekable();
        while let Some(item) = rest.next() {
            let is_last = rest.peek().is_none();
            let (when, limit) = match item.split_once(char::is_whitespace) {
                Some((when, limit)) if when == "else" || when.contains(':') => {
                    (when, rate(limit.trim())?)
                }
                _ if is_last && plan.windows.is_empty() => ("else", rate(item)?),
                _ => return Err(NotARate(format!("{item:?} has no hours before it"))),
            };
            match when {
                "else" if is_last => plan.otherwise = limit,
                "else" => return Err(NotARate("\"else\" stands at the end".to_owned())),
                hours => plan.windows.push(window(hours, limit)?),
            }
            if plan.windows.len() > WINDOWS_MAX {
                return Err(NotARate(format!("more than {WINDOWS_MAX} windows")));
            }
        }
        Ok(plan)
    }
}

fn window(hours: &str, bytes_per_second: Option<u64>) -> Result<Window, NotARate> {
    let time = |text: &str| Time::strptime("%H:%M", text).ok();
    let ends = hours.split_once('-');
    match ends.and_then(|(from, to)| time(from).zip(time(to))) {
        Some((from, to)) => Ok(Window {
            from,
            to,
            bytes_per_second,
        }),
        None => Err(NotARate(format!(
            "{hours:?} is neither hours such as 22:00-06:00 nor \"else\""
        ))),
    }
}

/// `max`, or bytes per second: a whole number and a unit.
fn rate(text: &str) -> Result<Option<u64>, NotARate> {
    const UNITS: [(&str, u64); 11] = [
        ("", 1),
        ("b", 1),
        ("kb", 1000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kbit", 125),
        ("mbit", 125_000),
        ("gbit", 125_000_000),
    ];
    if text.eq_ignore_ascii_case("max") {
        return Ok(None);
    }
    let refused = || {
        NotARate(format!(
            "{text:?} is no rate: use a number with a unit such as 20MB/s, 20MiB/s or 100Mbit/s, or \
             max"
        ))
    };
    let per_second = text.strip_suffix("/s").unwrap_or(text).trim();
    let digits = per_second
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(per_second.len());
    let (number, unit) = per_second.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit);
    let bytes = number
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, (_, factor))| number.checked_mul(*factor));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(Some(bytes)),
        _ => Err(refused()),
    }
}

/// The allowance; the default one has no limit.
#[derive(Clone, Debug, Default)]
pub struct Throttle(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    Unlimited,
    Own(Arc<Shared>),
    /// Somebody else keeps the account, for several processes.
    Lent(mpsc::Sender<Ask>),
}

/// Asks whoever keeps the account whether so many bytes may leave.
#[derive(Debug)]
pub struct Ask {
    /// How many.
    pub bytes: u64,
    /// To be told when they may; dropped without a word, they may too.
    pub granted: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    plan: RatePlan,
    clock: fn() -> Timestamp,
    zone: TimeZone,
    account: Mutex<Account>,
}

/// Bytes that may still be sent; below zero, what was sent beyond that and must be waited for.
#[derive(Debug, Default)]
struct Account {
    balance: f64,
    at: Option<Instant>,
}

impl Throttle {
    /// Keeps to `plan`; `clock` and `zone` say what hour it is.
    pub fn new(plan: RatePlan, clock: fn() -> Timestamp, zone: TimeZone) -> Self {
        Self(Source::Own(Arc::new(Shared {
            plan,
            clock,
            zone,
            account: Mutex::default(),
        })))
    }

    /// Asks there before anything leaves. When nobody listens any more, there is no limit.
    pub fn lent(by: mpsc::Sender<Ask>) -> Self {
        Self(Source::Lent(by))
    }

    /// Whether there may be something to wait for, at this hour or another.
    pub fn is_limited(&self) -> bool {
        !matches!(self.0, Source::Unlimited)
    }

    /// Bytes per second now; `None` for no limit.
    pub fn now(&self) -> Option<u64> {
        let Source::Own(shared) = &self.0 else {
            return None;
        };
        let now = (shared.clock)().to_zoned(shared.zone.clone());
        shared.plan.at(now.time())
    }

    /// Waits until `bytes` may be sent. Who asks first goes first. A body goes as a whole, and those
    /// after it wait the longer for it.
    pub async fn take(&self, bytes: u64) {
        let shared = match &self.0 {
            Source::Unlimited => return,
            Source::Own(shared) => shared,
            Source::Lent(by) => {
                let (granted, grant) = oneshot::channel();
                if by.send(Ask { bytes, granted }).await.is_ok() {
                    drop(grant.await);
                }
                return;
            }
        };
        let mut account = shared.account.lock().await;
        loop {
            let now = Instant::now();
            let Some(rate) = self.now() else {
                *account = Account::default();
                return;
            };
            let rate = rate as f64;
            let before = account.at.replace(now).unwrap_or(now);
            let earned = (now - before).as_secs_f64() * rate;
            account.balance = (account.balance + earned).min(BURST.as_secs_f64() * rate);
            if account.balance >= 0.0 {
                account.balance -= bytes as f64;
                return;
            }
            let wait = Duration::try_from_secs_f64(-account.balance / rate).unwrap_or(LOOK_EVERY);
            tokio::time::sleep(wait.min(LOOK_EVERY)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> RatePlan {
        text.parse().unwrap()
    }

    fn at(plan: &RatePlan, hour: i8, minute: i8) -> Option<u64> {
        plan.at(Time::constant(hour, minute, 0, 0))
    }

    #[test]
    fn a_limit_is_a_number_with_a_unit() {
        for (text, bytes) in [
            ("50MB/s", Some(50_000_000)),
            ("20 MiB/s", Some(20 << 20)),
            ("100Mbit/s", Some(12_500_000)),
            ("1gb", Some(1_000_000_000)),
            ("4096", Some(4096)),
            ("max", None),
        ] {
            assert_eq!(at(&plan(text), 12, 0), bytes, "{text}");
        }
    }

    #[test]
    fn hours_decide_also_over_midnight() {
        let plan = plan("22:00-06:00 max, 12:00-13:00 1MB/s, else 20MB/s");
        assert_eq!(at(&plan, 23, 0), None);
        assert_eq!(at(&plan, 5, 59), None);
        assert_eq!(at(&plan, 6, 0), Some(20_000_000));
        assert_eq!(at(&plan, 12, 30), Some(1_000_000));
        assert_eq!(at(&plan, 21, 59), Some(20_000_000));
        let day = "00:00-00:00 5MB/s".parse::<RatePlan>().unwrap();
        assert_eq!(at(&day, 13, 0), Some(5_000_000));
        assert_eq!(at(&"08:00-18:00 1MB/s".parse().unwrap(), 20, 0), None);
    }

    #[test]
    fn what_is_no_limit_is_refused_with_an_example() {
        for text in [
            "",
            "0",
            "fast",
            "-5MB/s",
            "5MB/h",
            "1.5MB/s",
            "99999999999999999999",
            "99999999999999GB/s",
            "25:00-06:00 max",
            "else 1MB/s, 22:00-06:00 max",
            "22:00-06:00 max, 5MB/s",
            "22:00-06:00",
        ] {
            assert!(text.parse::<RatePlan>().is_err(), "{text}");
        }
        let error = "5MB/h".parse::<RatePlan>().unwrap_err().to_string();
        assert!(error.contains("20MB/s"), "{error}");
    }

    #[tokio::test]
    async fn a_limit_is_kept_by_all_together() {
        let throttle = Throttle::new(plan("4MB/s"), || Timestamp::UNIX_EPOCH, TimeZone::UTC);
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let throttle = throttle.clone();
            tasks.spawn(async move {
                for _ in 0..10 {
                    throttle.take(100_000).await;
                }
            });
        }
        tasks.join_all().await;
        // 3.9 MB before the last one; above it is the machine's load that counts.
        let took = begun.elapsed().as_secs_f64();
        assert!((0.96..1.3).contains(&took), "{took}");
    }

    #[tokio::test]
    async fn without_a_limit_nobody_waits() {
        Throttle::default().take(u64::MAX).await;
        let max = Throttle::new(plan("max"), || Timestamp::UNIX_EPOCH, TimeZone::UTC);
        max.take(u64::MAX).await;
        max.take(u64::MAX).await;
    }
}
