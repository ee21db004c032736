//! Which exceptions an action raises: what the clients' models list for it, and what goes beyond.

use crate::fault::FaultCode::{
    self, BucketPermission, CanceledJobId, CreateJobQuotaExceeded, ExpiredJobId,
    InvalidAccessKeyId, InvalidAddress, InvalidCustoms, InvalidFileSystem, InvalidJobId,
    InvalidManifestField, InvalidParameter, InvalidVersion, MalformedManifest, MissingCustoms,
    MissingManifestField, MissingParameter, MultipleRegions, NoSuchBucket, UnableToCancelJobId,
    UnableToUpdateJobId,
};

/// The exceptions of one action.
#[derive(Clone, Copy, Debug)]
pub struct Exceptions {
    /// Its name on the wire.
    pub action: &'static str,
    /// What the clients' models list.
    pub model: &'static [FaultCode],
    /// What it raises all the same. A client has a type for it, since another action lists it.
    pub beyond: &'static [FaultCode],
}

/// The exceptions of all actions.
pub const EXCEPTIONS: [Exceptions; 6] = [
    Exceptions {
        action: "CreateJob",
        model: &[
            MissingParameter,
            InvalidParameter,
            InvalidAccessKeyId,
            InvalidAddress,
            InvalidManifestField,
            MissingManifestField,
            NoSuchBucket,
            MissingCustoms,
            InvalidCustoms,
            InvalidFileSystem,
            MultipleRegions,
            BucketPermission,
            MalformedManifest,
            CreateJobQuotaExceeded,
            InvalidJobId,
            InvalidVersion,
        ],
        beyond: &[],
    },
    Exceptions {
        action: "UpdateJob",
        model: &[
            MissingParameter,
            InvalidParameter,
            InvalidAccessKeyId,
            InvalidAddress,
            InvalidManifestField,
            InvalidJobId,
            MissingManifestField,
            NoSuchBucket,
            ExpiredJobId,
            CanceledJobId,
            MissingCustoms,
            InvalidCustoms,
            InvalidFileSystem,
            MultipleRegions,
            BucketPermission,
            MalformedManifest,
            UnableToUpdateJobId,
            InvalidVersion,
        ],
        beyond: &[],
    },
    Exceptions {
        action: "CancelJob",
        model: &[
            InvalidJobId,
            ExpiredJobId,
            CanceledJobId,
            UnableToCancelJobId,
            InvalidAccessKeyId,
            InvalidVersion,
        ],
        beyond: &[InvalidParameter],
    },
    Exceptions {
        action: "GetStatus",
        model: &[
            InvalidJobId,
            ExpiredJobId,
            CanceledJobId,
            InvalidAccessKeyId,
            InvalidVersion,
        ],
        beyond: &[InvalidParameter],
    },
    Exceptions {
        action: "ListJobs",
        model: &[InvalidParameter, InvalidAccessKeyId, InvalidVersion],
        beyond: &[],
    },
    Exceptions {
        action: "GetShippingLabel",
        model: &[
            InvalidJobId,
            ExpiredJobId,
            CanceledJobId,
            InvalidAccessKeyId,
            InvalidAddress,
            InvalidVersion,
            InvalidParameter,
        ],
        beyond: &[NoSuchBucket, BucketPermission],
    },
];
