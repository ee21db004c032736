//! The options inside `returnAddress`, `customs`, `operations` and `packhorse`.

use super::document::{OPTION, S3_EXPORT, S3_IMPORT};
use super::limits::{
    ADDRESS_LINE_BYTES_MAX, ARCHIVE_COMMENT_CHARS_MAX, CUSTOMS_LINE_BYTES_MAX, REGION_BYTES_MAX,
    VAULT_NAME_BYTES_MAX,
};
use super::{Need, Row, Section, Shape};
use crate::manifest::words::{
    self, ConflictPolicy, Destination, Encryption, ImageSource, JobKind, UnlockPolicy, Verification,
};
use crate::mapping::KEY_BYTES_MAX;

const IMAGES: &[JobKind] = &[JobKind::EbsImport, JobKind::GlacierImport];
const GLACIER: &[JobKind] = &[JobKind::GlacierImport];

const ADDRESS_LINE: Row = Row {
    need: Need::Required,
    shape: Shape::Text {
        bytes_max: ADDRESS_LINE_BYTES_MAX,
    },
    what: "it as a part of the return address",
    ..OPTION
};

pub(super) const RETURN_ADDRESS: &[Row] = &[
    Row {
        name: "name",
        doc: "Who receives the device.",
        example: "Jane Roe",
        ..ADDRESS_LINE
    },
    Row {
        name: "company",
        need: Need::Optional,
        doc: "The company.",
        example: "Example Corp.",
        ..ADDRESS_LINE
    },
    Row {
        name: "street1",
        doc: "The street and the number.",
        example: "123 Any Street",
        ..ADDRESS_LINE
    },
    Row {
        name: "street2",
        need: Need::Optional,
        doc: "More of it.",
        example: "Floor 2",
        ..ADDRESS_LINE
    },
    Row {
        name: "street3",
        need: Need::Optional,
        doc: "Still more of it.",
        example: "Dock B",
        ..ADDRESS_LINE
    },
    Row {
        name: "city",
        doc: "The city.",
        example: "Anytown",
        ..ADDRESS_LINE
    },
    Row {
        name: "stateOrProvince",
        need: Need::When("required in the United States and Canada"),
        doc: "The state or province.",
        example: "WA",
        ..ADDRESS_LINE
    },
    Row {
        name: "postalCode",
        need: Need::When("required where the country has such codes"),
        doc: "The postal code, in the form of the country.",
        example: "91011-1111",
        ..ADDRESS_LINE
    },
    Row {
        name: "phoneNumber",
        doc: "Where the carrier can call.",
        example: "206-555-1111",
        ..ADDRESS_LINE
    },
    Row {
        name: "country",
        doc: "The country: its English name or its ISO 3166 code of two or three letters.",
        example: "USA",
        ..ADDRESS_LINE
    },
];

/// What makes `customs` necessary makes these of its members necessary.
const WITH_CUSTOMS: Need = Need::When("required across a border");

const DECLARED: Row = Row {
    need: WITH_CUSTOMS,
    shape: Shape::Text {
        bytes_max: CUSTOMS_LINE_BYTES_MAX,
    },
    section: Section::Shipping,
    what: "it, since the device crosses a border",
    ..OPTION
};

pub(super) const CUSTOMS: &[Row] = &[
    Row {
        name: "dataDescription",
        doc: "What the data are.",
        example: "Medical test results.",
        ..DECLARED
    },
    Row {
        name: "encryptedData",
        shape: Shape::Boolean,
        doc: "Whether the data are encrypted.",
        example: "yes",
        ..DECLARED
    },
    Row {
        name: "encryptionClassification",
        need: Need::When("required across a border if encryptedData is yes"),
        doc: "The export control class of the encryption.",
        example: "5D992",
        ..DECLARED
    },
    Row {
        name: "exportCertifierName",
        doc: "Who certifies the export.",
        example: "John Doe",
        ..DECLARED
    },
    Row {
        name: "requiresExportLicense",
        shape: Shape::Boolean,
        doc: "Whether the export needs a licence.",
        example: "no",
        ..DECLARED
    },
    Row {
        name: "deviceValue",
        shape: Shape::Dollars,
        doc: "The value of the device in US dollars.",
        example: "250.00",
        ..DECLARED
    },
    Row {
        name: "deviceCountryOfOrigin",
        doc: "Where the device was made.",
        example: "China",
        ..DECLARED
    },
    Row {
        name: "deviceType",
        doc: "What the device is: externalStorageDevice, sataDrive or another word of the carrier.",
        example: "externalStorageDevice",
        ..DECLARED
    },
    Row {
        name: "deviceHTS",
        need: Need::Optional,
        doc: "The tariff code of the device.",
        example: "8471.70.4065",
        ..DECLARED
    },
    Row {
        name: "typeOfExport",
        doc: "Why the device is exported: return.",
        example: "return",
        ..DECLARED
    },
];

const SELECTION: Row = Row {
    kinds: S3_EXPORT,
    shape: Shape::Text {
        bytes_max: KEY_BYTES_MAX,
    },
    ..OPTION
};

const IMAGE: Row = Row {
    kinds: IMAGES,
    need: Need::Required,
    ..OPTION
};

pub(super) const OPERATION: &[Row] = &[
    Row {
        name: "exportBucket",
        need: Need::Required,
        shape: Shape::Bucket,
        what: "the name of the bucket the objects come from",
        doc: "The bucket the objects come from. It may stand in several entries.",
        example: "my-bucket",
        ..SELECTION
    },
    Row {
        name: "prefix",
        need: Need::Default("none"),
        doc: "Only keys that begin with this text.",
        example: "images/",
        ..SELECTION
    },
    Row {
        name: "beginMarker",
        doc: "Only keys that come after this one.",
        example: "images/a.jpg",
        ..SELECTION
    },
    Row {
        name: "endMarker",
        doc: "Only keys up to this one, which is included.",
        example: "images/z.jpg",
        ..SELECTION
    },
    Row {
        name: "targetDirectory",
        need: Need::Default("the name of the bucket"),
        shape: Shape::Directory,
        doc: "The folder on the device.",
        example: "images",
        ..SELECTION
    },
    Row {
        name: "destination",
        shape: Shape::Word(words::codes::<Destination>),
        what: "`destination: ebs` or `destination: glacier`",
        doc: "What the device becomes: a snapshot of a volume, or an archive in a vault.",
        example: "glacier",
        ..IMAGE
    },
    Row {
        name: "source",
        shape: Shape::Word(words::codes::<ImageSource>),
        what: "`source: device`",
        doc: "What is read: the whole device.",
        example: "device",
        ..IMAGE
    },
    Row {
        name: "region",
        shape: Shape::Text {
            bytes_max: REGION_BYTES_MAX,
        },
        what: "the region, for example `region: us-east-1`",
        doc: "The region of the volume or vault.",
        example: "us-east-1",
        ..IMAGE
    },
    Row {
        name: "vaultName",
        kinds: GLACIER,
        shape: Shape::Text {
            bytes_max: VAULT_NAME_BYTES_MAX,
        },
        what: "the name of the vault the archive goes to",
        doc: "The vault the archive goes to. It must exist.",
        example: "my-vault",
        ..IMAGE
    },
    Row {
        name: "archiveComment",
        kinds: GLACIER,
        shape: Shape::Characters {
            max: ARCHIVE_COMMENT_CHARS_MAX,
        },
        what: "the description of the archive",
        doc: "The description of the archive.",
        example: "Backup of the file server",
        ..IMAGE
    },
];

const EXTENSION: Row = Row {
    kinds: S3_IMPORT,
    section: Section::Beyond,
    ..OPTION
};

pub(super) const PACKHORSE: &[Row] = &[
    Row {
        name: "skipJunk",
        need: Need::Default("no"),
        doc: "Leave out recycle bins, lost+found, .Trashes, .Spotlight-V100 and System Volume \
              Information.",
        example: "yes",
        ..EXTENSION
    },
    Row {
        name: "preserveMetadata",
        need: Need::Default("no"),
        doc: "Keep modification time, mode and owner of each file as metadata.",
        example: "yes",
        ..EXTENSION
    },
    Row {
        name: "serverSideEncryption",
        need: Need::Default("none"),
        shape: Shape::Word(words::codes::<Encryption>),
        doc: "Ask the store to encrypt each object.",
        example: "AES256",
        ..EXTENSION
    },
    Row {
        name: "verify",
        need: Need::Default("checksum"),
        shape: Shape::Word(words::codes::<Verification>),
        doc: "With checksum, digests are compared; with reread, the device is read a second time.",
        example: "checksum",
        ..EXTENSION
    },
    Row {
        name: "onConflict",
        need: Need::Default("overwrite"),
        shape: Shape::Word(words::codes::<ConflictPolicy>),
        doc: "When the key is taken: overwrite the object, keep it and ignore the file, or fail \
              the file.",
        example: "overwrite",
        ..EXTENSION
    },
    Row {
        name: "unlock",
        need: Need::Default("manifest"),
        shape: Shape::Word(words::codes::<UnlockPolicy>),
        doc: "With ask, the password of an encrypted device is given when the device is there, \
              by `packhorse job unlock` or the operator.",
        example: "ask",
        ..EXTENSION
    },
    Row {
        name: "volume",
        need: Need::Default("all volumes"),
        shape: Shape::Volume,
        doc: "Of several volumes on the device import this one alone, and without a folder of its \
              own. They are counted from 1 as `packhorse station ls` shows them.",
        example: "1",
        ..EXTENSION
    },
    Row {
        name: "restoreExport",
        need: Need::Default("no"),
        doc: "Give each file of a disk that an export has filled the key, headers and metadata of \
              the object it was.",
        example: "yes",
        ..EXTENSION
    },
    Row {
        name: "removeDeleted",
        kinds: S3_EXPORT,
        need: Need::Default("no"),
        doc: "On a disk that holds an earlier export of the same objects: remove the files whose \
              objects have been deleted since. Without it they are only listed in the report.",
        example: "yes",
        ..EXTENSION
    },
    Row {
        name: "split",
        kinds: S3_EXPORT,
        need: Need::Default("one device"),
        shape: Shape::Split,
        doc: "For exports that need several devices: up to so many, each of this size. `packhorse \
              job create` makes one job for each; CreateJob itself takes no manifest with it.",
        example: "3 x 4TB",
        ..EXTENSION
    },
];
