//! The states and provinces of the two countries whose addresses must name one, as their posts
//! abbreviate them.

use keshvar::Alpha2;

/// Canada Post, "Addressing guidelines".
const CANADA: [(&str, &str); 13] = [
    ("AB", "Alberta"),
    ("BC", "British Columbia"),
    ("MB", "Manitoba"),
    ("NB", "New Brunswick"),
    ("NL", "Newfoundland and Labrador"),
    ("NS", "Nova Scotia"),
    ("NT", "Northwest Territories"),
    ("NU", "Nunavut"),
    ("ON", "Ontario"),
    ("PE", "Prince Edward Island"),
    ("QC", "Quebec"),
    ("SK", "Saskatchewan"),
    ("YT", "Yukon"),
];

/// USPS Publication 28, appendix B: states, possessions, military addresses.
const UNITED_STATES: [(&str, &str); 62] = [
    ("AL", "Alabama"),
    ("AK", "Alaska"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("AR", "Arkansas"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DE", "Delaware"),
    ("DC", "District of Columbia"),
    ("FM", "Federated States of Micronesia"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("GU", "Guam"),
    ("HI", "Hawaii"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("IA", "Iowa"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("ME", "Maine"),
    ("MH", "Marshall Islands"),
    ("MD", "Maryland"),
    ("MA", "Massachusetts"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MS", "Mississippi"),
    ("MO", "Missouri"),
    ("MT", "Montana"),
    ("NE", "Nebraska"),
    ("NV", "Nevada"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NY", "New York"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("MP", "Northern Mariana Islands"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PW", "Palau"),
    ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UT", "Utah"),
    ("VT", "Vermont"),
    ("VI", "Virgin Islands"),
    ("VA", "Virginia"),
    ("WA", "Washington"),
    ("WV", "West Virginia"),
    ("WI", "Wisconsin"),
    ("WY", "Wyoming"),
    ("AA", "Armed Forces Americas"),
    ("AE", "Armed Forces Europe"),
    ("AP", "Armed Forces Pacific"),
];

/// Other names that are in use.
const ALSO: [(Alpha2, &str); 5] = [
    (Alpha2::CA, "Québec"),
    (Alpha2::CA, "Newfoundland"),
    (Alpha2::CA, "PQ"),
    (Alpha2::US, "Washington DC"),
    (Alpha2::US, "US Virgin Islands"),
];

fn of(country: Alpha2) -> Option<&'static [(&'static str, &'static str)]> {
    match country {
        Alpha2::CA => Some(&CANADA),
        Alpha2::US => Some(&UNITED_STATES),
        _ => None,
    }
}

/// Whether the country has this state, by its name or its letters, in any case and with or without
/// dots; `None` for a country whose states are not known here.
pub(super) fn has(country: Alpha2, text: &str) -> Option<bool> {
    let states = of(country)?;
    let text = plain(text);
    let also = ALSO.iter().filter(|(of, _)| *of == country);
    let mut names = states.iter().flat_map(|(code, name)| [*code, *name]);
    Some(names.any(|name| plain(name) == text) || also.into_iter().any(|(_, n)| plain(n) == text))
}

/// One of them, for a message.
pub(super) fn example(country: Alpha2) -> &'static str {
    match country {
        Alpha2::CA => "ON",
        _ => "WA",
    }
}

fn plain(name: &str) -> String {
    let marks = |c: &char| !matches!(c, '.' | ',' | ' ' | '-');
    name.chars()
        .filter(marks)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_states_by_name_and_letters() {
        for (country, text, known) in [
            (Alpha2::US, "WA", Some(true)),
            (Alpha2::US, "wa", Some(true)),
            (Alpha2::US, "N.Y.", Some(true)),
            (Alpha2::US, "New  york", Some(true)),
            (Alpha2::US, "Washington, D.C.", Some(true)),
            (Alpha2::US, "AE", Some(true)),
            (Alpha2::US, "ZZ", Some(false)),
            (Alpha2::US, "ON", Some(false)),
            (Alpha2::CA, "ON", Some(true)),
            (Alpha2::CA, "Québec", Some(true)),
            (Alpha2::CA, "WA", Some(false)),
            (Alpha2::DE, "Bayern", None),
        ] {
            assert_eq!(has(country, text), known, "{country:?} {text}");
        }
    }
}
