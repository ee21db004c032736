//! What the table of options alone can tell of a mapping: what is missing, what is not known, and
//! what this kind or version of manifest does not have.

use super::fields::{Field, Fields};
use super::names;
use super::options::{self, Place, Row};
use super::problem::{ProblemKind, Problems};
use super::words::{JobKind, ManifestVersion, Word as _};

/// Compares the members with the table.
pub(super) fn check(
    members: &Fields<'_>,
    kind: JobKind,
    version: Option<ManifestVersion>,
    problems: &mut Problems,
) {
    let Some(place) = members.place else { return };
    let of_kind = || place.rows().iter().filter(|row| row.is_of(kind));
    for row in of_kind().filter(|row| row.is_required(kind)) {
        if let Some(problem) = members.missing(row) {
            problems.add(problem);
        }
    }
    for row in of_kind().filter(|row| version.is_some_and(|version| version < row.since)) {
        if let Some(field) = members.get(row.name) {
            let since = row.since.code();
            let message = format!("is only available with `manifestVersion: {since}`");
            problems.add(field.wrong_name(message));
        }
    }
    let is_known = |name: &str| place.row(name).is_some_and(|row| row.is_of(kind));
    let (unknown, more) = members.unknown(is_known);
    for field in unknown {
        self::unknown(&field, place, kind, problems);
    }
    let fault = match place {
        Place::Packhorse => ProblemKind::InvalidField,
        _ => problems.tolerated(ProblemKind::InvalidField),
    };
    problems.drop(fault, more);
}

/// An option nobody reads. It is ignored, as the original did, but for a member of `packhorse:`:
/// nobody wrote these by accident, and leaving one out silently could cost data.
fn unknown(field: &Field<'_>, place: Place, kind: JobKind, problems: &mut Problems) {
    let known = options::names(place, kind);
    let hint = names::hint(field.name, &known);
    if place == Place::Packhorse {
        let known = known.join(", ");
        if let Some(row) = place.row(field.name) {
            let kinds: Vec<String> = row.kinds.iter().map(|kind| format!("{kind}s")).collect();
            let (kinds, this) = (kinds.join(", "), article(kind));
            let message = format!("is for {kinds}; known in {this}: {known}");
            problems.add(field.wrong_name(message));
            return;
        }
        problems.add(field.wrong_name(format!("is not known; known: {known}{hint}")));
        return;
    }
    if place == Place::Document && field.name == Place::Packhorse.name() {
        problems.add(field.wrong_name(format!("has no options for {}", article(kind))));
        return;
    }
    if field.name == "<<" {
        let message = "is ignored: merge keys of YAML are not read; write the options themselves";
        problems.tolerate(
            ProblemKind::InvalidField,
            field.at,
            &field.path,
            message.to_owned(),
        );
        return;
    }
    let message = match (place.row(field.name), elsewhere(field.name, place, kind)) {
        (Some(row), _) => {
            let kinds: Vec<String> = row.kinds.iter().map(|kind| format!("{kind}s")).collect();
            let kinds = kinds.join(", ");
            format!(
                "is an option of {kinds} and is ignored in {}",
                article(kind)
            )
        }
        (None, Some(advice)) => format!("is ignored here; {advice}"),
        (None, None) if names::looks_secret(field.name) => format!(
            "is not known and is ignored{}",
            names::secret_hint(field.name, &options::names(Place::Document, kind))
        ),
        (None, None) => format!("is not known and is ignored{hint}"),
    };
    problems.tolerate(ProblemKind::InvalidField, field.at, &field.path, message);
}

/// How to write an option that belongs to another mapping.
fn elsewhere(name: &str, here: Place, kind: JobKind) -> Option<String> {
    let is_there = |place: &Place| {
        let row: Option<&Row> = place.row(name);
        *place != here && row.is_some_and(|row| row.is_of(kind))
    };
    let place = Place::ALL.into_iter().find(is_there)?;
    let owner = place.name();
    Some(match place {
        Place::Document => {
            format!("it is an option of the manifest itself: write `{name}: …` without indentation")
        }
        Place::Packhorse => format!("it belongs under `{owner}:`, as `  {name}: …`"),
        Place::ReturnAddress | Place::Customs => {
            format!("indent it below `{owner}:`, as `  {name}: …`")
        }
        Place::Operation => {
            format!("it belongs into an entry of `{owner}:`, as `    {name}: …`")
        }
    })
}

/// The kind as a sentence has it: `an S3 import`.
pub(super) fn article(kind: JobKind) -> String {
    match kind {
        JobKind::S3Import | JobKind::S3Export | JobKind::EbsImport => format!("an {kind}"),
        JobKind::GlacierImport => format!("a {kind}"),
    }
}
