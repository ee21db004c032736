//! The manifest: the customer's YAML text, read into types, with every problem at its line and
//! column.
//!
//! [`read`] is the one entrance. It never stops at the first problem: it returns either a
//! [`Manifest`] with warnings, or all problems found, in source order.

mod address;
mod common;
mod customs;
mod extensions;
mod fields;
mod headers;
mod lenient;
mod lines;
mod names;
mod places;
mod problem;
mod redact;
mod s3_import;
mod text;
mod types;
mod yaml;

use crate::job::JobType;

pub use problem::{Position, Problem, ProblemKind};
pub use redact::redact;
pub use s3_import::ERASE_WARNING;
pub use types::{
    Address, CannedAcl, Common, ConflictPolicy, Customs, Extensions, Kind, Manifest,
    ManifestVersion, ObjectHeaders, S3Import, ServiceLevel, StorageClass, Verification,
};

use fields::Fields;
use problem::Problems;
use yaml::Value;

/// A manifest is at most this long: design section 3.2.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;

/// A manifest that was found valid.
#[derive(Clone, Debug)]
pub struct Reading {
    /// What it says.
    pub manifest: Manifest,
    /// What the customer should know all the same, in source order.
    pub warnings: Vec<Problem>,
}

/// Reads the text of a manifest for a job of this type.
///
/// The error holds every problem found, warnings included, in source order (what has no place in
/// the text comes first); at least one is no warning.
pub fn read(text: impl AsRef<[u8]>, job_type: JobType) -> Result<Reading, Vec<Problem>> {
    let mut problems = Problems::default();
    let manifest = match read_text(text.as_ref(), job_type, &mut problems) {
        Ok(manifest) => manifest,
        Err(malformed) => {
            problems.add(malformed);
            None
        }
    };
    match manifest {
        Some(manifest) if !problems.has_errors() => Ok(Reading {
            manifest,
            warnings: problems.into_sorted(),
        }),
        _ => Err(problems.into_sorted()),
    }
}

fn read_text(
    text: &[u8],
    job_type: JobType,
    problems: &mut Problems,
) -> Result<Option<Manifest>, Problem> {
    let text = text::decode(text, problems)?;
    let corrected = lenient::correct(text, problems)?;
    let tree = yaml::parse(&corrected.text, &corrected.places)?;
    for duplicate in tree.duplicates {
        problems.add(duplicate);
    }
    let Value::Mapping(entries) = &tree.root.value else {
        let message = "the manifest must be lines of the form `option: value`";
        return Err(yaml::malformed(Some(tree.root.start), message));
    };
    let document = Fields::of_document(entries);
    match job_type {
        JobType::Import => Ok(s3_import::read(&document, problems)),
        JobType::Export => {
            common::read(&document, problems);
            common::unsupported(&document, "operations", "export jobs", problems);
            Ok(None)
        }
    }
}

/// An annotated example to start from.
pub fn template(job_type: JobType) -> &'static str {
    match job_type {
        JobType::Import => include_str!("templates/s3_import.yaml"),
        JobType::Export => include_str!("templates/s3_export.yaml"),
    }
}

#[cfg(test)]
mod tests;
