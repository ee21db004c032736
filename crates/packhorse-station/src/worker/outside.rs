//! A worker from outside: started, told what to do, watched, and ended.

use std::fs::DirBuilder;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use packhorse_core::id::JobId;
use packhorse_media::{MediaError, Unlock};
use packhorse_transfer::{Meter, Throttle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::inside::SCRATCH_FOLDER;
use super::protocol::{Answer, Begin, Ended, ImportOrder, LookOrder, Order, line, read};
use super::{Look, Protections, Workers};
use crate::LoadError;

/// Answers that wait.
const ANSWERS_WAITING: usize = 64;
/// Longest line that a worker's standard error gives at once.
const SAID_BYTES_MAX: u64 = 4096;
/// A killed process is gone within this time, or it waits for a disk that does not answer.
const DEATH_WITHIN: Duration = Duration::from_secs(10);
/// How often that is looked at.
const DEATH_LOOK_EVERY: Duration = Duration::from_millis(5);
/// A program of ours that panicked ends with this code.
const PANIC_CODE: i32 = 101;
/// Signals of which a process dies for what it did itself: a broken instruction, access or assertion,
/// memory that is not to be had, a limit.
const OWN_FAULTS: [i32; 7] = [4, 5, 6, 7, 8, 11, 31];

/// A process that reads one device. Dropped, it is killed.
pub(crate) struct Worker {
    child: Child,
    stdin: Stdin,
    answers: mpsc::Receiver<Answer>,
    /// Gives what it said last, once it has said all.
    last_words: oneshot::Receiver<String>,
    stall: Duration,
    protections: Protections,
}

type Stdin = Arc<Mutex<ChildStdin>>;

/// Why a worker gave no answer.
#[derive(Debug)]
pub(crate) enum Breakdown {
    /// The device made it break down or hang.
    Device(String),
    /// Something else, such as whoever killed it.
    Other(LoadError),
}

/// How a load in a worker ended.
pub(crate) type Ending = Result<Ended, Breakdown>;

impl Worker {
    /// Starts a worker for a device and waits until it is confined.
    pub(crate) async fn start(
        workers: &Workers,
        device: &Path,
        state_dir: &Path,
    ) -> Result<Self, LoadError> {
        let scratch = state_dir.join(SCRATCH_FOLDER);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&scratch);
        made.map_err(|source| LoadError::State {
            path: scratch.clone(),
            source,
        })?;
        let mut child = Command::new(&workers.program)
            .args(&workers.arguments)
            .env_clear()
            .envs(
                workers
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .env("SQLITE_TMPDIR", &scratch)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for the station, which tells its workers.
            .process_group(0)
            .spawn()
            .map_err(|error| cannot(format!("start {}: {error}", workers.program.display())))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(cannot("its pipes are not there".to_owned()));
        };
        let (said, last_words) = oneshot::channel();
        let say = workers.say;
        // On threads of their own: the runtime's are for other bays.
        thread::spawn(move || said.send(listen(stderr, say)));
        let (sender, answers) = mpsc::channel(ANSWERS_WAITING);
        thread::spawn(move || receive(stdout, &sender));
        let mut worker = Self {
            child,
            stdin: Arc::new(Mutex::new(stdin)),
            answers,
            last_words,
            stall: workers.stall,
            protections: Protections::default(),
        };
        let begin = Begin {
            device: device.to_owned(),
            state_dir: state_dir.to_owned(),
            limits: workers.limits,
        };
        match worker.ask(&Order::Begin(begin), workers.stall).await {
            Ok(Answer::Confined(protections)) => worker.protections = protections,
            Ok(Answer::Unfit(why)) => return Err(LoadError::Worker(why)),
            Ok(_) => return Err(cannot("its first answer is none".to_owned())),
            Err(Breakdown::Device(what)) => return Err(LoadError::Worker(what)),
            Err(Breakdown::Other(error)) => return Err(error),
        }
        Ok(worker)
    }

    /// What the kernel holds it to.
    pub(crate) fn protections(&self) -> &Protections {
        &self.protections
    }

    /// Opens the device. Takes as long as `unlock` allows, and then some.
    pub(crate) async fn look(
        &mut self,
        job_id: Option<JobId>,
        unlock: &Unlock,
    ) -> Result<Result<Look, MediaError>, Breakdown> {
        let patience = self.stall.saturating_add(unlock.time);
        let order = Order::Look(LookOrder::new(job_id, unlock));
        match self.ask(&order, patience).await? {
            Answer::Looked(look) => Ok(look.map_err(MediaError::from)),
            _ => Err(strange()),
        }
    }

    /// Loads the device that was looked at; `meter` shows how far it is, and `throttle` says when
    /// contents may leave. Cancelling `stop` ends it soon.
    pub(crate) async fn import(
        &mut self,
        order: ImportOrder,
        meter: &Meter,
        throttle: &Throttle,
        stop: &CancellationToken,
    ) -> Ending {
        self.send(&Order::Import(Box::new(order))).await?;
        let mut told = false;
        loop {
            let answer = tokio::select! {
                answer = self.next(self.stall) => answer?,
                () = stop.cancelled(), if !told => {
                    told = true;
                    self.send(&Order::Stop).await?;
                    continue;
                }
            };
            match answer {
                Answer::Progress(pulse) => {
                    meter.show(&pulse.reading, Instant::now());
                    if pulse.stalled >= self.stall {
                        let what = format!(
                            "reading the device has gone no further for {} s",
                            pulse.stalled.as_secs()
                        );
                        return Err(self.end(what).await);
                    }
                }
                Answer::Ask(number, bytes) => {
                    let (stdin, throttle) = (Arc::clone(&self.stdin), throttle.clone());
                    tokio::spawn(async move {
                        throttle.take(bytes).await;
                        // A worker that is gone needs none; its end is noticed elsewhere.
                        drop(write(&stdin, &Order::Grant(number)).await);
                    });
                }
                Answer::Ended(ended) => return Ok(ended),
                Answer::Confined(_) | Answer::Unfit(_) | Answer::Looked(_) => {
                    return Err(strange());
                }
            }
        }
    }

    /// Waits until it has ended by itself, so that it holds nothing of the job any more.
    pub(crate) async fn gone(mut self) {
        self.status().await;
    }

    /// Ends it, since it is needed no more.
    pub(crate) async fn gone_by_order(mut self) {
        drop(self.send(&Order::Stop).await);
        self.gone().await;
    }

    async fn ask(&mut self, order: &Order, patience: Duration) -> Result<Answer, Breakdown> {
        self.send(order).await?;
        self.next(patience).await
    }

    async fn send(&mut self, order: &Order) -> Result<(), Breakdown> {
        match write(&self.stdin, order).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.died().await),
        }
    }

    async fn next(&mut self, patience: Duration) -> Result<Answer, Breakdown> {
        match tokio::time::timeout(patience, self.answers.recv()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(self.died().await),
            Err(_) => {
                let what = format!(
                    "its worker gave no sign of life for {} s",
                    patience.as_secs()
                );
                Err(self.end(what).await)
            }
        }
    }

    /// Kills a worker that hangs.
    async fn end(&mut self, what: String) -> Breakdown {
        drop(self.child.kill());
        self.status().await;
        Breakdown::Device(what)
    }

    /// Its pipe has ended: why?
    async fn died(&mut self) -> Breakdown {
        match self.status().await {
            Some(status) => judge(status, &(&mut self.last_words).await.unwrap_or_default()),
            // It has closed its pipe and goes on: no worker of ours does.
            None => self.end("its worker stopped answering".to_owned()).await,
        }
    }

    /// How it ended, once it has.
    async fn status(&mut self) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < DEATH_WITHIN {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => tokio::time::sleep(DEATH_LOOK_EVERY).await,
                Err(_) => return None,
            }
        }
        None
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            drop(self.child.kill());
            // It is gone in a moment, unless it waits for a disk that does not answer: nobody waits for
            // that one.
            let pid = rustix::process::Pid::from_child(&self.child);
            thread::spawn(move || {
                let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            });
        }
    }
}

/// Whether the device is to blame for the end of a worker that had not finished.
fn judge(status: ExitStatus, said: &str) -> Breakdown {
    let said = match said {
        "" => String::new(),
        said => format!(": {said}"),
    };
    match (status.signal(), status.code()) {
        (Some(signal), _) if OWN_FAULTS.contains(&signal) => {
            Breakdown::Device(format!("its worker broke down (signal {signal}){said}"))
        }
        (_, Some(PANIC_CODE)) => Breakdown::Device(format!("its worker broke down{said}")),
        (Some(signal), _) => Breakdown::Other(LoadError::WorkerKilled(signal)),
        (None, code) => {
            let code = code.unwrap_or_default();
            Breakdown::Other(cannot(format!("it ended with {code}{said}")))
        }
    }
}

fn cannot(what: String) -> LoadError {
    LoadError::Worker(what)
}

fn strange() -> Breakdown {
    Breakdown::Device("its worker gave an answer to something else".to_owned())
}

async fn write(to: &Stdin, order: &Order) -> std::io::Result<()> {
    let line = line(order)?;
    let to = Arc::clone(to);
    let written = spawn_blocking(move || {
        let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
        to.write_all(&line)?;
        to.flush()
    });
    written.await.map_err(std::io::Error::other)?
}

/// Reads answers until the pipe ends, or something comes that is none.
fn receive(from: impl Read, answers: &mpsc::Sender<Answer>) {
    let mut from = BufReader::new(from);
    while let Ok(Some(answer)) = read(&mut from) {
        if answers.blocking_send(answer).is_err() {
            return;
        }
    }
}

/// Passes on what a worker says; gives its last line.
fn listen(from: impl Read, say: fn(&str)) -> String {
    let mut from = BufReader::new(from);
    let mut last = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut from)
            .take(SAID_BYTES_MAX)
            .read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return last;
        }
        let said = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !said.is_empty() {
            say(&said);
            last = said;
        }
    }
}
