//! The fixed words of a manifest, each with what it means.

use crate::job::JobType;

/// A type whose values are written as fixed words.
pub trait Word: Copy + PartialEq + 'static {
    /// Every word with its value.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for a value.
    fn code(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| *value == self);
        found.map_or("", |(word, _)| word)
    }
}

/// Every word of a type, for messages.
pub(super) fn codes<W: Word>() -> Vec<&'static str> {
    W::WORDS.iter().map(|(word, _)| *word).collect()
}

/// The kinds of job: job type, `manifestVersion` and, for images, `destination` decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobKind {
    /// Files from the device become objects in one bucket.
    S3Import,
    /// Objects become files on the device.
    S3Export,
    /// The whole device becomes a snapshot of a volume.
    EbsImport,
    /// The whole device becomes one archive in a vault.
    GlacierImport,
}

impl Word for JobKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("s3-import", Self::S3Import),
        ("s3-export", Self::S3Export),
        ("ebs-import", Self::EbsImport),
        ("glacier-import", Self::GlacierImport),
    ];
}

impl JobKind {
    /// What CreateJob calls it.
    pub fn job_type(self) -> JobType {
        match self {
            Self::S3Export => JobType::Export,
            Self::S3Import | Self::EbsImport | Self::GlacierImport => JobType::Import,
        }
    }

    /// The versions it can be written in.
    pub fn versions(self) -> &'static [ManifestVersion] {
        use ManifestVersion as V;
        match self {
            Self::S3Import => &[V::V1_0, V::V1_2, V::V1_3, V::V2_0],
            Self::S3Export => &[V::V1_2, V::V1_3, V::V2_0],
            Self::EbsImport | Self::GlacierImport => &[V::V3_0],
        }
    }
}

/// As sentences call it: `S3 import`.
impl std::fmt::Display for JobKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::S3Import => "S3 import",
            Self::S3Export => "S3 export",
            Self::EbsImport => "EBS import",
            Self::GlacierImport => "Glacier import",
        })
    }
}

/// `manifestVersion`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestVersion {
    /// 1.0: imports, from the time of mailed manifests.
    V1_0,
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
    /// 2.0: what S3 imports and exports are written in.
    V2_0,
    /// 3.0: EBS and Glacier imports.
    V3_0,
}

impl Word for ManifestVersion {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("1.0", Self::V1_0),
        ("1.2", Self::V1_2),
        ("1.3", Self::V1_3),
        ("2.0", Self::V2_0),
        ("3.0", Self::V3_0),
    ];
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

impl Word for ServiceLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("standard", Self::Standard),
        ("expeditedShipping", Self::ExpeditedShipping),
    ];
}

/// `acl`; the word is also the value of `x-amz-acl`.
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

impl Word for CannedAcl {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("private", Self::Private),
        ("public-read", Self::PublicRead),
        ("public-read-write", Self::PublicReadWrite),
        ("authenticated-read", Self::AuthenticatedRead),
    ];
}

/// `storageClass`; the word is also the value of `x-amz-storage-class`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageClass {
    /// `STANDARD`
    #[default]
    Standard,
    /// `REDUCED_REDUNDANCY`
    ReducedRedundancy,
}

impl Word for StorageClass {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("STANDARD", Self::Standard),
        ("REDUCED_REDUNDANCY", Self::ReducedRedundancy),
    ];
}

/// `fileSystem` of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// `NTFS`
    Ntfs,
    /// `EXT4`
    Ext4,
    /// `EXT3`
    Ext3,
    /// `EXT2`
    Ext2,
    /// `FAT32`: no file above 4 GiB.
    Fat32,
}

impl Word for FileSystem {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("NTFS", Self::Ntfs),
        ("EXT4", Self::Ext4),
        ("EXT3", Self::Ext3),
        ("EXT2", Self::Ext2),
        ("FAT32", Self::Fat32),
    ];
}

/// `destination` of an operation of a 3.0 manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// `ebs`
    Ebs,
    /// `glacier`
    Glacier,
}

impl Word for Destination {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ebs", Self::Ebs), ("glacier", Self::Glacier)];
}

/// `source` of an operation of a 3.0 manifest: there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImageSource {
    /// `device`
    Device,
}

impl Word for ImageSource {
    const WORDS: &'static [(&'static str, Self)] = &[("device", Self::Device)];
}

/// `serverSideEncryption`; the word is also the value of `x-amz-server-side-encryption`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// `AES256`
    Aes256,
    /// `aws:kms`
    AwsKms,
}

impl Word for Encryption {
    const WORDS: &'static [(&'static str, Self)] =
        &[("AES256", Self::Aes256), ("aws:kms", Self::AwsKms)];
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

impl Word for Verification {
    const WORDS: &'static [(&'static str, Self)] =
        &[("checksum", Self::Checksum), ("reread", Self::Reread)];
}

/// `unlock`: where the password of an encrypted device comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlockPolicy {
    /// From this manifest, if it has one.
    #[default]
    Manifest,
    /// From the customer or the operator when the device is there: it waits until then.
    Ask,
}

impl Word for UnlockPolicy {
    const WORDS: &'static [(&'static str, Self)] =
        &[("manifest", Self::Manifest), ("ask", Self::Ask)];
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

impl Word for ConflictPolicy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("overwrite", Self::Overwrite),
        ("keep", Self::Keep),
        ("fail", Self::Fail),
    ];
}
