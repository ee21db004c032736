//! Loading one device in its worker, from the lease to the desk's last word.

use packhorse_core::id::Epoch;
use packhorse_core::job::Progress;
use packhorse_objects::client::Client;
use packhorse_transfer::{Error as TransferError, Import, JobFolder, Meter};
use packhorse_wire::desk::{Finish, Lease, LogObject};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::load::{LoadReport, Station, basis, read_manifest};
use crate::memory::Unfinished;
use crate::worker::{Breakdown, Ended, FaultKind, ImportOrder, Reported, Worker};
use crate::{LoadError, keeper};

/// That of a job's first claim.
const FIRST_EPOCH: Epoch = Epoch(1);

impl Station {
    /// Loads a device whose job was leased.
    pub(crate) async fn load_leased(
        &self,
        desk: &Desk,
        mut worker: Worker,
        remembered: &Unfinished,
        lease: Lease,
        meter: &Meter,
        stop: &CancellationToken,
    ) -> Result<LoadReport, LoadError> {
        // One that cannot be read here is no fault of the device.
        read_manifest(&lease)?;
        let folder = JobFolder::new(&self.state_dir, &lease.job_id);
        let running = stop.child_token();
        let keeping = keeper::start(desk, &lease, meter, &running);
        let basis = basis(&lease.manifest, &remembered.identity);
        let order = ImportOrder {
            job_id: lease.job_id.clone(),
            manifest: lease.manifest.clone(),
            basis: basis.clone(),
            volume: remembered.volume,
            object_store: lease.object_store.clone(),
            credentials: lease.credentials.clone(),
            // Each claim counts up: after the first, somebody was here before.
            takes_over: lease.epoch > FIRST_EPOCH,
            memory_bytes: self.limits.memory_bytes,
            connections: self.limits.connections,
            retry_for: self.limits.retry_for,
            is_limited: self.throttle.is_limited(),
        };
        let ending = worker.import(order, meter, &self.throttle, &running).await;
        worker.gone().await;
        let ended = match ending {
            Ok(ended) => Ok(ended),
            Err(Breakdown::Device(reason)) => {
                tracing::error!(job.id = %lease.job_id, reason, "the device broke its worker");
                let given_up = self.give_up(&lease, basis, meter, &running).await;
                given_up.map(|report| Ended::GaveOut {
                    code: Progress::DeviceError,
                    reason: format!("cannot read the device: {reason}"),
                    report,
                })
            }
            Err(Breakdown::Other(error)) => Err(error),
        };
        running.cancel();
        let lease_lost = keeping.await.unwrap_or(false);
        match ended? {
            Ended::Loaded(report) => {
                let finish = Finish {
                    epoch: lease.epoch,
                    counts: report.counts,
                    log_bucket: report.log_bucket,
                    log_key: report.log_key,
                };
                self.finish(desk, &lease, &folder, finish, stop).await
            }
            Ended::GaveOut {
                code,
                reason,
                report,
            } => {
                let log = LogObject {
                    bucket: report.log_bucket,
                    key: report.log_key,
                };
                let ended = (report.counts, log);
                let seen = (code, reason);
                Err(self.abort(desk, &lease, &folder, seen, ended, stop).await)
            }
            Ended::Stopped(fault) if fault.kind == FaultKind::Asked && lease_lost => {
                Err(LoadError::LeaseLost)
            }
            Ended::Stopped(fault) => Err(LoadError::Stopped(fault)),
        }
    }

    /// Writes the report of a load whose worker is gone: what is open has failed. This reads the
    /// ledger alone, not the device.
    async fn give_up(
        &self,
        lease: &Lease,
        basis: String,
        meter: &Meter,
        stop: &CancellationToken,
    ) -> Result<Reported, LoadError> {
        let manifest = read_manifest(lease)?;
        let client = Client::new(&lease.object_store, &lease.credentials).map_err(|source| {
            LoadError::Transfer(TransferError::StoreRefused {
                what: lease.object_store.endpoint.clone(),
                source,
            })
        })?;
        let import = Import {
            job_id: lease.job_id.clone(),
            manifest,
            basis,
            volumes: Vec::new(),
            client,
            folder: JobFolder::new(&self.state_dir, &lease.job_id),
            takes_over: false,
            limits: self.limits,
            throttle: self.throttle.clone(),
            meter: meter.clone(),
            stop: stop.clone(),
            clock: self.clock,
        };
        let abandoned = import.abandon().await.map_err(LoadError::Transfer)?;
        Ok(Reported {
            counts: abandoned.counts,
            log_bucket: abandoned.log_bucket.to_string(),
            log_key: abandoned.log_key,
        })
    }
}
