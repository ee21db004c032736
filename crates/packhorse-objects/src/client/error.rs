//! What can go wrong with a request, and whether it may be sent again.

use http::StatusCode;

/// Why a request did not end as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store refused: its own words.
    #[error("the store answered {status} {code}: {message}")]
    Response {
        /// Of the answer; 200 when the error came inside a successful answer's body.
        status: u16,
        /// `NoSuchBucket`, …; made from the status when the answer had no body.
        code: String,
        /// For people.
        message: String,
        /// To find the request in the store's logs.
        request_id: Option<String>,
    },
    /// The connection could not be made, or broke.
    #[error("the connection to the store failed")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing was sent or received for [`STALL_TIMEOUT`](super::STALL_TIMEOUT).
    #[error("the store did not answer in time")]
    Timeout,
    /// The answer is not S3.
    #[error("the store's answer cannot be understood: {0}")]
    Protocol(String),
    /// The store confirmed other bytes than those that were sent, or sent fewer than it announced.
    #[error("the store confirmed other bytes than were sent: expected {expected}, got {got}")]
    Corrupted {
        /// The digest of what was sent.
        expected: String,
        /// What the store has.
        got: String,
    },
    /// The request cannot be put into words: an empty key, a header with a line break.
    #[error("{what} cannot be sent: {reason}")]
    Unsendable {
        /// Which part of the request.
        what: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The endpoint is not one.
    #[error("not an S3 endpoint: {0}")]
    Endpoint(&'static str),
}

impl Error {
    /// Whether the same request may succeed when it is sent again later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Response { status, code, .. } => {
                (*status >= 500 && *status != 501)
                    || *status == 429
                    || *status == 408
                    || RETRYABLE_CODES.contains(&code.as_str())
            }
            Self::Transport(_) | Self::Timeout | Self::Corrupted { .. } => true,
            // A garbled answer says nothing about what the store did: the request is idempotent.
            Self::Protocol(_) => true,
            Self::Unsendable { .. } | Self::Endpoint(_) => false,
        }
    }

    /// The store's error code, if the store answered.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Response { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The HTTP status, if the store answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Response { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the multipart upload that was asked about is over or never was. (Ceph lists the parts of
    /// such an upload with `NoSuchKey`.)
    pub fn is_of_no_upload(&self) -> bool {
        self.status() == Some(404) && matches!(self.code(), Some("NoSuchUpload" | "NoSuchKey"))
    }

    /// The code of an answer without a body (every answer to HEAD). A store's `PermanentRedirect`
    /// tells of a bucket in another region; a bare 301 may come from any proxy before the store.
    pub(super) fn code_of(status: StatusCode) -> &'static str {
        match status.as_u16() {
            301 => "MovedPermanently",
            307 => "TemporaryRedirect",
            304 => "NotModified",
            400 => "BadRequest",
            401 | 403 => "AccessDenied",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            409 => "Conflict",
            412 => "PreconditionFailed",
            416 => "InvalidRange",
            429 => "TooManyRequests",
            500 => "InternalError",
            501 => "NotImplemented",
            503 => "ServiceUnavailable",
            _ => "UnexpectedStatus",
        }
    }

    pub(super) fn missing(what: &'static str) -> Self {
        Self::Protocol(format!("no {what}"))
    }
}

/// Codes that come with a 4xx or inside a 200 and still mean "later". `BadDigest` means that the
/// bytes changed on their way.
const RETRYABLE_CODES: [&str; 12] = [
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestThrottled",
    "TooManyRequests",
    "RequestLimitExceeded",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "OperationAborted",
    "BadDigest",
    "IncompleteBody",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, code: &str) -> Error {
        Error::Response {
            status,
            code: code.to_owned(),
            message: String::new(),
            request_id: None,
        }
    }

    #[test]
    fn tells_later_from_never() {
        for (status, code, retryable) in [
            (503, "SlowDown", true),
            (500, "InternalError", true),
            (429, "Whatever", true),
            (400, "RequestTimeout", true),
            (200, "InternalError", true),
            (400, "BadDigest", true),
            (501, "NotImplemented", false),
            (403, "AccessDenied", false),
            (404, "NoSuchBucket", false),
        ] {
            assert_eq!(response(status, code).is_retryable(), retryable, "{code}");
        }
        assert!(Error::Timeout.is_retryable());
    }

    #[test]
    fn tells_an_upload_that_is_gone_from_a_bucket_that_is() {
        assert!(response(404, "NoSuchUpload").is_of_no_upload());
        assert!(response(404, "NoSuchKey").is_of_no_upload());
        assert!(!response(404, "NoSuchBucket").is_of_no_upload());
    }
}
