//! A preview: how many devices of a size an export needs, before any is shipped.

use std::path::Path;

use jiff::Timestamp;
use packhorse_core::export::Space;
use packhorse_core::id::JobId;
use packhorse_core::manifest::{ExportOperation, S3Export};
use packhorse_objects::client::Client;
use tokio_util::sync::CancellationToken;

use super::ledger::ExportLedger;
use super::luks;
use super::plan::Planner;
use crate::Error;
use crate::ledger::JobFolder;
use crate::progress::{Meter, Stage};
use crate::retry::{Limits, Retry};

/// An export that is only planned.
pub struct ExportPlan<'a> {
    /// What the customer wants.
    pub export: &'a S3Export,
    /// The size of each device.
    pub device_bytes: u64,
    /// Whether devices are encrypted, which takes some room.
    pub is_encrypted: bool,
    /// The store, with the customer's credentials.
    pub client: &'a Client,
    /// A folder for the lists, which are not kept in memory.
    pub work_dir: &'a Path,
    /// What the plan may use.
    pub limits: Limits,
    /// Live numbers.
    pub meter: Meter,
    /// Cancelled from outside, it stops soon.
    pub stop: CancellationToken,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// What one device of the export will hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskPlan {
    /// Counted from 1.
    pub number: u64,
    /// Bucket and key of its first object.
    pub first: Option<(String, String)>,
    /// Its objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many of them go to the recovery directory.
    pub recovered: u64,
    /// Objects that no such device can hold.
    pub too_large: u64,
    /// What a manifest for it alone asks for.
    pub operations: Vec<ExportOperation>,
}

impl ExportPlan<'_> {
    /// Lists the buckets and gives each device to `each`, in order. Runs on a plain thread of a
    /// runtime.
    pub fn run(&self, job_id: &JobId, mut each: impl FnMut(DiskPlan)) -> Result<(), Error> {
        let bytes = match self.is_encrypted {
            true => luks::payload_bytes(self.device_bytes),
            false => self.device_bytes,
        };
        let space = Space::of_device(self.export.file_system, bytes)
            .map_err(|error| Error::UnfitTarget(error.to_string()))?;
        let retry = Retry {
            limits: self.limits,
            stop: self.stop.clone(),
            meter: self.meter.clone(),
        };
        self.meter.set_stage(Stage::Listing);
        let ledger = ExportLedger::scratch(&JobFolder::scratch(self.work_dir), job_id)?;
        let mut left = self.export.clone();
        for number in 1.. {
            let planner = Planner {
                ledger: &ledger,
                export: &left,
                target: None,
                space,
                client: self.client,
                retry: &retry,
                meter: &self.meter,
                clock: self.clock,
            };
            planner.run()?;
            let [objects, bytes, recovered, too_large] = ledger.sums()?;
            let first = ledger.first()?.map(|(operation, key)| {
                let operation = left.operations.get(operation);
                let bucket = operation.map_or("", |operation| operation.export_bucket.as_str());
                (bucket.to_owned(), key)
            });
            let rest = ledger.rest()?;
            let operations = match &rest {
                Some(rest) => rest.operations_before(&left),
                None => left.operations.clone(),
            };
            each(DiskPlan {
                number,
                first,
                objects,
                bytes,
                recovered,
                too_large,
                operations,
            });
            match rest {
                Some(rest) => left.operations = rest.operations(&left),
                None => break,
            }
        }
        Ok(())
    }
}
