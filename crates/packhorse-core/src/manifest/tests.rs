//! The manifests of the guide and of its clients, and what is said about broken ones.

mod faults;
mod hostile;
mod kinds;
mod leniency;
mod properties;
mod rules;
mod samples;
mod templates;
mod warnings;

use super::*;

/// The minimal manifest of the guide's page "Examples".
const MINIMAL: &str = "\
manifestVersion: 2.0
bucket: myawsbucket
accessKeyId: AKIAIOSFODNN7EXAMPLE
deviceId: 3QD0T87T
eraseDevice: no
returnAddress:
  name: Amazon.com ATTN Joe Random
  street1: 123 Any Street
  city: Anytown
  stateOrProvince: WA
  postalCode: 91111
  phoneNumber: 555-555-0100
  country: USA
";

/// The manifest with more lines; the first of them is line 14.
fn with(lines: &str) -> String {
    format!("{MINIMAL}{lines}")
}

/// The manifest with one text replaced by another.
fn changed(from: &str, to: &str) -> String {
    assert!(MINIMAL.contains(from), "{from}");
    MINIMAL.replace(from, to)
}

/// Reads a valid import manifest; the warnings as a person sees them.
fn accept(text: impl AsRef<[u8]>) -> (Manifest, Vec<String>) {
    accept_as(text, JobType::Import)
}

/// The same, for a job of this type.
fn accept_as(text: impl AsRef<[u8]>, job_type: JobType) -> (Manifest, Vec<String>) {
    match read(text, job_type) {
        Ok(Reading {
            manifest, warnings, ..
        }) => (manifest, lines(&warnings)),
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// Reads an import manifest without warnings.
fn import(text: &str) -> S3Import {
    let (manifest, warnings) = accept(text);
    assert_eq!(warnings, [""; 0]);
    s3_import(manifest.kind)
}

fn s3_import(kind: Kind) -> S3Import {
    match kind {
        Kind::S3Import(import) => *import,
        other => panic!("{other:?}"),
    }
}

/// Everything that is said about a manifest that is refused, but for the warnings.
fn refuse(text: impl AsRef<[u8]>) -> Vec<Problem> {
    let Err(mut problems) = read(&text, JobType::Import) else {
        panic!("accepted {:?}", String::from_utf8_lossy(text.as_ref()));
    };
    problems.retain(|problem| problem.kind != ProblemKind::Warning);
    problems
}

fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Whether there is a reason to refuse.
fn has_error(problems: &[Problem]) -> bool {
    problems
        .iter()
        .any(|problem| problem.kind != ProblemKind::Warning)
}
