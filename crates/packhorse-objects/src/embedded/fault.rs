//! Why a request is refused, in S3's own codes. One table says what each code means.

use std::borrow::Cow;

use http::StatusCode;
use packhorse_wire::authenticate::AuthError;

use crate::xml::Writer;

/// S3's error codes, as far as this store gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    BadDigest,
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    EntityTooLarge,
    EntityTooSmall,
    IncompleteBody,
    InsufficientStorage,
    InternalError,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidBucketName,
    InvalidDigest,
    InvalidPart,
    InvalidPartOrder,
    InvalidRange,
    InvalidRequest,
    InvalidStorageClass,
    InvalidUri,
    KeyTooLong,
    MalformedXml,
    MetadataTooLarge,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NotImplemented,
    NotModified,
    PreconditionFailed,
    RequestTimeout,
    RequestTimeTooSkewed,
    ServiceUnavailable,
    SignatureDoesNotMatch,
    TooManyBuckets,
    ContentSha256Mismatch,
}

impl Code {
    /// Name on the wire, status, what it says when nothing more is known.
    fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::AccessDenied => ("AccessDenied", 403, "Access Denied"),
            Self::AuthorizationHeaderMalformed => (
                "AuthorizationHeaderMalformed",
                400,
                "The authorization header is malformed.",
            ),
            Self::AuthorizationQueryParametersError => (
                "AuthorizationQueryParametersError",
                400,
                "The authorization query parameters are malformed.",
            ),
            Self::BadDigest => (
                "BadDigest",
                400,
                "The checksum you specified did not match the body that was received.",
            ),
            Self::BucketAlreadyExists => (
                "BucketAlreadyExists",
                409,
                "The requested bucket name is not available.",
            ),
            Self::BucketAlreadyOwnedByYou => (
                "BucketAlreadyOwnedByYou",
                409,
                "The bucket exists already and you own it.",
            ),
            Self::BucketNotEmpty => ("BucketNotEmpty", 409, "The bucket is not empty."),
            Self::EntityTooLarge => (
                "EntityTooLarge",
                400,
                "Your proposed upload exceeds the maximum allowed size.",
            ),
            Self::EntityTooSmall => (
                "EntityTooSmall",
                400,
                "Every part but the last must have at least 5 MiB.",
            ),
            Self::IncompleteBody => (
                "IncompleteBody",
                400,
                "The body has not the number of bytes that the headers announced.",
            ),
            Self::InsufficientStorage => ("InsufficientStorage", 507, "The store's disk is full."),
            Self::InternalError => (
                "InternalError",
                500,
                "We encountered an internal error. Please try again.",
            ),
            Self::InvalidAccessKeyId => (
                "InvalidAccessKeyId",
                403,
                "The access key id you provided does not exist in our records.",
            ),
            Self::InvalidArgument => ("InvalidArgument", 400, "Invalid argument."),
            Self::InvalidBucketName => (
                "InvalidBucketName",
                400,
                "The specified bucket is not valid.",
            ),
            Self::InvalidDigest => (
                "InvalidDigest",
                400,
                "The Content-MD5 or checksum you specified is not valid.",
            ),
            Self::InvalidPart => (
                "InvalidPart",
                400,
                "A specified part could not be found, or its entity tag or checksum did not match.",
            ),
            Self::InvalidPartOrder => (
                "InvalidPartOrder",
                400,
                "The list of parts was not in ascending order.",
            ),
            Self::InvalidRange => (
                "InvalidRange",
                416,
                "The requested range is not satisfiable.",
            ),
            Self::InvalidRequest => ("InvalidRequest", 400, "Invalid request."),
            Self::InvalidStorageClass => (
                "InvalidStorageClass",
                400,
                "The storage class you specified is not valid.",
            ),
            Self::InvalidUri => ("InvalidURI", 400, "Couldn't parse the specified URI."),
            Self::KeyTooLong => (
                "KeyTooLongError",
                400,
                "Your key is too long: 1024 bytes of UTF-8 at most.",
            ),
            Self::MalformedXml => (
                "MalformedXML",
                400,
                "The XML you provided was not well-formed or is not what this request takes.",
            ),
            Self::MetadataTooLarge => (
                "MetadataTooLarge",
                400,
                "Your metadata headers exceed the maximum allowed metadata size of 2048 bytes.",
            ),
            Self::MethodNotAllowed => (
                "MethodNotAllowed",
                405,
                "The specified method is not allowed against this resource.",
            ),
            Self::NoSuchBucket => ("NoSuchBucket", 404, "The specified bucket does not exist"),
            Self::NoSuchKey => ("NoSuchKey", 404, "The specified key does not exist."),
            Self::NoSuchUpload => (
                "NoSuchUpload",
                404,
                "The specified upload does not exist: it may have been completed or aborted.",
            ),
            Self::NotImplemented => (
                "NotImplemented",
                501,
                "The request implies functionality that is not implemented.",
            ),
            Self::NotModified => ("NotModified", 304, "Not Modified"),
            Self::PreconditionFailed => (
                "PreconditionFailed",
                412,
                "At least one of the preconditions you specified did not hold.",
            ),
            Self::RequestTimeout => (
                "RequestTimeout",
                400,
                "The body was not received within the timeout period.",
            ),
            Self::RequestTimeTooSkewed => (
                "RequestTimeTooSkewed",
                403,
                "The difference between the request time and the server's time is too large.",
            ),
            Self::ServiceUnavailable => (
                "ServiceUnavailable",
                503,
                "The service is not able to handle the request now.",
            ),
            Self::SignatureDoesNotMatch => (
                "SignatureDoesNotMatch",
                403,
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method.",
            ),
            Self::TooManyBuckets => (
                "TooManyBuckets",
                400,
                "You have attempted to create more buckets than allowed.",
            ),
            Self::ContentSha256Mismatch => (
                "XAmzContentSHA256Mismatch",
                400,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
        }
    }
}

/// A refusal on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    code: Code,
    message: Cow<'static, str>,
}

impl Fault {
    /// A refusal that says more than its code.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The store's own failure: the cause goes to the log, the client learns only that it happened.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "the embedded object store failed");
        Code::InternalError.into()
    }

    /// What reading or writing a file failed with.
    pub(crate) fn io(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            tracing::error!(%error, "the embedded object store's disk is full");
            return Code::InsufficientStorage.into();
        }
        Self::internal(error)
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn status(&self) -> StatusCode {
        let (_, status, _) = self.code.row();
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document of an error answer.
    pub(crate) fn document(&self, resource: &str, request_id: &str, host_id: &str) -> String {
        let mut xml = Writer::new();
        xml.element("Error", |xml| {
            self.write(xml);
            xml.text("Resource", resource);
            xml.text("RequestId", request_id);
            xml.text("HostId", host_id);
        });
        xml.finish()
    }

    /// Code and message alone, as in the answer to DeleteObjects.
    pub(crate) fn write(&self, xml: &mut Writer) {
        let (name, _, _) = self.code.row();
        xml.text("Code", name);
        xml.text("Message", &self.message);
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        let (_, _, message) = code.row();
        Self::new(code, message)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            tracing::error!(%error, "the embedded object store's disk is full");
            return Code::InsufficientStorage.into();
        }
        Self::internal(error)
    }
}

/// The one place that says what a wrong signature means to a client.
pub(crate) fn auth_fault(error: &AuthError, presigned: bool) -> Fault {
    let text = error.to_string();
    match error {
        AuthError::Absent => Code::AccessDenied.into(),
        AuthError::UnknownKey => Code::InvalidAccessKeyId.into(),
        AuthError::Missing(_) | AuthError::Malformed { .. } | AuthError::WrongService { .. } => {
            let code = match presigned {
                true => Code::AuthorizationQueryParametersError,
                false => Code::AuthorizationHeaderMalformed,
            };
            Fault::new(code, text)
        }
        AuthError::Unsupported(_) => Fault::new(Code::InvalidRequest, text),
        AuthError::UnsignedHeader(_)
        | AuthError::SignedHeaderAbsent(_)
        | AuthError::Expired { .. } => Fault::new(Code::AccessDenied, text),
        AuthError::Skewed { .. } => Code::RequestTimeTooSkewed.into(),
        AuthError::PayloadMismatch => Code::ContentSha256Mismatch.into(),
        AuthError::Mismatch => Code::SignatureDoesNotMatch.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Element;

    #[test]
    fn a_document_names_code_message_resource_and_ids() {
        let document = Fault::from(Code::NoSuchKey).document("/b/<k>", "R", "H");
        let root = Element::parse(&document).unwrap();
        assert_eq!(root.text_of("Code"), Some("NoSuchKey"));
        assert_eq!(root.text_of("Resource"), Some("/b/<k>"));
        assert_eq!(root.text_of("RequestId"), Some("R"));
        assert_eq!(root.text_of("HostId"), Some("H"));
    }

    #[test]
    fn internal_causes_stay_inside() {
        let document = Fault::internal("/secret/path").document("/", "R", "H");
        assert!(!document.contains("secret"));
    }
}
