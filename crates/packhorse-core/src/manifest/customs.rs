//! `customs`: what a device that crosses a border is declared as.
//!
//! The members are checked for their type; which of them are required depends on where the
//! facility is, which a manifest alone does not tell.

use super::fields::Field;
use super::names;
use super::problem::{ProblemKind, Problems};
use super::types::Customs;

/// A line of a customs form.
const LINE_BYTES_MAX: usize = 1024;

/// Reads the members; what is wrong is InvalidCustoms.
pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<Customs> {
    let members = field
        .with_kind(ProblemKind::InvalidCustoms)
        .mapping(problems)?;
    for unknown in members.unknown(names::CUSTOMS, problems) {
        let hint = names::hint(unknown.name, names::CUSTOMS);
        problems.warn(
            unknown.at,
            &unknown.path,
            format!("is not known and is ignored{hint}"),
        );
    }
    let text = |name, problems: &mut Problems| {
        let field = members.optional(name)?;
        field.text(LINE_BYTES_MAX, problems).map(str::to_owned)
    };
    let boolean = |name, problems: &mut Problems| members.optional(name)?.boolean(problems);
    Some(Customs {
        data_description: text("dataDescription", problems),
        encrypted_data: boolean("encryptedData", problems),
        encryption_classification: text("encryptionClassification", problems),
        export_certifier_name: text("exportCertifierName", problems),
        requires_export_license: boolean("requiresExportLicense", problems),
        device_value: members
            .optional("deviceValue")
            .and_then(|field| amount(&field, problems)),
        device_country_of_origin: text("deviceCountryOfOrigin", problems),
        device_type: text("deviceType", problems),
        device_hts: text("deviceHTS", problems),
        type_of_export: text("typeOfExport", problems),
    })
}

/// US dollars as written: digits, perhaps with cents.
fn amount(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.word(LINE_BYTES_MAX, problems)?;
    let number = text.strip_prefix('$').unwrap_or(text).trim_start();
    let (whole, cents) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let valid = digits(whole) && digits(cents) && whole.len() <= 12;
    if !valid {
        problems.add(field.wrong("must be the value in US dollars, such as `250.00`"));
    }
    valid.then(|| number.to_owned())
}
