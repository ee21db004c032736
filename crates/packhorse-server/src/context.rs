//! What every request needs: the store, the keys, the settings, the clock.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use packhorse_objects::client::{Client, Error};
use packhorse_store::{AccessKey, Seal, Store};
use packhorse_wire::desk::{Credentials, ObjectStore};

use crate::api::Redactions;
use crate::postal;
use crate::store_error::chain;

/// Tells the time. The executable's is the system's; tests set theirs.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything a request needs, made once by the executable.
#[derive(Clone)]
pub struct Context {
    /// The only shared state.
    pub store: Arc<dyn Store>,
    /// Signs and checks SIGNATURE files.
    pub signature_key: [u8; 32],
    /// Signs and checks the links to artifacts.
    pub artifact_key: [u8; 32],
    /// Seals the sessions of the console.
    pub console_seal: Seal,
    /// What the operator configured.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// Connections to the object store; made empty, [`Default`].
    pub connections: Connections,
    /// Manifests without their passwords, as asked for lately; made empty, [`Default`].
    pub redactions: Redactions,
}

/// Connections to the object store, shared by the requests of all customers; each request is signed
/// with its own key.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<OnceLock<Client>>);

impl Context {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The object store, with a customer's own key.
    pub(crate) fn objects(&self, key: &AccessKey) -> Result<Client, Error> {
        let credentials = Credentials {
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.clone(),
        };
        let Connections(shared) = &self.connections;
        if let Some(shared) = shared.get() {
            return Ok(shared.with_credentials(&credentials));
        }
        let made = Client::new(&self.settings.object_store, &credentials);
        let made = made.inspect_err(|error| {
            let error = chain(error);
            tracing::error!(error, "the object store is configured wrongly");
        })?;
        let first = shared.get_or_init(|| made);
        Ok(first.with_credentials(&credentials))
    }
}

/// What the operator configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL under which clients reach this server, without a slash at its end; links begin with
    /// it.
    pub public_url: String,
    /// Where buckets are, as this server and the stations reach it.
    pub object_store: ObjectStore,
    /// Where parcels go; `None` leaves the address out of answers.
    pub facility: Option<Facility>,
    /// How many jobs an account may create in any 24 hours.
    pub jobs_per_day: u32,
    /// How long after its creation a job waits for its device.
    pub expiry: SignedDuration,
    /// How long a canceled or expired job still has a status.
    pub closed_jobs_shown: SignedDuration,
    /// How many requests an access key may send in a second; `None`: any number.
    pub requests_per_second: Option<NonZeroU32>,
    /// The regions that signatures of version 4 may be scoped to; empty: any.
    pub regions: Vec<String>,
}

/// The place that loads devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facility {
    /// Its name, the first line of the address.
    pub name: String,
    /// First line of the street.
    pub street1: String,
    /// Second line of the street.
    pub street2: Option<String>,
    /// City.
    pub city: String,
    /// State or province, where there is one.
    pub state_or_province: Option<String>,
    /// Postal code.
    pub postal_code: String,
    /// Country.
    pub country: Option<String>,
    /// For the carrier.
    pub phone_number: Option<String>,
}

impl Facility {
    /// The address for a parcel with the device of `job_id`, in lines, as the original gave it.
    pub(crate) fn address_for(&self, job_id: &str) -> String {
        let region = self.state_or_province.as_deref();
        let place = postal::place(&self.city, region, Some(&self.postal_code));
        let job = format!("JOBID {job_id}");
        let lines = [
            Some(self.name.as_str()),
            Some(job.as_str()),
            Some(self.street1.as_str()),
            self.street2.as_deref(),
            Some(place.as_str()),
            self.country.as_deref(),
            self.phone_number.as_deref(),
        ];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_lines_of_the_original() {
        let facility = Facility {
            name: "Packhorse C/O Dock".into(),
            street1: "7664-A Fullerton Road".into(),
            street2: None,
            city: "Springfield".into(),
            state_or_province: Some("VA".into()),
            postal_code: "22153".into(),
            country: None,
            phone_number: None,
        };
        assert_eq!(
            facility.address_for("AB12CD34"),
            "Packhorse C/O Dock\nJOBID AB12CD34\n7664-A Fullerton Road\nSpringfield, VA 22153"
        );
    }
}
