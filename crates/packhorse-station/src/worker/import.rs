//! One load within its worker: the engine at work, the station kept informed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Manifest, S3Import};
use packhorse_media::{Device, Volume};
use packhorse_objects::client::Client;
use packhorse_transfer::{
    Ask, Error as TransferError, Import, JobFolder, Limits, Loaded, Meter, SourceVolume, Throttle,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::protocol::{Answer, Answers, Ended, Fault, ImportOrder, Order, Pulse, Reported};
use super::watch::{Watch, Watched};
use crate::desk::chain;
use crate::identify::source_volumes;
use crate::load::abort_code;

/// Between two signs of life.
const PULSE_EVERY: Duration = Duration::from_millis(250);
/// Bodies that wait to be allowed out: no more than there are connections.
const ASKS_WAITING: usize = 1024;

/// A load to be done.
pub(super) struct Duty {
    pub(super) order: ImportOrder,
    pub(super) device: Device,
    pub(super) folder: JobFolder,
    pub(super) answers: Answers,
    pub(super) clock: fn() -> Timestamp,
}

/// What a load is made of.
struct Tools {
    manifest: Arc<Manifest<S3Import>>,
    client: Client,
    throttle: Throttle,
    meter: Meter,
    watch: Watch,
    stop: CancellationToken,
}

impl Duty {
    pub(super) async fn run(self, mut orders: mpsc::Receiver<Order>) -> Ended {
        let (asking, mut asks) = mpsc::channel(ASKS_WAITING);
        let tools = match self.tools(asking) {
            Ok(tools) => tools,
            Err(fault) => return Ended::Stopped(fault),
        };
        let mut asked: HashMap<u64, oneshot::Sender<()>> = HashMap::new();
        let mut number = 0;
        let mut pulse = tokio::time::interval(PULSE_EVERY);
        let mut loading = std::pin::pin!(self.load(&tools));
        loop {
            let answer = tokio::select! {
                ended = &mut loading => {
                    // The last numbers, so that nothing is missing on the screen.
                    drop(self.answers.send(&self.pulse(&tools)));
                    return ended;
                }
                _ = pulse.tick() => self.pulse(&tools),
                Some(Ask { bytes, granted }) = asks.recv() => {
                    number += 1;
                    asked.insert(number, granted);
                    Answer::Ask(number, bytes)
                }
                order = orders.recv() => {
                    match order {
                        Some(Order::Grant(number)) => {
                            // Whoever asked may have been stopped.
                            if let Some(granted) = asked.remove(&number) {
                                let _ = granted.send(());
                            }
                        }
                        _ => tools.stop.cancel(),
                    }
                    continue;
                }
            };
            if self.answers.send(&answer).is_err() {
                tools.stop.cancel();
            }
        }
    }

    fn tools(&self, asking: mpsc::Sender<Ask>) -> Result<Tools, Fault> {
        let order = &self.order;
        let manifest = manifest::read(&order.manifest, JobType::Import)
            .map_err(|problems| {
                problems
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            })
            .and_then(|reading| {
                reading
                    .manifest
                    .into_s3_import()
                    .map_err(|it| it.to_string())
            })
            .map_err(|what| Fault::other(format!("cannot read the job's manifest: {what}")))?;
        let client = Client::new(&order.object_store, &order.credentials).map_err(|source| {
            Fault::new(&TransferError::StoreRefused {
                what: order.object_store.endpoint.clone(),
                source,
            })
        })?;
        Ok(Tools {
            manifest: Arc::new(manifest),
            client,
            throttle: match order.is_limited {
                true => Throttle::lent(asking),
                false => Throttle::default(),
            },
            meter: Meter::default(),
            watch: Watch::default(),
            stop: CancellationToken::new(),
        })
    }

    fn pulse(&self, tools: &Tools) -> Answer {
        let now = Instant::now();
        Answer::Progress(Pulse {
            reading: tools.meter.read(now),
            stalled: tools.watch.stalled(now),
        })
    }

    async fn load(&self, tools: &Tools) -> Ended {
        match self.import(tools).run().await {
            Ok(loaded) => Ended::Loaded(reported(loaded)),
            // A device that gave out still gets its report; without one the job must not end.
            Err(error) if error.is_of_the_device() => match self.import(tools).abandon().await {
                Ok(abandoned) => Ended::GaveOut {
                    code: abort_code(&error),
                    reason: chain(&error),
                    report: reported(abandoned),
                },
                Err(no_report) => Ended::Stopped(Fault::new(&no_report)),
            },
            Err(error) => Ended::Stopped(Fault::new(&error)),
        }
    }

    fn import(&self, tools: &Tools) -> Import {
        let order = &self.order;
        let volume = order.volume.or(tools.manifest.extensions.volume);
        let volumes = source_volumes(&self.device, volume);
        Import {
            job_id: order.job_id.clone(),
            manifest: Arc::clone(&tools.manifest),
            basis: order.basis.clone(),
            volumes: volumes.into_iter().map(|it| watched(it, tools)).collect(),
            client: tools.client.clone(),
            folder: self.folder.clone(),
            takes_over: order.takes_over,
            limits: Limits {
                memory_bytes: order.memory_bytes,
                connections: order.connections,
                retry_for: order.retry_for,
            },
            throttle: tools.throttle.clone(),
            meter: tools.meter.clone(),
            stop: tools.stop.clone(),
            clock: self.clock,
        }
    }
}

fn watched(source: SourceVolume, tools: &Tools) -> SourceVolume {
    let watched = |volume| Arc::new(Watched::new(volume, tools.watch.clone())) as Arc<dyn Volume>;
    SourceVolume {
        folder: source.folder,
        content: source.content.map(watched),
    }
}

fn reported(loaded: Loaded) -> Reported {
    Reported {
        counts: loaded.counts,
        log_bucket: loaded.log_bucket.to_string(),
        log_key: loaded.log_key,
    }
}
