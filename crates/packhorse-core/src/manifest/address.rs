//! `returnAddress`: where the device goes back to.

use super::common::not_blank;
use super::fields::{Field, Fields};
use super::names;
use super::problem::{ProblemKind, Problems, shown};
use super::types::Address;

/// One line of an address; carriers print at most a few dozen characters.
const LINE_BYTES_MAX: usize = 512;

/// How the United States and Canada, where a state or province is required, are written.
const UNITED_STATES: &[&str] = &["us", "usa", "united states", "united states of america"];
const CANADA: &[&str] = &["ca", "can", "canada"];

/// Reads the address; `None` if a required part is missing or wrong.
pub(super) fn read(field: Field<'_>, problems: &mut Problems) -> Option<Address> {
    let field = field.with_kind(ProblemKind::InvalidAddress);
    let members = field.mapping(problems)?;
    for unknown in members.unknown(names::ADDRESS, problems) {
        let hint = names::hint(unknown.name, names::ADDRESS);
        problems.warn(
            unknown.at,
            &unknown.path,
            format!("is not known and is ignored{hint}"),
        );
    }
    let required = |name, problems: &mut Problems| {
        let field = members.required(name, "it as a part of the return address", problems)?;
        not_blank(&field, LINE_BYTES_MAX, problems)
    };
    let name = required("name", problems);
    let street1 = required("street1", problems);
    let city = required("city", problems);
    let postal_code = required("postalCode", problems);
    let phone_number = required("phoneNumber", problems);
    let country = required("country", problems);
    let nation = country.as_deref().map(normal).unwrap_or_default();
    let (in_us, in_canada) = (is_in(&nation, UNITED_STATES), is_in(&nation, CANADA));
    let state_or_province = if in_us || in_canada {
        required("stateOrProvince", problems)
    } else {
        optional(&members, "stateOrProvince", problems)
    };
    if in_us {
        check_zip(&members, postal_code.as_deref(), problems);
    }
    check_phone(&members, phone_number.as_deref(), problems);
    let address = Address {
        name: name?,
        company: optional(&members, "company", problems),
        street1: street1?,
        street2: optional(&members, "street2", problems),
        street3: optional(&members, "street3", problems),
        city: city?,
        state_or_province,
        postal_code: postal_code?,
        phone_number: phone_number?,
        country: country?,
    };
    warn_of_post_boxes(&members, &address, problems);
    Some(address)
}

fn optional(members: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<String> {
    let field = members.optional(name)?;
    let text = field.text(LINE_BYTES_MAX, problems)?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn normal(country: &str) -> String {
    country.trim().replace('.', "").to_lowercase()
}

fn is_in(nation: &str, spellings: &[&str]) -> bool {
    spellings.contains(&nation)
}

/// Five digits, or nine with a dash. A spreadsheet that dropped a leading zero is caught here.
fn check_zip(members: &Fields<'_>, code: Option<&str>, problems: &mut Problems) {
    let (Some(code), Some(field)) = (code, members.optional("postalCode")) else {
        return;
    };
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let valid = match code.trim().split_once('-') {
        Some((zip, four)) => digits(zip, 5) && digits(four, 4),
        None => digits(code.trim(), 5),
    };
    if !valid {
        problems.add(field.wrong(format!(
            "{} is no postal code of the USA: five digits, or five and four with a dash",
            shown(code)
        )));
    }
}

fn check_phone(members: &Fields<'_>, phone: Option<&str>, problems: &mut Problems) {
    let (Some(phone), Some(field)) = (phone, members.optional("phoneNumber")) else {
        return;
    };
    if !phone.chars().any(|c| c.is_ascii_digit()) {
        problems.add(field.wrong(format!("{} has no digits", shown(phone))));
    }
}

/// A post office box is no error: whether the facility's carrier reaches it, the operator knows.
fn warn_of_post_boxes(members: &Fields<'_>, address: &Address, problems: &mut Problems) {
    let lines = [
        ("street1", Some(&address.street1)),
        ("street2", address.street2.as_ref()),
        ("street3", address.street3.as_ref()),
    ];
    for (name, line) in lines {
        let (Some(line), Some(field)) = (line, members.optional(name)) else {
            continue;
        };
        let letters = line.chars().filter(|c| !matches!(c, '.' | ' '));
        let squeezed: String = letters.flat_map(char::to_lowercase).collect();
        if squeezed.starts_with("pobox") || squeezed.starts_with("postofficebox") {
            let message = "looks like a post office box, which carriers do not deliver to; give \
                           a street address";
            field.warn(problems, message);
        }
    }
}
