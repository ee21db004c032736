//! The options of EBS and Glacier imports: the whole device becomes one image.

use super::common;
use super::fields::Fields;
use super::operations;
use super::problem::{Problem, ProblemKind, Problems};
use super::types::{EbsImport, GlacierImport, Kind};
use super::words::JobKind;
use super::{Facility, yaml::Value};

/// Reads them. `None` if there was a problem, or if the facility has no such target.
pub(super) fn read(
    document: &Fields<'_>,
    kind: JobKind,
    facility: Option<&Facility>,
    problems: &mut Problems,
) -> Option<Kind> {
    let erase_device = common::erase_device(document, problems);
    let image = operations::image(document, kind, problems);
    if facility.is_some_and(|facility| !facility.has_image_targets) {
        refuse(document, kind, problems);
    }
    let (erase_device, image) = (erase_device?, image?);
    let region = image.region;
    Some(match kind {
        JobKind::GlacierImport => Kind::GlacierImport(GlacierImport {
            erase_device,
            region,
            vault_name: image.vault_name?,
            archive_comment: image.archive_comment?,
        }),
        JobKind::EbsImport | JobKind::S3Import | JobKind::S3Export => Kind::EbsImport(EbsImport {
            erase_device,
            region,
        }),
    })
}

/// Names the option that asks for what the facility does not have.
fn refuse(document: &Fields<'_>, kind: JobKind, problems: &mut Problems) {
    let destination = document.get("operations").and_then(|operations| {
        let Value::Sequence(items) = &operations.node.value else {
            return None;
        };
        let Value::Mapping(entries) = &items.first()?.value else {
            return None;
        };
        let entry = entries.iter().find(|entry| entry.key == "destination")?;
        Some((entry.node.span, "operations[0].destination"))
    });
    let version = document.get("manifestVersion");
    let version = version.map(|field| (field.node.span, "manifestVersion"));
    let (span, field) = destination.or(version).unzip();
    problems.add(Problem {
        kind: ProblemKind::InvalidField,
        span,
        field: field.unwrap_or_default().to_owned(),
        message: format!(
            "this facility has no target for {kind}s; it takes S3 imports and exports \
             (`manifestVersion: 2.0`)"
        ),
    });
}
