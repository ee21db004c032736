//! Which kind of job a manifest is for.

use super::fields::Fields;
use super::options::Place;
use super::problem::{Problems, shown};
use super::words::{self, Destination, JobKind, ManifestVersion, Word as _};
use super::yaml::Value;
use crate::job::JobType;

/// The kind as which the manifest is read, and its version if it could be read. Job type and
/// version decide; in version 3.0, the destination does.
pub(super) fn decide(
    document: &Fields<'_>,
    job_type: JobType,
    problems: &mut Problems,
) -> (JobKind, Option<ManifestVersion>) {
    let version = version(document, problems);
    let kind = match (job_type, version) {
        (JobType::Export, _) => JobKind::S3Export,
        (JobType::Import, Some(ManifestVersion::V3_0)) => image(document),
        (JobType::Import, _) => JobKind::S3Import,
    };
    let fits = version.is_none_or(|version| kind.versions().contains(&version));
    if let (false, Some(field)) = (fits, document.get("manifestVersion")) {
        problems.add(field.wrong(format!(
            "is not a version of {kind}s; write `manifestVersion: {}`",
            ManifestVersion::V2_0.code()
        )));
        return (kind, None);
    }
    (kind, version)
}

/// The version; that it is missing is said with everything else that is.
fn version(document: &Fields<'_>, problems: &mut Problems) -> Option<ManifestVersion> {
    let field = document.get("manifestVersion")?;
    let word = field.word(problems)?;
    let whole = format!("{word}.0");
    let spelt = |code: &str| code == word || code == whole;
    let found = ManifestVersion::WORDS.iter().find(|(code, _)| spelt(code));
    if found.is_none() {
        let codes = words::codes::<ManifestVersion>();
        problems.add(field.wrong(format!(
            "{} is not known; allowed: {}",
            shown(word),
            codes.join(", ")
        )));
    }
    found.map(|(_, version)| *version)
}

/// What a manifest of version 3.0 is for. Without `operations` but with a bucket, the version is
/// what is wrong.
fn image(document: &Fields<'_>) -> JobKind {
    let operations = document.get(Place::Operation.name());
    if operations.is_none() && document.get("bucket").is_some() {
        return JobKind::S3Import;
    }
    let first = operations.and_then(|field| match &field.node.value {
        Value::Sequence(items) => items.first(),
        Value::Mapping(_) => Some(field.node),
        Value::Scalar { .. } => None,
    });
    let destination = first.and_then(|node| match &node.value {
        Value::Mapping(entries) => entries.iter().find(|entry| entry.key == "destination"),
        Value::Sequence(_) | Value::Scalar { .. } => None,
    });
    match destination.map(|entry| &entry.node.value) {
        Some(Value::Scalar { text, .. }) if text == Destination::Glacier.code() => {
            JobKind::GlacierImport
        }
        _ => JobKind::EbsImport,
    }
}
