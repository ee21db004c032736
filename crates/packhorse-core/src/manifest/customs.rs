//! `customs`: what a device that crosses a border is declared as.

use super::availability;
use super::fields::{Field, Fields};
use super::options::limits::{CUSTOMS_LINE_BYTES_MAX, DOLLARS_DIGITS_MAX};
use super::options::{Need, Place, Row};
use super::problem::{Problem, ProblemKind, Problems};
use super::types::Customs;
use super::words::JobKind;

/// Reads the members; what is wrong is InvalidCustoms. Which of them are required depends on where
/// the facility is: see [`require`].
pub(super) fn read(field: Field<'_>, kind: JobKind, problems: &mut Problems) -> Option<Customs> {
    let members = field
        .with_kind(ProblemKind::InvalidCustoms)
        .members(Place::Customs, problems)?;
    availability::check(&members, kind, None, problems);
    let text = |name, problems: &mut Problems| {
        let field = members.get(name)?;
        field.not_blank(CUSTOMS_LINE_BYTES_MAX, problems)
    };
    let boolean = |name, problems: &mut Problems| members.get(name)?.boolean(problems);
    Some(Customs {
        data_description: text("dataDescription", problems),
        encrypted_data: boolean("encryptedData", problems),
        encryption_classification: text("encryptionClassification", problems),
        export_certifier_name: text("exportCertifierName", problems),
        requires_export_license: boolean("requiresExportLicense", problems),
        device_value: members
            .get("deviceValue")
            .and_then(|field| amount(&field, problems)),
        device_country_of_origin: text("deviceCountryOfOrigin", problems),
        device_type: text("deviceType", problems),
        device_hts: text("deviceHTS", problems),
        type_of_export: text("typeOfExport", problems),
    })
}

/// Adds what is missing of the customs of a device that goes this way.
pub(super) fn require(document: &Fields<'_>, way: &str, problems: &mut Problems) {
    let Some(field) = document.get(Place::Customs.name()) else {
        let names: Vec<&str> = required(false).map(|row| row.name).collect();
        let last = "encryptionClassification when encryptedData is yes";
        problems.add(Problem {
            kind: ProblemKind::MissingCustoms,
            span: None,
            field: Place::Customs.name().to_owned(),
            message: format!(
                "is missing, and the device passes customs on its way {way}; write {}, and {last}, \
                 in indented lines below it",
                names.join(", ")
            ),
        });
        return;
    };
    let mut unsaid = Problems::default(); // What is wrong with it was said when it was read.
    let Some(members) = field.members(Place::Customs, &mut unsaid) else {
        return;
    };
    let encrypted = members.get("encryptedData");
    let encrypted = encrypted.and_then(|field| field.boolean(&mut unsaid));
    for row in required(encrypted == Some(true)) {
        if let Some(problem) = members.missing(row) {
            problems.add(Problem {
                kind: ProblemKind::MissingCustoms,
                ..problem
            });
        }
    }
}

/// The members that a device must have that crosses a border.
fn required(is_encrypted: bool) -> impl Iterator<Item = &'static Row> {
    let rows = Place::Customs.rows().iter();
    rows.filter(move |row| {
        let conditional = matches!(row.need, Need::When(_));
        conditional && (is_encrypted || row.name != "encryptionClassification")
    })
}

/// US dollars as written: digits, perhaps with cents.
fn amount(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.word(problems)?;
    let number = text.strip_prefix('$').unwrap_or(text).trim_start();
    let (whole, cents) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let valid = digits(whole) && digits(cents) && whole.len() <= DOLLARS_DIGITS_MAX;
    if !valid {
        problems.add(field.wrong("must be the value in US dollars, such as `250.00`"));
    }
    valid.then(|| number.to_owned())
}
