//! Why the desk says no.

use http::StatusCode;
use packhorse_store::Error;
use packhorse_wire::desk::{Refusal, RefusalCode};

use crate::store_error::{Trouble, sort};

/// Why a message has no effect.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A considered no.
    Refused(Refusal),
    /// Nobody we know asks.
    UnknownStation,
    /// Try again.
    Busy,
    /// Something broke inside.
    Broken,
}

/// A refusal with its text.
pub(super) fn refuse(code: RefusalCode, message: impl Into<String>) -> Failure {
    Failure::Refused(Refusal {
        code,
        message: message.into(),
    })
}

/// No such job.
pub(super) fn unknown_job() -> Failure {
    refuse(RefusalCode::UnknownJob, "there is no such job")
}

/// What a failure of the store means to a station.
pub(crate) fn store_failure(error: Error) -> Failure {
    let error = match sort(error) {
        Err(Trouble::Busy) => return Failure::Busy,
        Err(Trouble::Broken) => return Failure::Broken,
        Ok(error) => error,
    };
    let code = match &error {
        Error::UnknownJob => RefusalCode::UnknownJob,
        Error::Leased { .. } => RefusalCode::Leased,
        Error::StaleEpoch => RefusalCode::StaleEpoch,
        Error::State(forbidden) => {
            let progress = forbidden.from.progress.code();
            let text = format!("the job is {progress}: its device is not loaded");
            return refuse(RefusalCode::WrongState, text);
        }
        Error::NoOwnerKey => RefusalCode::NoOwnerKey,
        _ => {
            tracing::error!(%error, "the store gave an unexpected refusal");
            return Failure::Broken;
        }
    };
    refuse(code, error.to_string())
}

/// The HTTP status that goes with a refusal.
pub(super) fn status(code: RefusalCode) -> StatusCode {
    match code {
        RefusalCode::BadRequest => StatusCode::BAD_REQUEST,
        RefusalCode::UnknownJob => StatusCode::NOT_FOUND,
        RefusalCode::MissingSignature | RefusalCode::InvalidSignature => StatusCode::FORBIDDEN,
        RefusalCode::WrongState
        | RefusalCode::OtherDeviceId
        | RefusalCode::UnsupportedKind
        | RefusalCode::NoOwnerKey
        | RefusalCode::Leased
        | RefusalCode::StaleEpoch => StatusCode::CONFLICT,
    }
}
