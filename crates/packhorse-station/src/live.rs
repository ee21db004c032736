//! What others may see of a load while it goes on.

use std::sync::OnceLock;

use packhorse_core::id::JobId;
use packhorse_transfer::Meter;

use crate::Protections;

/// A load, seen from any thread.
#[derive(Debug, Default)]
pub struct Live {
    /// Its numbers.
    pub meter: Meter,
    pub(crate) job_id: OnceLock<JobId>,
    pub(crate) protections: OnceLock<Protections>,
}

impl Live {
    /// Its job, once that is claimed.
    pub fn job_id(&self) -> Option<&JobId> {
        self.job_id.get()
    }

    /// What its worker is held to, once that has begun.
    pub fn protections(&self) -> Option<&Protections> {
        self.protections.get()
    }
}
