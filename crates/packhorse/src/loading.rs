//! A station's load with its progress on the screen and its result in words.

use std::time::{Duration, Instant};

use packhorse_station::{Live, LoadError, LoadReport, LoadRequest, Protections, Station};
use packhorse_transfer::{Meter, Stage};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::output::{self, Bar, Hint};

/// The bar moves this often.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// A store that fails for longer has stopped the load for the time being: single requests fail and
/// succeed again all the time.
const PAUSED_AFTER: Duration = Duration::from_secs(2);

/// A load that came to its end, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Loaded {
    pub(crate) job_id: String,
    pub(crate) progress: &'static str,
    pub(crate) listed: u64,
    pub(crate) listed_bytes: u64,
    pub(crate) stored: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) ignored: u64,
    pub(crate) failed: u64,
    pub(crate) seconds: f64,
    pub(crate) log_bucket: String,
    pub(crate) log_key: String,
    /// Where the manifest for the next device is, when an export has filled this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_manifest_key: Option<String>,
    /// What the process that read the device was held to.
    pub(crate) protections: Option<Protections>,
}

impl Loaded {
    pub(crate) fn new(report: LoadReport, live: &Live, elapsed: Duration) -> Self {
        Self {
            job_id: report.job_id.to_string(),
            progress: report.progress.code(),
            listed: report.counts.listed,
            listed_bytes: report.counts.listed_bytes,
            stored: report.counts.stored,
            stored_bytes: report.counts.stored_bytes,
            ignored: report.counts.ignored,
            failed: report.counts.failed,
            seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            log_bucket: report.log_bucket,
            log_key: report.log_key,
            next_manifest_key: report.next_manifest_key,
            protections: live.protections().cloned(),
        }
    }

    /// 0 when every file is stored or was ignored as asked, else 3.
    pub(crate) fn exit(&self) -> Exit {
        if self.failed == 0 {
            Exit::Success
        } else {
            Exit::FileErrors
        }
    }

    /// The numbers for people.
    pub(crate) fn to_text(&self) -> String {
        let elapsed = Duration::from_secs_f64(self.seconds);
        let next = self.next_manifest_key.as_ref().map(|key| {
            let bucket = &self.log_bucket;
            format!("\ndevice    full; the manifest for the next one is s3://{bucket}/{key}")
        });
        format!(
            "job       {} {}\n\
             listed    {} entries, {}\n\
             stored    {} files, {}, each compared with the store\n\
             ignored   {}\n\
             failed    {}\n\
             took      {}, {}\n\
             report    s3://{}/{}{}",
            self.job_id,
            self.progress,
            self.listed,
            output::bytes(self.listed_bytes),
            self.stored,
            output::bytes(self.stored_bytes),
            self.ignored,
            self.failed,
            output::duration(elapsed),
            output::rate(self.stored_bytes, elapsed),
            self.log_bucket,
            self.log_key,
            next.unwrap_or_default(),
        )
    }
}

/// Loads one device, showing how far it is.
pub(crate) async fn load(
    station: &Station,
    request: &LoadRequest,
    stop: &CancellationToken,
) -> Result<Loaded, LoadError> {
    let started = Instant::now();
    let live = Live::default();
    let mut screen = Screen::start("");
    let result = {
        let mut loading = std::pin::pin!(station.load(request, &live, stop));
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                result = &mut loading => break result,
                _ = tick.tick() => screen.show(&live.meter),
            }
        }
    };
    screen.finish();
    result.map(|report| Loaded::new(report, &live, started.elapsed()))
}

/// Says why a device was not loaded, and picks the exit code.
pub(crate) fn refused_or_failed(error: LoadError) -> anyhow::Result<Exit> {
    let refused = error.is_refusal();
    let hint = Hint(error.hint().to_owned());
    let error = anyhow::Error::from(error).context(hint);
    if refused {
        output::error(&error);
        return Ok(Exit::Refused);
    }
    Err(error)
}

/// What was last shown of a load.
pub(crate) struct Screen {
    bar: Bar,
    stage: Option<Stage>,
    is_paused: bool,
}

impl Screen {
    /// A row of its own; `name` stands before all that it says.
    pub(crate) fn start(name: &str) -> Self {
        Self {
            bar: Bar::named(name),
            stage: None,
            is_paused: false,
        }
    }

    /// Takes the row away.
    pub(crate) fn finish(self) {
        self.bar.finish();
    }

    /// How far it is now.
    pub(crate) fn show(&mut self, meter: &Meter) {
        let counts = meter.counts();
        let stage = meter.stage();
        let changed = self.stage.replace(stage) != Some(stage);
        let now = Instant::now();
        let down = meter.store_down_for(now);
        let is_paused = down.is_some_and(|down| down >= PAUSED_AFTER);
        if is_paused != std::mem::replace(&mut self.is_paused, is_paused) {
            match meter.store_trouble().filter(|_| is_paused) {
                Some(trouble) => self.bar.say(&format!(
                    "paused: the store is failing: {trouble}; trying on"
                )),
                None => self.bar.say("the store answers again"),
            }
        }
        let paused = down.filter(|_| is_paused);
        self.bar.work(&work(meter, paused));
        match stage {
            Stage::Listing => self.bar.listing(&counts),
            Stage::Loading => self.bar.show(&counts, meter.sent_bytes(), now),
            Stage::Verifying if changed => self.bar.phase("comparing the store with what was read"),
            Stage::Reporting if changed => self.bar.phase("writing the report"),
            Stage::Verifying | Stage::Reporting => {}
        }
    }
}

/// What the lanes are doing, in words.
fn work(meter: &Meter, paused: Option<Duration>) -> String {
    let mut parts = Vec::new();
    if let Some(time) = paused {
        let time = Duration::from_secs(time.as_secs());
        parts.push(format!("PAUSED {}", output::duration(time)));
    }
    if let requests @ 1.. = meter.requests_under_way() {
        parts.push(format!("{requests} requests under way"));
    }
    if let retries @ 1.. = meter.retries() {
        parts.push(format!("{retries} tried again"));
    }
    if let files @ 1.. = meter.read_errors() {
        parts.push(format!("{files} files with read errors"));
    }
    parts.join(", ")
}
