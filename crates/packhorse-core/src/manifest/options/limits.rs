//! How long and how many, each with its reason.

/// An access key id has 20 characters; 128 is the longest any S3-compatible store issues.
pub(in super::super) const ACCESS_KEY_BYTES_MAX: usize = 128;
/// Longer than any serial number, short enough for a label.
pub(in super::super) const DEVICE_ID_BYTES_MAX: usize = 256;
/// The name of a program.
pub(in super::super) const GENERATOR_BYTES_MAX: usize = 1024;
/// The longest address mail can be sent to (RFC 5321, 4.5.3.1.3).
pub(in super::super) const EMAIL_BYTES_MAX: usize = 254;
/// People told about one job.
pub(in super::super) const EMAILS_MAX: usize = 50;
/// The longest password TrueCrypt takes is 64 characters; pins are shorter.
pub(in super::super) const SECRET_BYTES_MAX: usize = 1024;
/// One line of an address; carriers print at most a few dozen characters.
pub(in super::super) const ADDRESS_LINE_BYTES_MAX: usize = 512;
/// A line of a customs form.
pub(in super::super) const CUSTOMS_LINE_BYTES_MAX: usize = 1024;
/// Volumes of a device: as many as a GUID partition table has room for.
pub(in super::super) const VOLUMES_MAX: u32 = 128;
/// Jobs that one manifest is split into; each is a device that somebody has to ship.
pub(in super::super) const SPLIT_DEVICES_MAX: u32 = 1000;
/// Whole dollars: below a trillion.
pub(in super::super) const DOLLARS_DIGITS_MAX: usize = 12;
/// A header's value: stores refuse a request whose headers exceed 8 KiB.
pub(in super::super) const HEADER_BYTES_MAX: usize = 1024;
/// A part of a header's name.
pub(in super::super) const HEADER_NAME_BYTES_MAX: usize = 256;
/// Members of `contentTypes` and of `staticMetadata`.
pub(in super::super) const MEMBERS_MAX: usize = 10_000;
/// Pairs in `substitutions`: each is applied to every key.
pub(in super::super) const SUBSTITUTIONS_MAX: usize = 1000;
/// One pattern of `ignore`; the guide's longest has twenty characters.
pub(in super::super) const PATTERN_BYTES_MAX: usize = 4096;
/// Sets of objects of one export; each is a listing of its own.
pub(in super::super) const OPERATIONS_MAX: usize = 1000;
/// The name of a region; the longest known has 24 characters.
pub(in super::super) const REGION_BYTES_MAX: usize = 64;
/// The name of a vault, as its service limits it.
pub(in super::super) const VAULT_NAME_BYTES_MAX: usize = 255;
/// The guide's limit ("ManifestFileRef_Glacier_Import"): the archive's description holds more.
pub(in super::super) const ARCHIVE_COMMENT_CHARS_MAX: usize = 997;
/// Longer than any word of a fixed set, number or boolean; what is longer is not looked at.
pub(in super::super) const WORD_BYTES_MAX: usize = 256;
