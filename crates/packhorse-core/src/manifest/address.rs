//! `returnAddress`: where the device goes back to.

use keshvar::{Alpha2, Country};

use super::fields::{Field, Fields};
use super::options::Place;
use super::options::limits::ADDRESS_LINE_BYTES_MAX;
use super::problem::{ProblemKind, Problems, shown};
use super::types::Address;
use super::words::JobKind;
use super::yaml::Value;
use super::{availability, country, states};

/// Reads the address; `None` if a required part is missing or wrong.
pub(super) fn read(field: Field<'_>, kind: JobKind, problems: &mut Problems) -> Option<Address> {
    let field = field.with_kind(ProblemKind::InvalidAddress);
    let members = field.members(Place::ReturnAddress, problems)?;
    availability::check(&members, kind, None, problems);
    let line = |name, problems: &mut Problems| {
        let field = members.get(name)?;
        field.not_blank(ADDRESS_LINE_BYTES_MAX, problems)
    };
    let (name, street1) = (line("name", problems), line("street1", problems));
    let city = line("city", problems);
    let phone_number = line("phoneNumber", problems);
    let country = line("country", problems);
    check_phone(&members, phone_number.as_deref(), problems);
    let nation = country.as_deref().and_then(country::find);
    if let Some(nation) = &nation {
        require_by_country(&members, nation, problems);
        check_postal_code(&members, nation, problems);
        check_state(&members, nation, problems);
    }
    let address = Address {
        company: optional(&members, "company", problems),
        street2: optional(&members, "street2", problems),
        street3: optional(&members, "street3", problems),
        state_or_province: line("stateOrProvince", problems),
        postal_code: line("postalCode", problems),
        name: name?,
        street1: street1?,
        city: city?,
        phone_number: phone_number?,
        country: country?,
    };
    if nation.is_none()
        && let Some(field) = members.get("country")
    {
        let message = format!(
            "{} is no country that is known here; write its English name or its ISO 3166 code{}",
            shown(&address.country),
            country::hint(&address.country)
        );
        field.warn(problems, message);
    }
    warn_of_post_boxes(&members, &address, problems);
    Some(address)
}

/// A line that may be blank.
fn optional(members: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<String> {
    let field = members.get(name)?;
    let text = field.text(ADDRESS_LINE_BYTES_MAX, problems)?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// What not every country's addresses have.
fn require_by_country(members: &Fields<'_>, nation: &Country, problems: &mut Problems) {
    let has_states = matches!(nation.alpha2(), Alpha2::US | Alpha2::CA);
    let state = has_states.then_some("stateOrProvince");
    let code = nation.postal_code().then_some("postalCode");
    for name in [state, code].into_iter().flatten() {
        let row = Place::ReturnAddress.row(name);
        if let Some(problem) = row.and_then(|row| members.missing(row)) {
            problems.add(problem);
        }
    }
}

/// In the United States and Canada a code of another form is wrong: a spreadsheet that dropped a
/// leading zero is caught here. Elsewhere it is only doubtful.
fn check_postal_code(members: &Fields<'_>, nation: &Country, problems: &mut Problems) {
    let Some(field) = members.get("postalCode") else {
        return;
    };
    let Value::Scalar { text: code, .. } = &field.node.value else {
        return;
    };
    if code.trim().is_empty() || country::fits(nation, code) != Some(false) {
        return;
    }
    let code = shown(code);
    let name = nation.iso_short_name();
    match nation.alpha2() {
        Alpha2::US => problems.add(field.wrong(format!(
            "{code} is no postal code of the USA: five digits, or five and four with a dash"
        ))),
        Alpha2::CA => problems.add(field.wrong(format!(
            "{code} is no postal code of Canada: it has the form `A1A 1A1`"
        ))),
        _ => field.warn(
            problems,
            format!("{code} does not have the form of a postal code of {name}"),
        ),
    }
}

/// What is written there is printed on the label: a state that is none is only doubtful.
fn check_state(members: &Fields<'_>, nation: &Country, problems: &mut Problems) {
    let Some(field) = members.get("stateOrProvince") else {
        return;
    };
    let Value::Scalar { text: state, .. } = &field.node.value else {
        return;
    };
    if !state.trim().is_empty() && states::has(nation.alpha2(), state) == Some(false) {
        let message = format!(
            "{} is no state or province of {}; write its two letters, such as `{}`",
            shown(state),
            nation.iso_short_name(),
            states::example(nation.alpha2()),
        );
        field.tolerate(problems, message);
    }
}

fn check_phone(members: &Fields<'_>, phone: Option<&str>, problems: &mut Problems) {
    let (Some(phone), Some(field)) = (phone, members.get("phoneNumber")) else {
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
        let (Some(line), Some(field)) = (line, members.get(name)) else {
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
