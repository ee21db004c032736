//! What a failure of the store means to whoever asked: the one place that logs it.

use packhorse_store::Error;

/// A failure that is not the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The database was busy: the same request may succeed later.
    Busy,
    /// The database failed.
    Broken,
}

/// Gives the caller's own mistakes back, and logs the rest.
pub(crate) fn sort(error: Error) -> Result<Error, Trouble> {
    if error.is_retryable() {
        tracing::warn!(error = chain(&error), "the database is busy");
        return Err(Trouble::Busy);
    }
    if error.is_internal() {
        tracing::error!(error = chain(&error), "the database failed");
        return Err(Trouble::Broken);
    }
    Ok(error)
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
