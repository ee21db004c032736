//! What an operator tells the desk without a device at hand: a parcel came, a parcel goes back, a
//! job is given up.

use packhorse_core::id::JobId;
use packhorse_core::job::Progress;
use packhorse_core::secret::Secret;
use packhorse_wire::desk::{Finished, GiveUp, Receive, Return, Whereabouts};

use crate::LoadError;
use crate::desk::{Desk, DeskError};

/// The desk, for parcels. Each message may be sent again: the same one changes nothing.
pub struct Parcels {
    pub(crate) desk: Desk,
}

impl Parcels {
    /// A desk and the station's key; nothing is sent yet.
    pub fn new(server: &str, key: Secret) -> Result<Self, LoadError> {
        let desk = Desk::new(server, key)?;
        Ok(Self { desk })
    }

    /// The parcel with the job's device arrived.
    pub async fn receive(
        &self,
        id: &JobId,
        note: Option<String>,
    ) -> Result<Whereabouts, LoadError> {
        let told = self.desk.receive(id, &Receive { note }).await;
        told.map_err(|error| self.error(error))
    }

    /// The job's device was handed to a carrier.
    pub async fn send_back(
        &self,
        id: &JobId,
        carrier: String,
        tracking_number: String,
    ) -> Result<Whereabouts, LoadError> {
        let message = Return {
            carrier,
            tracking_number,
        };
        let told = self.desk.send_back(id, &message).await;
        told.map_err(|error| self.error(error))
    }

    /// The job ends with this abort code, since it cannot be loaded.
    pub async fn give_up(
        &self,
        id: &JobId,
        code: Progress,
        reason: String,
    ) -> Result<Finished, LoadError> {
        let told = self.desk.give_up(id, &GiveUp { code, reason }).await;
        told.map_err(|error| self.error(error))
    }

    pub(crate) fn error(&self, error: DeskError) -> LoadError {
        match error {
            DeskError::Refused(refusal) => LoadError::Declined(refusal),
            other => self.desk.load_error(other),
        }
    }
}
