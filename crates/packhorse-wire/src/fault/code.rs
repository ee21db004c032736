//! The table of faults: wire code, HTTP status, whose fault it is.
//!
//! The codes of the service itself end in `Exception`, since that is how the clients' models name
//! them; those of the framework do not.

/// Whose fault it is, as the answer's `Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The customer's.
    Sender,
    /// Ours.
    Receiver,
}

impl Party {
    /// The word on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Sender => "Sender",
            Self::Receiver => "Receiver",
        }
    }
}

/// Declares the codes with their wire words and statuses, so that each stands in one line.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $wire:literal, $status:literal;)*) => {
        /// A kind of refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultCode { $($(#[$doc])* $variant,)* }

        impl FaultCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire.
            pub fn wire(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

faults! {
    /// A required parameter was missing.
    MissingParameter = "MissingParameterException", 400;
    /// A parameter had an invalid value.
    InvalidParameter = "InvalidParameterException", 400;
    /// The request's access key is not the manifest's.
    InvalidAccessKeyId = "InvalidAccessKeyIdException", 400;
    /// An address is invalid.
    InvalidAddress = "InvalidAddressException", 400;
    /// A manifest field is invalid.
    InvalidManifestField = "InvalidManifestFieldException", 400;
    /// A required manifest field is missing.
    MissingManifestField = "MissingManifestFieldException", 400;
    /// The manifest is not well-formed.
    MalformedManifest = "MalformedManifestException", 400;
    /// A bucket does not exist.
    NoSuchBucket = "NoSuchBucketException", 400;
    /// The account lacks rights on a bucket.
    BucketPermission = "BucketPermissionException", 400;
    /// Buckets of several regions in one manifest.
    MultipleRegions = "MultipleRegionsException", 400;
    /// A required customs parameter is missing.
    MissingCustoms = "MissingCustomsException", 400;
    /// A customs parameter is invalid.
    InvalidCustoms = "InvalidCustomsException", 400;
    /// The file system in an export manifest is invalid.
    InvalidFileSystem = "InvalidFileSystemException", 400;
    /// Too many jobs in a day.
    CreateJobQuotaExceeded = "CreateJobQuotaExceededException", 400;
    /// The job id is missing, not found, or not of this account.
    InvalidJobId = "InvalidJobIdException", 400;
    /// The job has expired.
    ExpiredJobId = "ExpiredJobIdException", 400;
    /// The job has been canceled.
    CanceledJobId = "CanceledJobIdException", 400;
    /// The job can no longer be updated.
    UnableToUpdateJobId = "UnableToUpdateJobIdException", 400;
    /// The job can no longer be canceled.
    UnableToCancelJobId = "UnableToCancelJobIdException", 400;
    /// The client tool's version is invalid.
    InvalidVersion = "InvalidVersionException", 400;

    /// The request is not signed.
    MissingAuthenticationToken = "MissingAuthenticationToken", 403;
    /// The signature is incomplete or cannot be read.
    IncompleteSignature = "IncompleteSignature", 400;
    /// The access key does not exist.
    InvalidClientTokenId = "InvalidClientTokenId", 403;
    /// The signature is not the one that the request and the key make.
    SignatureDoesNotMatch = "SignatureDoesNotMatch", 403;
    /// The request's time is too far from ours, or its lifetime is over.
    RequestExpired = "RequestExpired", 400;
    /// There is no such action.
    InvalidAction = "InvalidAction", 400;
    /// The body is longer than any request may be.
    RequestEntityTooLarge = "RequestEntityTooLarge", 413;
    /// Too many requests.
    Throttling = "Throttling", 400;
    /// Something broke inside.
    InternalFailure = "InternalFailure", 500;
    /// The service cannot answer now.
    ServiceUnavailable = "ServiceUnavailable", 503;
}

impl FaultCode {
    /// Reads the word back.
    pub fn parse(wire: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.wire() == wire)
    }

    /// Whose fault it is.
    pub fn party(self) -> Party {
        if self.status() >= 500 {
            Party::Receiver
        } else {
            Party::Sender
        }
    }

    /// The text of a code that must not say more.
    pub(super) fn fixed_text(self) -> Option<&'static str> {
        match self.party() {
            Party::Sender => None,
            Party::Receiver if self == Self::ServiceUnavailable => {
                Some("The service cannot answer at the moment: try again in a while")
            }
            Party::Receiver => Some("The service failed to process the request: try again"),
        }
    }
}
