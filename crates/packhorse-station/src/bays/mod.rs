//! `station run`: devices come and go, and each gets a bay, as long as there are some.
//!
//! A device is loaded once from the moment it appears until it goes. What failed for a reason that
//! may pass (a server that is being restarted, a password that the customer has still to give) is
//! tried again; what was refused waits until the device is taken away. Each bay has a worker process
//! of its own: whatever becomes of one device, the others go on.

mod presence;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet, spawn_blocking};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use presence::{NotAPattern, Watched};

use crate::load::absolute;
use crate::{Live, LoadError, LoadReport, LoadRequest, Station};
use presence::Present;

/// How often it is looked whether a device has come or gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A station with bays.
#[derive(Clone, Debug)]
pub struct Bays {
    /// What each of them does; its limits are those of one bay.
    pub station: Station,
    /// How many devices are loaded at once.
    pub count: usize,
    /// Where devices appear.
    pub watched: Watched,
    /// A file that has not changed for this long is complete.
    pub settle: Duration,
    /// What failed for a reason that may pass is tried again after this time.
    pub retry: Duration,
}

/// What happens at the bays, for a screen or a log.
#[derive(Debug)]
pub enum BayEvent {
    /// A device has come.
    Found(PathBuf),
    /// It is being loaded in this bay, counted from 1.
    Begun {
        /// The bay.
        bay: usize,
        /// The device.
        device: PathBuf,
        /// How far it is.
        live: Arc<Live>,
    },
    /// Its load is over.
    Ended {
        /// The bay, which is free now.
        bay: usize,
        /// The device.
        device: PathBuf,
        /// How far it came.
        live: Arc<Live>,
        /// How it ended.
        result: Box<Result<LoadReport, LoadError>>,
        /// When it is tried again, if it is.
        again: Option<Duration>,
    },
    /// The device is no longer there, or another one is in its place.
    Gone(PathBuf),
}

/// Where a device stands.
#[derive(Debug)]
enum Phase {
    /// It may still be being written.
    Settling(Instant),
    /// It waits for a bay.
    Waiting,
    /// It is being loaded.
    Loading,
    /// It is to be tried again then.
    Again(Instant),
    /// It was loaded, or refused, and is to go.
    Done,
    /// It was refused as it was; a file may become another one.
    Refused,
}

struct Device {
    present: Present,
    phase: Phase,
}

/// A load under way.
struct Running {
    bay: usize,
    path: PathBuf,
    identity: String,
    live: Arc<Live>,
}

type Loaded = Result<LoadReport, LoadError>;

impl Bays {
    /// Works until `stop`, then waits until every load has stopped, to be continued by a later run.
    pub async fn run(&self, events: &mpsc::Sender<BayEvent>, stop: &CancellationToken) {
        let mut shelf = Shelf {
            bays: self,
            devices: BTreeMap::new(),
            free: (1..=self.count).rev().collect(),
            loads: JoinSet::new(),
            running: HashMap::new(),
            events,
            stop,
        };
        let mut tick = tokio::time::interval(LOOK_EVERY);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = tick.tick() => shelf.look().await,
                Some(ended) = shelf.loads.join_next_with_id() => shelf.ended(ended).await,
            }
            shelf.begin().await;
        }
        while let Some(ended) = shelf.loads.join_next_with_id().await {
            shelf.ended(ended).await;
        }
    }

    /// A load that was interrupted at this path goes on; otherwise a new one begins.
    fn request(&self, path: &Path) -> LoadRequest {
        let path = absolute(path);
        let unfinished = self.station.unfinished().unwrap_or_default();
        let mut unfinished = unfinished.into_iter().flatten();
        match unfinished.find(|load| load.device == path) {
            Some(load) => load.request(),
            None => LoadRequest::new(path),
        }
    }
}

/// What is at the station now.
struct Shelf<'a> {
    bays: &'a Bays,
    devices: BTreeMap<PathBuf, Device>,
    free: Vec<usize>,
    loads: JoinSet<Loaded>,
    running: HashMap<Id, Running>,
    events: &'a mpsc::Sender<BayEvent>,
    stop: &'a CancellationToken,
}

impl Shelf<'_> {
    async fn tell(&self, event: BayEvent) {
        // A screen that is gone is no reason to stop loading.
        drop(self.events.send(event).await);
    }

    async fn look(&mut self) {
        let watched = self.bays.watched.clone();
        let Ok(present) = spawn_blocking(move || watched.present()).await else {
            return;
        };
        let is_there = |path: &PathBuf, device: &Device| {
            let now = present.get(path);
            now.is_some_and(|now| now.identity == device.present.identity)
        };
        let gone: Vec<PathBuf> = self
            .devices
            .iter()
            .filter(|(path, device)| !is_there(path, device))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.devices.remove(&path);
            self.tell(BayEvent::Gone(path)).await;
        }
        let now = Instant::now();
        for (path, present) in present {
            match self.devices.get_mut(&path) {
                Some(device) => device.seen(present, now, self.bays.settle),
                None => {
                    let phase = Phase::Settling(now);
                    let device = Device { present, phase };
                    self.devices.insert(path.clone(), device);
                    self.tell(BayEvent::Found(path)).await;
                }
            }
        }
    }

    /// Gives free bays to devices that wait.
    async fn begin(&mut self) {
        while !self.stop.is_cancelled() {
            let mut waiting = self.devices.iter_mut();
            let next = waiting.find(|(_, device)| matches!(device.phase, Phase::Waiting));
            let Some((path, device)) = next else { return };
            let Some(bay) = self.free.pop() else { return };
            device.phase = Phase::Loading;
            let live = Arc::new(Live::default());
            let running = Running {
                bay,
                path: path.clone(),
                identity: device.present.identity.clone(),
                live: Arc::clone(&live),
            };
            let device = path.clone();
            let (bays, stop) = (self.bays.clone(), self.stop.clone());
            let (path, seen) = (device.clone(), Arc::clone(&live));
            let load = async move {
                let request = bays.request(&path);
                bays.station.load(&request, &seen, &stop).await
            };
            let id = self.loads.spawn(load).id();
            self.running.insert(id, running);
            self.tell(BayEvent::Begun { bay, device, live }).await;
        }
    }

    async fn ended(&mut self, ended: Result<(Id, Loaded), JoinError>) {
        let (id, result) = match ended {
            Ok(ended) => ended,
            Err(panic) => (panic.id(), Err(LoadError::Worker(panic.to_string()))),
        };
        let Some(running) = self.running.remove(&id) else {
            return;
        };
        let again = match &result {
            Err(error) if error.may_pass() => Some(self.bays.retry),
            _ => None,
        };
        let phase = match (&result, again) {
            (_, Some(pause)) => Phase::Again(Instant::now() + pause),
            (Ok(_) | Err(LoadError::Aborted { .. }), None) => Phase::Done,
            (Err(_), None) => Phase::Refused,
        };
        let device = self.devices.get_mut(&running.path);
        if let Some(device) = device.filter(|it| it.present.identity == running.identity) {
            device.phase = phase;
        }
        self.free.push(running.bay);
        self.tell(BayEvent::Ended {
            bay: running.bay,
            device: running.path,
            live: running.live,
            result: Box::new(result),
            again: again.filter(|_| !self.stop.is_cancelled()),
        })
        .await;
    }
}

impl Device {
    /// It is still there; what it is to do next may have changed.
    fn seen(&mut self, present: Present, now: Instant, settle: Duration) {
        let has_changed = present.version != self.present.version;
        self.present = present;
        match self.phase {
            Phase::Settling(_) | Phase::Refused if has_changed => {
                self.phase = Phase::Settling(now);
            }
            Phase::Settling(since) if now.duration_since(since) >= settle => {
                self.phase = Phase::Waiting;
            }
            Phase::Again(at) if now >= at => self.phase = Phase::Waiting,
            Phase::Settling(_)
            | Phase::Waiting
            | Phase::Loading
            | Phase::Again(_)
            | Phase::Done
            | Phase::Refused => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn present(version: u64) -> Present {
        Present {
            identity: "1 2".to_owned(),
            version: (version, 0, 0),
        }
    }

    #[test]
    fn a_file_that_is_being_written_waits_and_a_refused_one_gets_another_chance() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let settle = Duration::from_secs(5);
        let phase = Phase::Settling(start);
        let mut device = Device {
            present: present(1),
            phase,
        };
        device.seen(present(2), at(4), settle);
        device.seen(present(2), at(6), settle);
        assert!(matches!(device.phase, Phase::Settling(_)));
        device.seen(present(2), at(9), settle);
        assert!(matches!(device.phase, Phase::Waiting));
        device.phase = Phase::Refused;
        device.seen(present(2), at(100), settle);
        assert!(matches!(device.phase, Phase::Refused));
        device.seen(present(3), at(101), settle);
        assert!(matches!(device.phase, Phase::Settling(_)));
        device.phase = Phase::Done;
        device.seen(present(4), at(200), settle);
        assert!(matches!(device.phase, Phase::Done));
        device.phase = Phase::Again(at(300));
        device.seen(present(4), at(299), settle);
        assert!(matches!(device.phase, Phase::Again(_)));
        device.seen(present(4), at(300), settle);
        assert!(matches!(device.phase, Phase::Waiting));
    }
}
