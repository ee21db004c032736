//! A worker from within: it confines itself, then does as it is told.

use std::io::{BufReader, Read, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use packhorse_transfer::JobFolder;
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

use super::confine::{DNS_PORT, Reach, confine, narrow};
use super::import::Duty;
use super::look::Look;
use super::protocol::{Answer, Answers, Begin, Ended, Fault, ImportOrder, MediaFault, Order, read};
use crate::desk::chain;
use crate::identify::{Identified, identify};

/// Orders that wait: looks and a load come one by one, grants no more than were asked for.
const ORDERS_WAITING: usize = 64;
/// Beside the jobs' folders: what a sorter does not keep in memory.
pub(super) const SCRATCH_FOLDER: &str = "tmp";

/// Why a worker ends without having done what it was told.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The pipe to the station.
    #[error("cannot talk to the station: this command is started by 'station load', not by people")]
    Pipe(#[from] std::io::Error),
    /// The station said something else than what a worker expects.
    #[error("the station gives orders that this worker does not know")]
    Order,
}

/// Works for the station at the other end of these pipes until it has loaded a device, or the station
/// has gone. To be called before any thread is started.
pub fn work(
    orders: impl Read + Send + 'static,
    answers: impl Write + Send + 'static,
    clock: fn() -> Timestamp,
) -> Result<(), WorkerError> {
    let mut orders = BufReader::new(orders);
    let answers = Answers::new(answers);
    let Some(Order::Begin(begin)) = read(&mut orders)? else {
        return Err(WorkerError::Order);
    };
    let touched = packhorse_media::files_of(&begin.device);
    let jobs = [begin.state_dir.clone()];
    let reach = Reach {
        device: &touched,
        writes: &jobs,
        ports: None,
    };
    match confine(&begin.limits, &reach) {
        Ok(protections) => answers.send(&Answer::Confined(protections))?,
        Err(error) => return Ok(answers.send(&Answer::Unfit(chain(&error)))?),
    }
    let orders = listen(orders);
    Worker {
        begin,
        touched,
        orders,
        answers,
        clock,
    }
    .serve()
}

/// Reads orders on a thread of its own, so that the end of the station is noticed whatever the worker
/// is busy with. There is nobody left to tell then, and every moment longer holds the job's folder.
fn listen(mut from: impl std::io::BufRead + Send + 'static) -> mpsc::Receiver<Order> {
    let (sender, orders) = mpsc::channel(ORDERS_WAITING);
    std::thread::spawn(move || {
        while let Ok(Some(order)) = read(&mut from) {
            if sender.blocking_send(order).is_err() {
                return;
            }
        }
        // Nobody is left to hear of an error.
        let _ = kill_process(getpid(), Signal::KILL);
    });
    orders
}

struct Worker {
    begin: Begin,
    touched: Vec<PathBuf>,
    orders: mpsc::Receiver<Order>,
    answers: Answers,
    clock: fn() -> Timestamp,
}

impl Worker {
    fn serve(mut self) -> Result<(), WorkerError> {
        let mut open: Option<Identified> = None;
        while let Some(order) = self.orders.blocking_recv() {
            match order {
                Order::Look(order) => {
                    // What was open is let go first: nothing is held twice.
                    drop(open.take());
                    let job_id = order.job_id.clone();
                    let look = match identify(&self.begin.device, &order.unlock()) {
                        Ok(found) => {
                            let look = Look::new(&found, job_id.as_ref());
                            open = Some(found);
                            Ok(look)
                        }
                        Err(error) => Err(MediaFault::from(error)),
                    };
                    self.answers.send(&Answer::Looked(look))?;
                }
                Order::Import(order) => {
                    let found = open.take().ok_or(WorkerError::Order)?;
                    return self.load(found, *order);
                }
                Order::Stop => return Ok(()),
                Order::Begin(_) | Order::Grant(_) => return Err(WorkerError::Order),
            }
        }
        Ok(())
    }

    /// From here on only the job's own folder can be written, and only the store's port reached.
    fn load(self, found: Identified, order: ImportOrder) -> Result<(), WorkerError> {
        let state_dir = &self.begin.state_dir;
        let folder = JobFolder::new(state_dir, &order.job_id);
        let writes = [folder.path().to_owned(), state_dir.join(SCRATCH_FOLDER)];
        let ports = port(&order.object_store.endpoint).map(|port| [port, DNS_PORT]);
        let reach = Reach {
            device: &self.touched,
            writes: &writes,
            ports: ports.as_ref().map(<[u16; 2]>::as_slice),
        };
        let ended = match narrow(&reach) {
            Err(error) => Ended::Stopped(Fault::other(format!(
                "cannot restrict the process: {error}"
            ))),
            Ok(_) => {
                let duty = Duty {
                    order,
                    device: found.device,
                    folder,
                    answers: self.answers.clone(),
                    clock: self.clock,
                };
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .enable_all()
                    .build()?;
                let ended = runtime.block_on(duty.run(self.orders));
                // A thread may be waiting for a device that does not answer.
                runtime.shutdown_background();
                ended
            }
        };
        Ok(self.answers.send(&Answer::Ended(ended))?)
    }
}

fn port(endpoint: &str) -> Option<u16> {
    let url = reqwest::Url::parse(endpoint).ok()?;
    url.port_or_known_default()
}
