//! The manifest as types.

use crate::bucket::BucketName;
use crate::mapping::{IgnorePatterns, Substitutions};
use crate::secret::Secret;

/// A manifest that was found valid.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The options of every kind of job.
    pub common: Common,
    /// The options of this kind.
    pub kind: Kind,
    /// The members of `packhorse:`.
    pub extensions: Extensions,
}

/// What the job does. (Export, EBS and Glacier jobs have their own issue.)
#[derive(Clone, Debug)]
pub enum Kind {
    /// Files from the device become objects in one bucket.
    S3Import(S3Import),
}

/// `manifestVersion`: versions 1.0, 1.2, 1.3 and 2.0 are known to have been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestVersion {
    /// 1.0
    V1_0,
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
    /// 2.0
    V2_0,
}

/// Options of every kind of job.
#[derive(Clone, Debug)]
pub struct Common {
    /// `manifestVersion`
    pub version: ManifestVersion,
    /// `accessKeyId`, when given; the API compares it with the request's key.
    pub access_key_id: Option<String>,
    /// `deviceId`
    pub device_id: String,
    /// `generator`
    pub generator: Option<String>,
    /// `logBucket`; for an S3 import the import bucket when absent.
    pub log_bucket: BucketName,
    /// `logPrefix`, empty when absent.
    pub log_prefix: String,
    /// `notificationEmail`, split at `;`.
    pub notification_email: Vec<String>,
    /// `returnAddress`
    pub return_address: Address,
    /// `serviceLevel`
    pub service_level: ServiceLevel,
    /// `customs`, when given.
    pub customs: Option<Customs>,
    /// `trueCryptPassword`
    pub true_crypt_password: Option<Secret>,
    /// `pinCode`
    pub pin_code: Option<Secret>,
}

/// `serviceLevel`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceLevel {
    /// `standard`
    #[default]
    Standard,
    /// `expeditedShipping`
    ExpeditedShipping,
}

/// `returnAddress`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// `name`
    pub name: String,
    /// `company`
    pub company: Option<String>,
    /// `street1`
    pub street1: String,
    /// `street2`
    pub street2: Option<String>,
    /// `street3`
    pub street3: Option<String>,
    /// `city`
    pub city: String,
    /// `stateOrProvince`: required in the US and Canada.
    pub state_or_province: Option<String>,
    /// `postalCode`
    pub postal_code: String,
    /// `phoneNumber`
    pub phone_number: String,
    /// `country`
    pub country: String,
}

/// `customs`: what a device that crosses a border is declared as. Members as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customs {
    /// `dataDescription`
    pub data_description: Option<String>,
    /// `encryptedData`
    pub encrypted_data: Option<bool>,
    /// `encryptionClassification`
    pub encryption_classification: Option<String>,
    /// `exportCertifierName`
    pub export_certifier_name: Option<String>,
    /// `requiresExportLicense`
    pub requires_export_license: Option<bool>,
    /// `deviceValue`: US dollars, digits with or without cents.
    pub device_value: Option<String>,
    /// `deviceCountryOfOrigin`
    pub device_country_of_origin: Option<String>,
    /// `deviceType`
    pub device_type: Option<String>,
    /// `deviceHTS`: the tariff code.
    pub device_hts: Option<String>,
    /// `typeOfExport`
    pub type_of_export: Option<String>,
}

/// The options of an S3 import.
#[derive(Clone, Debug)]
pub struct S3Import {
    /// `bucket`
    pub bucket: BucketName,
    /// `prefix`, glued in front of each path without a slash.
    pub prefix: String,
    /// `substitutions`
    pub substitutions: Substitutions,
    /// `ignore`
    pub ignore: IgnorePatterns,
    /// `eraseDevice`
    pub erase_device: bool,
    /// Everything that becomes a header of each object.
    pub headers: ObjectHeaders,
}

/// Options that become headers of each stored object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHeaders {
    /// `acl`
    pub acl: CannedAcl,
    /// `cacheControl`
    pub cache_control: Option<String>,
    /// `contentDisposition`
    pub content_disposition: Option<String>,
    /// `contentLanguage`
    pub content_language: Option<String>,
    /// `expires`
    pub expires: Option<String>,
    /// `contentTypes`: extension (case-sensitive, without dot) and type, in source order.
    pub content_types: Vec<(String, String)>,
    /// `defaultContentType`
    pub default_content_type: Option<String>,
    /// `setContentEncodingForGzFiles`
    pub set_content_encoding_for_gz_files: bool,
    /// `diskTimestampMetadataKey`
    pub disk_timestamp_metadata_key: Option<String>,
    /// `staticMetadata`: name and value, in source order.
    pub static_metadata: Vec<(String, String)>,
    /// `storageClass`
    pub storage_class: StorageClass,
}

/// `acl`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CannedAcl {
    /// `private`
    #[default]
    Private,
    /// `public-read`
    PublicRead,
    /// `public-read-write`
    PublicReadWrite,
    /// `authenticated-read`
    AuthenticatedRead,
}

impl CannedAcl {
    /// Every value.
    pub const ALL: [Self; 4] = [
        Self::Private,
        Self::PublicRead,
        Self::PublicReadWrite,
        Self::AuthenticatedRead,
    ];

    /// The word in the manifest and in `x-amz-acl`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicRead => "public-read",
            Self::PublicReadWrite => "public-read-write",
            Self::AuthenticatedRead => "authenticated-read",
        }
    }
}

/// `storageClass`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageClass {
    /// `STANDARD`
    #[default]
    Standard,
    /// `REDUCED_REDUNDANCY`
    ReducedRedundancy,
}

impl StorageClass {
    /// Every value.
    pub const ALL: [Self; 2] = [Self::Standard, Self::ReducedRedundancy];

    /// The word in the manifest and in `x-amz-storage-class`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::ReducedRedundancy => "REDUCED_REDUNDANCY",
        }
    }
}

/// The members of `packhorse:` (design 3.7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `skipJunk`: recycle bins, `lost+found`, `.Trashes`, `System Volume Information`.
    pub skip_junk: bool,
    /// `preserveMetadata`: mtime, mode and owner as user metadata.
    pub preserve_metadata: bool,
    /// `serverSideEncryption`: the value of `x-amz-server-side-encryption`.
    pub server_side_encryption: Option<String>,
    /// `verify`
    pub verify: Verification,
    /// `onConflict`
    pub on_conflict: ConflictPolicy,
}

/// `verify`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Digests of the one reading pass are compared with the store's.
    #[default]
    Checksum,
    /// The whole disk is read again and compared, as the original did.
    Reread,
}

/// `onConflict`: what to do when the key already exists in the bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Replace it, as the original did.
    #[default]
    Overwrite,
    /// Keep the object; the file is an ignored row.
    Keep,
    /// Keep the object; the file is a failed row.
    Fail,
}
