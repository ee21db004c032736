//! Why a request's signature is refused.

/// What is wrong with the authentication of a request.
///
/// The texts never hold a secret or a signature. Both edges translate the variants into their own
/// codes: the Query edge into faults, the object store into S3 errors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The request is not signed at all.
    #[error("the request carries no authentication")]
    Absent,
    /// There is no such access key, or it is disabled.
    #[error("the access key is unknown")]
    UnknownKey,
    /// The signature is incomplete.
    #[error("the signature is incomplete: {0} is missing")]
    Missing(&'static str),
    /// A part of the signature cannot be read.
    #[error("the signature cannot be read: {what} {why}")]
    Malformed {
        /// Which header or parameter.
        what: &'static str,
        /// What it should be.
        why: &'static str,
    },
    /// A signature version or method that is not offered.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The credential is meant for another service.
    #[error("the credential must be scoped to the service {expected}")]
    WrongService {
        /// What is accepted here.
        expected: &'static str,
    },
    /// A header that has to be signed is not.
    #[error("the header {0} must be signed")]
    UnsignedHeader(String),
    /// A header that was signed did not arrive.
    #[error("the signed header {0} is missing")]
    SignedHeaderAbsent(String),
    /// The request's time is too far from the server's.
    #[error(
        "the request was signed at {signed_at:.0}, more than 15 minutes away from {now:.0}: set \
         your clock"
    )]
    Skewed {
        /// When the client says it signed.
        signed_at: jiff::Timestamp,
        /// The server's time.
        now: jiff::Timestamp,
    },
    /// The signature was made for a limited time, which is over.
    #[error("the request expired at {expired_at:.0}, it is now {now:.0}: sign it again")]
    Expired {
        /// When it ended.
        expired_at: jiff::Timestamp,
        /// The server's time.
        now: jiff::Timestamp,
    },
    /// The payload is not the one that was signed.
    #[error("x-amz-content-sha256 does not match the body")]
    PayloadMismatch,
    /// The signature is not the one that this request and this key make.
    #[error("the signature does not match")]
    Mismatch,
}
