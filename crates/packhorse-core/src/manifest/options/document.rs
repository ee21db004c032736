//! The options of the manifest itself.

use super::limits::{
    ACCESS_KEY_BYTES_MAX, DEVICE_ID_BYTES_MAX, GENERATOR_BYTES_MAX, HEADER_BYTES_MAX,
    HEADER_NAME_BYTES_MAX, MEMBERS_MAX, OPERATIONS_MAX, SUBSTITUTIONS_MAX,
};
use super::{Need, Place, Row, Section, Shape};
use crate::id;
use crate::manifest::words::{self, CannedAcl, FileSystem, JobKind, ServiceLevel, StorageClass};
use crate::manifest::words::{ManifestVersion::V1_0, ManifestVersion::V2_0};
use crate::mapping::KEY_BYTES_MAX;

/// What stands between `logPrefix` and the job id in a report's key; `export-log-` is as long.
const LOG_NAME: &str = "import-log-";
/// The report's key is `logPrefix`, this and the job id.
pub(in super::super) const LOG_PREFIX_BYTES_MAX: usize =
    KEY_BYTES_MAX - LOG_NAME.len() - id::LENGTH;

pub(super) const EVERY: &[JobKind] = &[
    JobKind::S3Import,
    JobKind::S3Export,
    JobKind::EbsImport,
    JobKind::GlacierImport,
];
pub(super) const S3: &[JobKind] = &[JobKind::S3Import, JobKind::S3Export];
pub(super) const IMPORTS: &[JobKind] = &[
    JobKind::S3Import,
    JobKind::EbsImport,
    JobKind::GlacierImport,
];
pub(super) const NOT_S3_IMPORT: &[JobKind] = &[
    JobKind::S3Export,
    JobKind::EbsImport,
    JobKind::GlacierImport,
];
pub(super) const S3_IMPORT: &[JobKind] = &[JobKind::S3Import];
pub(super) const S3_EXPORT: &[JobKind] = &[JobKind::S3Export];

/// What most optional options of every kind have in common.
pub(super) const OPTION: Row = Row {
    name: "",
    kinds: EVERY,
    since: V1_0,
    need: Need::Optional,
    shape: Shape::Boolean,
    section: Section::Job,
    what: "",
    doc: "",
    example: "",
};

const HEADER: Row = Row {
    kinds: S3_IMPORT,
    section: Section::Headers,
    shape: Shape::Header,
    ..OPTION
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "manifestVersion",
        need: Need::Required,
        shape: Shape::Version,
        what: "`manifestVersion: 2.0`",
        doc: "The version of the manifest's format: 2.0 for S3 jobs, 3.0 for EBS and Glacier \
              imports. Older numbers are taken too: 1.0, 1.2 and 1.3 for S3 imports, 1.2 and 1.3 \
              for S3 exports.",
        example: "2.0",
        ..OPTION
    },
    Row {
        name: "bucket",
        kinds: S3_IMPORT,
        need: Need::Required,
        shape: Shape::Bucket,
        what: "the name of the bucket the files go to",
        doc: "The bucket the files go to. It must exist, and you must be allowed to write to it.",
        example: "my-bucket",
        ..OPTION
    },
    Row {
        name: "deviceId",
        need: Need::Required,
        shape: Shape::Text {
            bytes_max: DEVICE_ID_BYTES_MAX,
        },
        what: "the serial number on the device",
        doc: "The serial number on the device, or whatever stands on a label you put on it.",
        example: "3QD0T87T",
        ..OPTION
    },
    Row {
        name: "eraseDevice",
        kinds: IMPORTS,
        need: Need::Required,
        what: "`yes` or `no`: whether the device is erased before it is returned",
        doc: "Whether the device is erased (filled with zeros) before it is returned: yes or no.",
        example: "no",
        ..OPTION
    },
    Row {
        name: "fileSystem",
        kinds: S3_EXPORT,
        need: Need::Required,
        shape: Shape::Word(words::codes::<FileSystem>),
        what: "how the device is formatted, for example `fileSystem: EXT4`",
        doc: "How the device is formatted. What is on it is lost.",
        example: "EXT4",
        ..OPTION
    },
    Row {
        name: "operations",
        kinds: NOT_S3_IMPORT,
        need: Need::Required,
        shape: Shape::Entries {
            of: Place::Operation,
            count_max: OPERATIONS_MAX,
        },
        what: "what is to be done, as a list of indented lines that begin with `- `",
        doc: "What is done. In an S3 export: sets of objects, written to the device in this order, \
              keys of a set in alphabetical order. In an EBS or Glacier import: one entry.",
        example: "",
        ..OPTION
    },
    Row {
        name: "logBucket",
        need: Need::RequiredIn(NOT_S3_IMPORT),
        shape: Shape::Bucket,
        section: Section::Report,
        what: "the name of the bucket the report is written to",
        doc: "The bucket the report is written to; in an S3 import it may be left out and is then \
              the import bucket.",
        example: "my-log-bucket",
        ..OPTION
    },
    Row {
        name: "logPrefix",
        need: Need::Default("none"),
        shape: Shape::Text {
            bytes_max: LOG_PREFIX_BYTES_MAX,
        },
        section: Section::Report,
        doc: "Put in front of the report's key, which is logPrefix, then import-log- or \
              export-log-, then the job id. No slash is added.",
        example: "logs/",
        ..OPTION
    },
    Row {
        name: "returnAddress",
        need: Need::Required,
        shape: Shape::Members(Place::ReturnAddress),
        what: "the address the device goes back to, in indented lines below it",
        doc: "Where the device goes back to: a street address, no post office box.",
        ..OPTION
    },
    Row {
        name: "notificationEmail",
        shape: Shape::Emails,
        doc: "Who is told about the job; several addresses are separated by `;`.",
        example: "jane.roe@example.com;john.doe@example.com",
        ..OPTION
    },
    Row {
        name: "accessKeyId",
        shape: Shape::Text {
            bytes_max: ACCESS_KEY_BYTES_MAX,
        },
        doc: "The access key the request is signed with, if that is to be checked.",
        example: "AKIAIOSFODNN7EXAMPLE",
        ..OPTION
    },
    Row {
        name: "generator",
        shape: Shape::Text {
            bytes_max: GENERATOR_BYTES_MAX,
        },
        doc: "The program that wrote the manifest.",
        example: "Text editor",
        ..OPTION
    },
    Row {
        name: "serviceLevel",
        need: Need::Default("standard"),
        shape: Shape::Word(words::codes::<ServiceLevel>),
        section: Section::Shipping,
        doc: "How the device is returned. Expedited shipping stays within the facility's country.",
        example: "standard",
        ..OPTION
    },
    Row {
        name: "customs",
        need: Need::When(
            "required when the device goes back to another country than the facility's, unless \
             both are in the European Union",
        ),
        shape: Shape::Members(Place::Customs),
        section: Section::Shipping,
        doc: "What the device is declared as when it crosses a border.",
        ..OPTION
    },
    Row {
        name: "prefix",
        kinds: S3_IMPORT,
        need: Need::Default("none"),
        shape: Shape::Text {
            bytes_max: 2 * KEY_BYTES_MAX,
        },
        section: Section::Keys,
        doc: "Put in front of the path of each file. No slash is added: end it with one to make a \
              folder. At most 1,023 bytes, unless substitutions shorten it.",
        example: "imported/",
        ..OPTION
    },
    Row {
        name: "substitutions",
        kinds: S3,
        since: V2_0,
        need: Need::Default("none"),
        shape: Shape::Texts {
            name: "text to be replaced",
            name_bytes_max: KEY_BYTES_MAX,
            value: "text in its place",
            value_bytes_max: KEY_BYTES_MAX,
            count_max: SUBSTITUTIONS_MAX,
        },
        section: Section::Keys,
        doc: "Texts replaced one after the other, as they stand: in an import in every key (prefix \
              and path), in an export in every name of a file or folder.",
        example: "\"$COLON$\": \":\"",
        ..OPTION
    },
    Row {
        name: "ignore",
        kinds: S3_IMPORT,
        need: Need::Default("none"),
        shape: Shape::Patterns,
        section: Section::Keys,
        doc: "Regular expressions, searched in the path of each file (`folder/name`). What is found \
              is not loaded. Nothing but the SIGNATURE file is left out by itself.",
        example: "- '\\.tmp$'\n- '^lost\\+found/'",
        ..OPTION
    },
    Row {
        name: "recoveryDirectory",
        kinds: S3_EXPORT,
        need: Need::Default("EXPORT-RECOVERY"),
        shape: Shape::Directory,
        section: Section::Keys,
        doc: "The folder on the device for objects whose keys cannot be names of files.",
        example: "EXPORT-RECOVERY",
        ..OPTION
    },
    Row {
        name: "acl",
        need: Need::Default("private"),
        shape: Shape::Word(words::codes::<CannedAcl>),
        doc: "Who may read and write each object.",
        example: "private",
        ..HEADER
    },
    Row {
        name: "storageClass",
        need: Need::Default("STANDARD"),
        shape: Shape::Word(words::codes::<StorageClass>),
        doc: "The storage class of each object.",
        example: "STANDARD",
        ..HEADER
    },
    Row {
        name: "cacheControl",
        doc: "The header Cache-Control, as it stands.",
        example: "max-age=3600",
        ..HEADER
    },
    Row {
        name: "contentDisposition",
        doc: "The header Content-Disposition, as it stands.",
        example: "attachment",
        ..HEADER
    },
    Row {
        name: "contentLanguage",
        doc: "The header Content-Language, as it stands.",
        example: "en",
        ..HEADER
    },
    Row {
        name: "expires",
        doc: "The header Expires, as it stands.",
        example: "Thu, 01 Dec 2044 16:00:00 GMT",
        ..HEADER
    },
    Row {
        name: "contentTypes",
        need: Need::Default("the built-in table"),
        shape: Shape::Texts {
            name: "extension without dot",
            name_bytes_max: HEADER_BYTES_MAX,
            value: "content type",
            value_bytes_max: HEADER_BYTES_MAX,
            count_max: MEMBERS_MAX,
        },
        doc: "Content types by extension, upper and lower case apart; the built-in table knows the \
              others.",
        example: "log: text/plain\nLOG: text/plain",
        ..HEADER
    },
    Row {
        name: "defaultContentType",
        need: Need::Default("binary/octet-stream"),
        doc: "The content type of what nothing else gives one.",
        example: "binary/octet-stream",
        ..HEADER
    },
    Row {
        name: "setContentEncodingForGzFiles",
        need: Need::Default("no"),
        shape: Shape::Boolean,
        doc: "Whether gzip files (told by their content) get Content-Encoding: gzip.",
        example: "yes",
        ..HEADER
    },
    Row {
        name: "staticMetadata",
        shape: Shape::Texts {
            name: "name",
            name_bytes_max: HEADER_NAME_BYTES_MAX,
            value: "value",
            value_bytes_max: HEADER_BYTES_MAX,
            count_max: MEMBERS_MAX,
        },
        doc: "Metadata of every object: `project` is stored as x-amz-meta-project.",
        example: "project: archive",
        ..HEADER
    },
    Row {
        name: "diskTimestampMetadataKey",
        shape: Shape::HeaderName,
        doc: "The name of the metadata that holds each file's modification time, in milliseconds \
              since 1970.",
        example: "disk-mtime",
        ..HEADER
    },
    Row {
        name: "trueCryptPassword",
        kinds: S3,
        shape: Shape::Secret,
        section: Section::Encryption,
        doc: "The password of an encrypted device.",
        example: "'the password'",
        ..OPTION
    },
    Row {
        name: "pinCode",
        kinds: S3,
        shape: Shape::Secret,
        section: Section::Encryption,
        doc: "The code of a device with a keypad.",
        example: "'1234'",
        ..OPTION
    },
    Row {
        name: "packhorse",
        kinds: S3,
        shape: Shape::Members(Place::Packhorse),
        section: Section::Beyond,
        doc: "What this service can do beyond the original. A misspelt name is an error here.",
        ..OPTION
    },
];
