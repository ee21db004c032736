//! What a failure of the store means to a customer.

use packhorse_core::job::Progress;
use packhorse_store::Error;
use packhorse_wire::fault::{Fault, FaultCode};

use crate::store_error::{Trouble, sort};

/// A failure that has nothing to do with a particular job.
pub(super) fn store_fault(error: Error) -> Fault {
    match sort(error) {
        Err(Trouble::Busy) => Fault::service_unavailable(),
        Err(Trouble::Broken) => Fault::internal(),
        Ok(error) => match error {
            Error::QuotaExceeded { limit } => Fault::quota_exceeded(limit),
            Error::AccountDisabled => Fault::unknown_access_key(),
            unexpected => {
                tracing::error!(error = %unexpected, "the store gave an unexpected refusal");
                Fault::internal()
            }
        },
    }
}

/// A failure to find the job that the customer calls `id`.
pub(super) fn lookup_fault(error: Error, id: &str) -> Fault {
    match error {
        Error::UnknownJob => Fault::no_such_job(id),
        other => store_fault(other),
    }
}

/// A failure to change the job that the customer calls `id`; `blocked` makes the fault of a state
/// that forbids the change.
pub(super) fn change_fault(error: Error, id: &str, blocked: fn(&str, &str) -> Fault) -> Fault {
    match error {
        Error::State(forbidden) => state_fault(id, forbidden.from.progress, blocked),
        Error::TooManyRevisions { limit } => Fault::new(
            FaultCode::UnableToUpdateJobId,
            format!("The job has been updated {limit} times: cancel it and create another"),
        ),
        other => lookup_fault(other, id),
    }
}

/// The fault of a job in a state that forbids what was asked.
pub(super) fn state_fault(id: &str, at: Progress, blocked: fn(&str, &str) -> Fault) -> Fault {
    match at {
        Progress::Canceled => Fault::canceled_job(id),
        Progress::Expired => Fault::expired_job(id),
        Progress::Pending
        | Progress::InProgress
        | Progress::Complete
        | Progress::SuccessWithErrors
        | Progress::MissingSignature
        | Progress::InvalidSignature
        | Progress::DeviceError
        | Progress::UnsupportedFileFormat
        | Progress::UnsupportedDeviceType
        | Progress::MissingDevice => blocked(id, at.code()),
    }
}
