//! The manifest as types.

use crate::bucket::BucketName;
use crate::mapping::{IgnorePatterns, Substitutions};
use crate::secret::Secret;

use super::words::{
    CannedAcl, ConflictPolicy, Encryption, FileSystem, JobKind, ManifestVersion, ServiceLevel,
    StorageClass, UnlockPolicy, Verification,
};

/// A manifest that was found valid: of any kind, or, where the kind is known, of that one.
#[derive(Clone, Debug)]
pub struct Manifest<K = Kind> {
    /// The options of every kind of job.
    pub common: Common,
    /// The options of this kind.
    pub kind: K,
    /// The members of `packhorse:`.
    pub extensions: Extensions,
}

impl Manifest {
    /// As the manifest of an S3 import; else the kind it is of.
    pub fn into_s3_import(self) -> Result<Manifest<S3Import>, JobKind> {
        match self.kind {
            Kind::S3Import(kind) => Ok(Manifest {
                common: self.common,
                kind: *kind,
                extensions: self.extensions,
            }),
            other => Err(other.name()),
        }
    }

    /// As the manifest of an S3 export; else the kind it is of.
    pub fn into_s3_export(self) -> Result<Manifest<S3Export>, JobKind> {
        match self.kind {
            Kind::S3Export(kind) => Ok(Manifest {
                common: self.common,
                kind,
                extensions: self.extensions,
            }),
            other => Err(other.name()),
        }
    }
}

/// What the job does.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Files from the device become objects in one bucket.
    S3Import(Box<S3Import>),
    /// Objects become files on the device.
    S3Export(S3Export),
    /// The whole device becomes a snapshot of a volume.
    EbsImport(EbsImport),
    /// The whole device becomes one archive in a vault.
    GlacierImport(GlacierImport),
}

impl Kind {
    /// Which kind it is.
    pub fn name(&self) -> JobKind {
        match self {
            Self::S3Import(_) => JobKind::S3Import,
            Self::S3Export(_) => JobKind::S3Export,
            Self::EbsImport(_) => JobKind::EbsImport,
            Self::GlacierImport(_) => JobKind::GlacierImport,
        }
    }
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
    /// `postalCode`: required where the country has such codes.
    pub postal_code: Option<String>,
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

/// The options of an S3 export.
#[derive(Clone, Debug)]
pub struct S3Export {
    /// `fileSystem`
    pub file_system: FileSystem,
    /// `operations`: at least one, in source order.
    pub operations: Vec<ExportOperation>,
    /// `recoveryDirectory`, a path below the root of the device.
    pub recovery_directory: String,
    /// `substitutions`, applied to the names of files.
    pub substitutions: Substitutions,
}

/// An entry of `operations` of an S3 export: a set of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportOperation {
    /// `exportBucket`
    pub export_bucket: BucketName,
    /// `prefix`: only keys that begin with it; empty for all.
    pub prefix: String,
    /// `beginMarker`: only keys after it.
    pub begin_marker: Option<String>,
    /// `endMarker`: only keys up to it, itself included.
    pub end_marker: Option<String>,
    /// `targetDirectory`, a path below the root of the device; the bucket's name when absent.
    pub target_directory: Option<String>,
}

/// The options of an EBS import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EbsImport {
    /// `eraseDevice`
    pub erase_device: bool,
    /// `operations[0].region`
    pub region: String,
}

/// The options of a Glacier import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlacierImport {
    /// `eraseDevice`
    pub erase_device: bool,
    /// `operations[0].region`
    pub region: String,
    /// `operations[0].vaultName`
    pub vault_name: String,
    /// `operations[0].archiveComment`
    pub archive_comment: String,
}

/// The members of `packhorse:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// `skipJunk`: recycle bins, `lost+found`, `.Trashes`, `System Volume Information`.
    pub skip_junk: bool,
    /// `preserveMetadata`: mtime, mode and owner as user metadata.
    pub preserve_metadata: bool,
    /// `serverSideEncryption`: the value of `x-amz-server-side-encryption`.
    pub server_side_encryption: Option<Encryption>,
    /// `verify`
    pub verify: Verification,
    /// `onConflict`
    pub on_conflict: ConflictPolicy,
    /// `unlock`
    pub unlock: UnlockPolicy,
    /// `volume`: the one volume that is imported, counted from 1 among those that can be read.
    pub volume: Option<u32>,
    /// `restoreExport`: keys, headers and metadata from the sidecar of an exported disk.
    pub restore_export: bool,
    /// `removeDeleted`: files of an earlier export whose objects are gone are removed.
    pub remove_deleted: bool,
    /// `split`: the devices that the objects are to be spread over.
    pub split: Option<Split>,
}

/// `split`: so many devices at the most, each of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// How many.
    pub devices: u32,
    /// The size of each.
    pub bytes: u64,
}
