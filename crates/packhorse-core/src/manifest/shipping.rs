//! What the way from the facility back to the customer asks for.

use super::Facility;
use super::country;
use super::customs;
use super::fields::Fields;
use super::problem::{Problem, ProblemKind, Problems, shown};
use super::words::ServiceLevel;

/// Checks customs and service level against the facility's country, if that is known.
pub(super) fn check(
    document: &Fields<'_>,
    facility: &Facility,
    to: &str,
    service_level: ServiceLevel,
    problems: &mut Problems,
) {
    let Some(from) = facility.country.as_deref().and_then(country::find) else {
        return;
    };
    let Some(to) = country::find(to) else {
        let address = document.get("returnAddress");
        problems.add(Problem {
            kind: ProblemKind::InvalidAddress,
            span: address.map(|field| field.at),
            field: "returnAddress.country".to_owned(),
            message: format!(
                "{} is no country that is known here, so whether the device passes customs cannot \
                 be told; write its English name or its ISO 3166 code{}",
                shown(to),
                country::hint(to)
            ),
        });
        return;
    };
    if country::is_border(&from, &to) {
        let way = format!("from {} to {}", from.iso_short_name(), to.iso_short_name());
        customs::require(document, &way, problems);
    }
    if service_level == ServiceLevel::ExpeditedShipping
        && from.alpha2() != to.alpha2()
        && let Some(field) = document.get("serviceLevel")
    {
        problems.add(field.wrong(format!(
            "expeditedShipping is only for addresses in the facility's country, {}; write \
             `serviceLevel: standard`",
            from.iso_short_name()
        )));
    }
}
