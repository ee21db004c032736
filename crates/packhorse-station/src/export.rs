//! Filling one device, from the lease to the desk's last word.

use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use packhorse_core::job::JobType;
use packhorse_core::manifest::{self, Manifest, S3Export};
use packhorse_objects::client::Client;
use packhorse_transfer::{Destination, Error as TransferError, Export, JobFolder, Meter};
use packhorse_wire::desk::{Finish, Lease, LogObject};
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, chain};
use crate::keeper;
use crate::load::{LoadReport, Station, abort_code, basis};
use crate::memory::Unfinished;
use crate::{LoadError, LoadRequest};

/// What is known of the device that a lease was given for.
pub(crate) struct Claimed<'a> {
    pub(crate) request: &'a LoadRequest,
    /// As it was when it was claimed.
    pub(crate) remembered: Unfinished,
    /// The SIGNATURE that the desk has accepted.
    pub(crate) signature: Option<String>,
}

impl Station {
    /// Exports to a device whose job was leased.
    pub(crate) async fn export_leased(
        &self,
        desk: &Desk,
        claimed: Claimed<'_>,
        lease: Lease,
        meter: &Meter,
        stop: &CancellationToken,
    ) -> Result<LoadReport, LoadError> {
        let manifest = read_manifest(&lease)?;
        let folder = JobFolder::new(&self.state_dir, &lease.job_id);
        let device = &claimed.request.device;
        let destination = destination(device).map_err(|error| {
            let path = device.clone();
            LoadError::Transfer(TransferError::Target {
                path,
                source: error,
            })
        })?;
        if matches!(destination, Destination::Device { .. }) {
            // Formatting takes SIGNATURE away for a while.
            let remembered = Unfinished {
                signature_file: claimed.signature.clone(),
                ..claimed.remembered.clone()
            };
            remembered.save(&folder)?;
        }
        let running = stop.child_token();
        let keeping = keeper::start(desk, &lease, meter, &running);
        let export = || {
            let client = Client::new(&lease.object_store, &lease.credentials);
            let client = client.map_err(|source| TransferError::StoreRefused {
                what: lease.object_store.endpoint.clone(),
                source,
            })?;
            Ok(Export {
                job_id: lease.job_id.clone(),
                manifest: Arc::clone(&manifest),
                manifest_text: lease.manifest.clone(),
                basis: basis(&lease.manifest, &name(&destination, &claimed.remembered)),
                destination: destination.clone(),
                signature: claimed.signature.clone(),
                client,
                folder: folder.clone(),
                limits: self.limits,
                meter: meter.clone(),
                stop: running.clone(),
                clock: self.clock,
            })
        };
        let result = match export() {
            Ok(export) => export.run().await,
            Err(error) => Err(error),
        };
        // A device that gave out still gets its report; without one the job must not end.
        let (result, abandoned) = match result {
            Err(error) if error.is_of_the_device() => match export() {
                Ok(export) => match export.abandon().await {
                    Ok(abandoned) => (Err(error), Some(abandoned)),
                    Err(no_report) => (Err(no_report), None),
                },
                Err(no_client) => (Err(no_client), None),
            },
            result => (result, None),
        };
        running.cancel();
        let lease_lost = keeping.await.unwrap_or(false);
        match (result, abandoned) {
            (Ok(done), _) => {
                let finish = Finish {
                    epoch: lease.epoch,
                    counts: done.counts,
                    log_bucket: done.log_bucket.to_string(),
                    log_key: done.log_key,
                };
                let mut report = self.finish(desk, &lease, &folder, finish, stop).await?;
                report.next_manifest_key = done.next_manifest_key;
                Ok(report)
            }
            (Err(TransferError::Stopped), _) if lease_lost => Err(LoadError::LeaseLost),
            (Err(error), Some(report)) => {
                let log = LogObject {
                    bucket: report.log_bucket.to_string(),
                    key: report.log_key,
                };
                let ended = (report.counts, log);
                let seen = (abort_code(&error), chain(&error));
                Err(self.abort(desk, &lease, &folder, seen, ended, stop).await)
            }
            (Err(error), None) => Err(LoadError::Transfer(error)),
        }
    }
}

/// What the device is to an export: a folder is written into, all else is formatted.
fn destination(device: &Path) -> std::io::Result<Destination> {
    let path = device.to_owned();
    if std::fs::metadata(device)?.is_dir() {
        return Ok(Destination::Folder(path));
    }
    let bytes = std::fs::File::open(device)?.seek(SeekFrom::End(0))?;
    Ok(Destination::Device { path, bytes })
}

/// What the rows of a ledger depend on. A device changes what it is when it is formatted, and only
/// its size matters to the plan.
fn name(destination: &Destination, remembered: &Unfinished) -> String {
    match destination {
        Destination::Folder(_) => remembered.identity.clone(),
        Destination::Device { bytes, .. } => format!("device of {bytes} bytes"),
    }
}

fn read_manifest(lease: &Lease) -> Result<Arc<Manifest<S3Export>>, LoadError> {
    let reading = manifest::read(&lease.manifest, JobType::Export).map_err(LoadError::Manifest)?;
    let export = reading.manifest.into_s3_export();
    export.map(Arc::new).map_err(LoadError::UnsupportedKind)
}
