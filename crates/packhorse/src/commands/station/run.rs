//! `packhorse station run`: every device that comes to this machine, several at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use packhorse_station::{BayEvent, Bays, Live, LoadError, LoadReport, Watched};
use packhorse_transfer::MEMORY_BYTES_MIN;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{StationArgs, until_second_signal};
use crate::commands::Context;
use crate::exit::Exit;
use crate::loading::{Loaded, Screen, TICK};
use crate::output::{self, Format, Hint, OutputArgs};

/// Events that wait for a slow terminal.
const EVENTS_WAITING: usize = 64;
/// A program that reads the events hears of progress this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Load every device that is connected, several at once, until stopped
///
/// Devices are what matches the patterns of station.devices (image files, mounted folders, block
/// devices), and, unless station.hotplug is false, the disks of this machine that nothing uses. Each is
/// loaded once from the moment it appears until it goes away, by a process of its own; what may work
/// later (a server that is away, a password still to come) is tried again every station.retry_seconds.
/// A file is taken for complete when it has not changed for station.settle_seconds: better, write it
/// under another name and rename it. Memory and speed limit are those of all bays together.
///
/// SIGTERM or Ctrl-C ends the loads under way, to be continued by the next run; a second one ends at
/// once, which loses nothing either. With --output json each event is one line.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse station run --server https://packhorse.example
  packhorse station run --devices '/srv/inbox/*.img' --devices '/media/*' --no-hotplug
  packhorse station run --bays 6 --limit-rate '22:00-06:00 max, else 20MB/s' --output json")]
pub(super) struct Args {
    /// Pattern of device paths, may be repeated [env: PACKHORSE_STATION__DEVICES]
    #[arg(long, value_name = "PATTERN")]
    devices: Vec<std::path::PathBuf>,
    /// Leave disks alone that no pattern matches [env: PACKHORSE_STATION__HOTPLUG]
    #[arg(long)]
    no_hotplug: bool,
    /// Devices at once [env: PACKHORSE_STATION__BAYS] [default: 3]; each has its part of the memory, at
    /// least 16 MiB
    #[arg(long, value_name = "COUNT")]
    bays: Option<std::num::NonZeroU32>,
    #[command(flatten)]
    station: StationArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// One event, for programs.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    Ready {
        bays: usize,
    },
    Found {
        device: &'a str,
    },
    Begun {
        bay: usize,
        device: &'a str,
    },
    Progress {
        bay: usize,
        device: &'a str,
        job_id: Option<String>,
        listed: u64,
        listed_bytes: u64,
        stored: u64,
        sent_bytes: u64,
        failed: u64,
    },
    Loaded {
        bay: usize,
        device: &'a str,
        #[serde(flatten)]
        loaded: Loaded,
    },
    NotLoaded {
        bay: usize,
        device: &'a str,
        job_id: Option<String>,
        error: String,
        hint: &'a str,
        is_refused: bool,
        again_in_seconds: Option<u64>,
    },
    Gone {
        device: &'a str,
    },
    Stopped,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let config = ctx.config()?;
    let settings = config.station.clone();
    let patterns = match args.devices.is_empty() {
        true => settings.devices.clone(),
        false => args.devices,
    };
    let watched = Watched::new(&patterns, settings.hotplug && !args.no_hotplug)
        .context("read station.devices")?;
    if watched.is_empty() {
        bail!(anyhow::anyhow!("there is nothing to watch").context(Hint(
            "give --devices PATTERN, set station.devices, or leave station.hotplug on".into()
        )));
    }
    let count = args.bays.unwrap_or(settings.bays).get();
    let mut station = args.station.station(config, &ctx.environment)?;
    station.limits.memory_bytes /= u64::from(count);
    if station.limits.memory_bytes < MEMORY_BYTES_MIN {
        bail!(
            anyhow::anyhow!("the memory is too small for {count} bays").context(Hint(format!(
                "give --memory-bytes {} or more, or fewer --bays",
                MEMORY_BYTES_MIN * u64::from(count)
            )))
        );
    }
    let bays = Bays {
        station,
        count: usize::try_from(count)?,
        watched,
        settle: Duration::from_secs(settings.settle_seconds),
        retry: Duration::from_secs(settings.retry_seconds.max(1)),
    };
    let stop = CancellationToken::new();
    until_second_signal(&stop, watch(&bays, args.output.output, &stop)).await
}

async fn watch(bays: &Bays, format: Format, stop: &CancellationToken) -> anyhow::Result<Exit> {
    let (sender, mut events) = mpsc::channel(EVENTS_WAITING);
    let mut board = Board {
        format,
        rows: BTreeMap::new(),
    };
    board.line(&Line::Ready { bays: bays.count }, || {
        format!("{} bays wait for devices", bays.count)
    })?;
    let mut tick = tokio::time::interval(TICK);
    let mut told = Instant::now();
    {
        let mut running = std::pin::pin!(bays.run(&sender, stop));
        loop {
            tokio::select! {
                // In this order: what happened is told before the end.
                biased;
                Some(event) = events.recv() => board.tell(event)?,
                () = &mut running => break,
                _ = tick.tick() => {
                    let is_due = told.elapsed() >= PROGRESS_EVERY;
                    if is_due {
                        told = Instant::now();
                    }
                    board.show(is_due)?;
                }
            }
        }
    }
    while let Ok(event) = events.try_recv() {
        board.tell(event)?;
    }
    board.line(&Line::Stopped, || "stopped".to_owned())?;
    Ok(Exit::Success)
}

/// What is shown of the bays.
struct Board {
    format: Format,
    rows: BTreeMap<usize, Row>,
}

struct Row {
    screen: Option<Screen>,
    device: String,
    live: Arc<Live>,
    begun: Instant,
}

impl Board {
    fn line(&self, line: &Line<'_>, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.format {
            Format::Json => output::json(line),
            Format::Text => {
                output::say_above_bars(&text());
                Ok(())
            }
        }
    }

    fn show(&mut self, is_due: bool) -> anyhow::Result<()> {
        for (bay, row) in &mut self.rows {
            if let Some(screen) = &mut row.screen {
                screen.show(&row.live.meter);
            } else if is_due {
                let counts = row.live.meter.counts();
                output::json(&Line::Progress {
                    bay: *bay,
                    device: &row.device,
                    job_id: job_id(&row.live),
                    listed: counts.listed,
                    listed_bytes: counts.listed_bytes,
                    stored: counts.stored,
                    sent_bytes: row.live.meter.sent_bytes(),
                    failed: counts.failed,
                })?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, event: BayEvent) -> anyhow::Result<()> {
        match event {
            BayEvent::Found(path) => {
                let device = &name(&path);
                self.line(&Line::Found { device }, || format!("{device}: found"))
            }
            BayEvent::Gone(path) => {
                let device = &name(&path);
                self.line(&Line::Gone { device }, || format!("{device}: gone"))
            }
            BayEvent::Begun { bay, device, live } => {
                let device = name(&device);
                let line = Line::Begun {
                    bay,
                    device: &device,
                };
                self.line(&line, || format!("{device}: begun in bay {bay}"))?;
                let row = Row {
                    screen: (self.format == Format::Text).then(|| Screen::start(&device)),
                    device,
                    live,
                    begun: Instant::now(),
                };
                self.rows.insert(bay, row);
                Ok(())
            }
            BayEvent::Ended {
                bay,
                device,
                live,
                result,
                again,
            } => {
                let row = self.rows.remove(&bay);
                let elapsed = row.as_ref().map_or(Duration::ZERO, |it| it.begun.elapsed());
                if let Some(screen) = row.and_then(|row| row.screen) {
                    screen.finish();
                }
                match *result {
                    Ok(report) => self.loaded(bay, &name(&device), (report, &live, elapsed)),
                    Err(error) => self.not_loaded(bay, &name(&device), &live, (&error, again)),
                }
            }
        }
    }

    fn loaded(
        &self,
        bay: usize,
        device: &str,
        (report, live, elapsed): (LoadReport, &Live, Duration),
    ) -> anyhow::Result<()> {
        let loaded = Loaded::new(report, live, elapsed);
        let text = loaded.to_text();
        let line = Line::Loaded {
            bay,
            device,
            loaded,
        };
        self.line(&line, || format!("{device}: loaded\n{text}"))
    }

    fn not_loaded(
        &self,
        bay: usize,
        device: &str,
        live: &Live,
        (error, again): (&LoadError, Option<Duration>),
    ) -> anyhow::Result<()> {
        let why = chain(error);
        let hint = error.hint();
        let line = Line::NotLoaded {
            bay,
            device,
            job_id: job_id(live),
            error: why.clone(),
            hint,
            is_refused: error.is_refusal(),
            again_in_seconds: again.map(|pause| pause.as_secs()),
        };
        self.line(&line, || {
            let again = again.map(|pause| {
                let pause = output::duration(pause);
                format!("; trying again in {pause}")
            });
            format!("{device}: {why}{}\nhint: {hint}", again.unwrap_or_default())
        })
    }
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn job_id(live: &Live) -> Option<String> {
    live.job_id().map(ToString::to_string)
}

fn chain(error: &LoadError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
