//! The manifest: the customer's YAML text, read into types, with every problem at its line and
//! column.
//!
//! [`read`] is the one entrance. It never stops at the first problem: it returns either a
//! [`Manifest`] with warnings, or all problems found, in source order.

mod address;
mod availability;
mod common;
mod country;
mod customs;
mod directory;
mod doubts;
mod extensions;
mod fields;
pub mod form;
mod headers;
mod images;
mod kind;
mod lenient;
mod lines;
mod names;
mod operations;
mod options;
mod places;
mod problem;
mod redact;
mod reference;
mod s3_export;
mod s3_import;
mod schema;
mod secrets;
mod shipment;
mod shipping;
mod split;
mod states;
mod substitutions;
mod template;
mod text;
mod types;
mod words;
mod yaml;

use crate::job::JobType;

pub use common::ERASE_WARNING;
pub use problem::{Position, Problem, ProblemKind, Span};
pub use redact::redact;
pub use reference::reference;
pub use schema::schema;
pub use shipment::{Shipment, shipment};
pub use template::template;
pub use types::{
    Address, Common, Customs, EbsImport, ExportOperation, Extensions, GlacierImport, Kind,
    Manifest, ObjectHeaders, S3Export, S3Import, Split,
};
pub use words::{
    CannedAcl, ConflictPolicy, Encryption, FileSystem, JobKind, ManifestVersion, ServiceLevel,
    StorageClass, UnlockPolicy, Verification, Word,
};

use fields::Fields;
use problem::Problems;
use yaml::Value;

/// A manifest is at most this long.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;

/// A manifest that was found valid.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it says.
    pub manifest: Manifest,
    /// What the customer should know all the same, in source order.
    pub warnings: Vec<Problem>,
    /// Where `accessKeyId` has its value: the API compares it with the request's key.
    pub access_key_at: Option<Position>,
}

/// How a manifest is read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What is otherwise tolerated with a warning is an error: text that is not quite YAML, and
    /// options that nobody reads.
    pub strict: bool,
    /// Where the device is sent; `None` leaves out what depends on it.
    pub facility: Option<Facility>,
}

/// What a manifest can ask of a facility depends on this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facility {
    /// Its country; without one, no job needs customs.
    pub country: Option<String>,
    /// Whether it has targets for EBS and Glacier imports.
    pub has_image_targets: bool,
}

/// Reads the text of a manifest for a job of this type.
///
/// The error holds every problem found, warnings included, in source order (what has no place in
/// the text comes first); at least one is no warning.
pub fn read(text: impl AsRef<[u8]>, job_type: JobType) -> Result<Reading, Vec<Problem>> {
    read_with(text, job_type, &Options::default())
}

/// The same, with options.
pub fn read_with(
    text: impl AsRef<[u8]>,
    job_type: JobType,
    options: &Options,
) -> Result<Reading, Vec<Problem>> {
    let mut problems = Problems::new(options.strict);
    let facility = options.facility.as_ref();
    let manifest = match read_text(text.as_ref(), job_type, facility, &mut problems) {
        Ok(manifest) => manifest,
        Err(malformed) => {
            problems.add(malformed);
            None
        }
    };
    match manifest {
        Some((manifest, access_key_at)) if !problems.has_errors() => Ok(Reading {
            manifest,
            warnings: problems.into_sorted(),
            access_key_at,
        }),
        _ => Err(problems.into_sorted()),
    }
}

fn read_text(
    text: &[u8],
    job_type: JobType,
    facility: Option<&Facility>,
    problems: &mut Problems,
) -> Result<Option<(Manifest, Option<Position>)>, Problem> {
    let text = text::decode(text, problems)?;
    let corrected = lenient::correct(text, problems)?;
    let tree = yaml::parse(&corrected.text, &corrected.places)?;
    for duplicate in tree.duplicates {
        problems.add(duplicate);
    }
    problems.drop(ProblemKind::InvalidField, tree.more_duplicates);
    doubts::check(&tree.root, problems);
    let Value::Mapping(entries) = &tree.root.value else {
        let message = "the manifest must be lines of the form `option: value`";
        return Err(yaml::malformed(Some(tree.root.span.start), message));
    };
    let document = Fields::of_document(entries);
    let manifest = read_document(&document, job_type, facility, problems);
    let access_key = document.get("accessKeyId");
    let access_key_at = access_key.map(|field| field.node.span.start);
    Ok(manifest.map(|manifest| (manifest, access_key_at)))
}

fn read_document(
    document: &Fields<'_>,
    job_type: JobType,
    facility: Option<&Facility>,
    problems: &mut Problems,
) -> Option<Manifest> {
    let (kind, version) = kind::decide(document, job_type, problems);
    let common = common::read(document, kind, version, facility, problems);
    let extensions = extensions::read(document, kind, facility, problems);
    let kind = match kind {
        JobKind::S3Import => {
            let import = s3_import::read(document, problems);
            import.map(|import| Kind::S3Import(Box::new(import)))
        }
        JobKind::S3Export => {
            let export = s3_export::read(document, common.is_encrypted(), problems);
            export.map(Kind::S3Export)
        }
        JobKind::EbsImport | JobKind::GlacierImport => {
            images::read(document, kind, facility, problems)
        }
    }?;
    let bucket = match &kind {
        Kind::S3Import(import) => Some(&import.bucket),
        Kind::S3Export(_) | Kind::EbsImport(_) | Kind::GlacierImport(_) => None,
    };
    Some(Manifest {
        common: common.complete(bucket)?,
        kind,
        extensions,
    })
}

#[cfg(test)]
mod tests;
