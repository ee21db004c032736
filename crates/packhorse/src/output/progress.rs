//! How far a load is: a bar on a terminal, a plain line now and then elsewhere.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use packhorse_core::ledger::Counts;

use super::words::{bytes, duration, rate};

/// Plain lines come this far apart: often enough to see life, seldom enough for a log.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// The speed shown is that of the last few seconds, not of the whole load.
const SPEED_WINDOW: Duration = Duration::from_secs(15);
/// No time left is promised before this much was seen.
const SPEED_KNOWN_AFTER: Duration = Duration::from_secs(2);
/// Samples closer together than this add nothing.
const SAMPLE_EVERY: Duration = Duration::from_millis(200);

/// Log lines are written above the bars, not through them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// A writer for log lines.
pub(super) fn above_bars() -> AboveBars {
    AboveBars(Vec::new())
}

/// Does something to the terminal with the bars out of the way.
pub(super) fn suspended(write: impl FnOnce()) {
    BARS.suspend(write);
}

/// Collects one log record and prints it when dropped.
pub(super) struct AboveBars(Vec<u8>);

impl std::io::Write for AboveBars {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for AboveBars {
    fn drop(&mut self) {
        BARS.suspend(|| drop(std::io::stderr().write_all(&self.0)));
    }
}

/// The progress of one load, in bytes and files.
pub(crate) struct Bar {
    /// Stands before all that it says; empty for the only one.
    name: String,
    bar: Option<ProgressBar>,
    /// The line below it: what the lanes are doing.
    lanes: Option<ProgressBar>,
    work: String,
    speed: Speed,
    shown: Option<Instant>,
    /// Whether the bar shows a length.
    measured: bool,
}

impl Bar {
    /// Standard error is told of a load that has not begun yet.
    pub(crate) fn start() -> Self {
        Self::named("")
    }

    /// One of several, told apart by their names.
    pub(crate) fn named(name: &str) -> Self {
        let name = match name {
            "" => String::new(),
            name => format!("{}: ", super::visible(name)),
        };
        let bar = super::on_terminal().then(|| {
            let bar = BARS.add(ProgressBar::no_length());
            set_style(&bar, "{spinner} {wide_msg}");
            bar
        });
        let lanes = super::on_terminal().then(|| {
            let lanes = BARS.add(ProgressBar::no_length());
            set_style(&lanes, "  {wide_msg}");
            lanes
        });
        Self {
            name,
            bar,
            lanes,
            work: String::new(),
            speed: Speed::default(),
            shown: None,
            measured: false,
        }
    }

    /// Says that something goes on whose length is not known (listing, verifying).
    pub(crate) fn phase(&mut self, what: &str) {
        let what = format!("{}{what}", self.name);
        match &self.bar {
            Some(bar) => {
                if std::mem::take(&mut self.measured) {
                    set_style(bar, "{spinner} {wide_msg}");
                }
                bar.set_message(what);
                bar.tick();
            }
            None => super::say(&what),
        }
    }

    /// Says something above the bar.
    pub(crate) fn say(&self, what: &str) {
        let what = format!("{}{}", self.name, super::visible(what));
        BARS.suspend(|| super::say(&what));
    }

    /// Shows how many entries were found so far; before the first, that the server is asked.
    pub(crate) fn listing(&mut self, counts: &Counts) {
        if self.bar.is_none() {
            return;
        }
        match counts.listed {
            0 => self.phase("waiting for the job"),
            entries => {
                let found = bytes(counts.listed_bytes);
                self.phase(&format!("listing: {entries} entries, {found}"));
            }
        }
    }

    /// Shows these totals. `done_bytes` may be ahead of `counts` within a large file.
    pub(crate) fn show(&mut self, counts: &Counts, done_bytes: u64, now: Instant) {
        self.speed.add(now, done_bytes);
        let text = format!("{}{}", self.name, self.describe(counts, done_bytes, now));
        match &self.bar {
            Some(bar) => {
                if !std::mem::replace(&mut self.measured, true) {
                    set_style(bar, "{bar:12} {percent:>3}% {wide_msg}");
                }
                bar.set_length(counts.listed_bytes);
                bar.set_message(text);
                bar.set_position(done_bytes);
            }
            None => {
                let due = self
                    .shown
                    .is_none_or(|last| now.duration_since(last) >= LINE_EVERY);
                if due {
                    self.shown = Some(now);
                    super::say(&text);
                }
            }
        }
    }

    /// Says what the lanes are doing: below the bar, or at the end of the next plain line.
    pub(crate) fn work(&mut self, work: &str) {
        if self.work == work {
            return;
        }
        work.clone_into(&mut self.work);
        if let Some(lanes) = &self.lanes {
            lanes.set_message(super::visible(work));
            lanes.tick();
        }
    }

    /// Takes the bar off the terminal.
    pub(crate) fn finish(self) {
        if let Some(lanes) = self.lanes {
            lanes.finish_and_clear();
        }
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn describe(&self, counts: &Counts, done_bytes: u64, now: Instant) -> String {
        let settled = counts.stored + counts.ignored + counts.failed;
        let (done, all) = (bytes(done_bytes), bytes(counts.listed_bytes));
        let mut parts = vec![format!("{done} of {all}")];
        if let Some((count, elapsed)) = self.speed.recent(now) {
            parts.push(rate(count, elapsed));
            let left = counts.listed_bytes.saturating_sub(done_bytes);
            if let Some(time) = time_left(left, count, elapsed) {
                parts.push(format!("{} left", duration(time)));
            }
        }
        if counts.failed > 0 {
            parts.push(format!("{} failed", counts.failed));
        }
        // Last, since a narrow terminal cuts the line.
        parts.push(format!("{settled}/{} files", counts.listed));
        if self.lanes.is_none() && !self.work.is_empty() {
            parts.push(self.work.clone());
        }
        parts.join(", ")
    }
}

/// The templates are ours; one that indicatif cannot read would leave its own style.
fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

/// How long `left` bytes take at the speed of `count` bytes in `elapsed`; `None` when nothing moved.
fn time_left(left: u64, count: u64, elapsed: Duration) -> Option<Duration> {
    if count == 0 {
        return None;
    }
    let seconds = left as f64 / count as f64 * elapsed.as_secs_f64();
    // Rounded up to whole seconds: a promise of tenths would be false.
    Duration::try_from_secs_f64(seconds.ceil().max(1.0)).ok()
}

/// The samples of the last seconds.
#[derive(Default)]
struct Speed(std::collections::VecDeque<(Instant, u64)>);

impl Speed {
    fn add(&mut self, now: Instant, done_bytes: u64) {
        let last_at = self.0.back().map(|(at, _)| *at);
        if last_at.is_some_and(|at| now.duration_since(at) < SAMPLE_EVERY) {
            return;
        }
        self.0.push_back((now, done_bytes));
        // One sample from before the window stays, as its left end.
        let older = |sample: Option<&(Instant, u64)>| {
            sample.is_some_and(|(at, _)| now.duration_since(*at) >= SPEED_WINDOW)
        };
        while older(self.0.get(1)) {
            self.0.pop_front();
        }
    }

    /// Bytes moved within the window, and how long that took; `None` until enough was seen.
    fn recent(&self, now: Instant) -> Option<(u64, Duration)> {
        let (first_at, first) = self.0.front()?;
        let (_, last) = self.0.back()?;
        let elapsed = now.duration_since(*first_at);
        (elapsed >= SPEED_KNOWN_AFTER).then(|| (last.saturating_sub(*first), elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        Counts {
            listed: 10,
            listed_bytes: 100 << 20,
            stored: 3,
            failed: 1,
            ..Counts::default()
        }
    }

    fn plain() -> Bar {
        Bar {
            name: String::new(),
            bar: None,
            lanes: None,
            work: String::new(),
            speed: Speed::default(),
            shown: None,
            measured: false,
        }
    }

    #[test]
    fn rate_and_time_left_are_those_of_the_last_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut bar = plain();
        // A fast start that is long over must not shorten the estimate.
        for (second, done) in [(0, 0), (1, 40 << 20), (100, 40 << 20), (110, 50 << 20)] {
            bar.speed.add(at(second), done);
        }
        bar.speed.add(at(115), 55 << 20);
        let text = bar.describe(&counts(), 55 << 20, at(115));
        assert_eq!(
            text,
            "55.0 MiB of 100 MiB, 1.00 MiB/s, 45 s left, 1 failed, 4/10 files"
        );
    }

    #[test]
    fn a_plain_line_says_what_the_lanes_do() {
        let mut bar = plain();
        bar.work("PAUSED 42 s, 3 tried again");
        let text = bar.describe(&counts(), 0, Instant::now());
        assert!(
            text.ends_with("4/10 files, PAUSED 42 s, 3 tried again"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_promised_at_the_start_or_when_nothing_moves() {
        let start = Instant::now();
        let mut bar = plain();
        bar.speed.add(start, 0);
        assert!(!bar.describe(&counts(), 0, start).contains("left"));
        let later = start + Duration::from_secs(9);
        bar.speed.add(later, 0);
        let text = bar.describe(&counts(), 0, later);
        assert_eq!(text, "0 B of 100 MiB, 0 B/s, 1 failed, 4/10 files");
    }

    #[test]
    fn the_window_keeps_a_bounded_number_of_old_samples() {
        let start = Instant::now();
        let mut speed = Speed::default();
        for second in 0..1000 {
            speed.add(start + Duration::from_secs(second), second);
        }
        assert!(speed.0.len() <= 17, "{}", speed.0.len());
    }
}
