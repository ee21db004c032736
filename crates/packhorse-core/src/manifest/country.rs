//! Countries as customers write them.

use std::collections::HashMap;
use std::sync::LazyLock;

use keshvar::{Alpha2, Alpha3, Country, CountryIterator};
use regex::Regex;

/// Longer than the longest name of a country; what is longer is not looked up.
const NAME_BYTES_MAX: usize = 128;
/// A shorter text is a code, and every code is near to many others.
const NAME_CHARS_MIN: usize = 4;
/// Of so many letters one may be wrong.
const LETTERS_PER_SLIP: usize = 4;

/// The country of a name or code, in any case and with or without dots.
pub(super) fn find(text: &str) -> Option<Country> {
    if text.len() > NAME_BYTES_MAX {
        return None;
    }
    let code = NAMES.get(plain(text).as_str())?;
    Some(code.to_country())
}

/// What to write instead of a name that no country has, as the end of a message; or nothing.
pub(super) fn hint(text: &str) -> String {
    let meant = nearest(text).map(|meant| format!("; did you mean `{meant}`?"));
    meant.unwrap_or_default()
}

/// The usual name of the country that a name nobody has was probably meant to be: one that differs
/// in a few letters, or whose name in some language has this word.
fn nearest(text: &str) -> Option<&'static str> {
    let written = plain(text);
    let length = written.chars().count();
    if !(NAME_CHARS_MIN..=NAME_BYTES_MAX).contains(&length) {
        return None;
    }
    let tolerance = length / LETTERS_PER_SLIP;
    let slips = NAMES.iter().filter_map(|(name, code)| {
        let is_name = name.chars().nth(NAME_CHARS_MIN - 1).is_some();
        let close = is_name && name.chars().count().abs_diff(length) <= tolerance;
        let distance = close.then(|| strsim::osa_distance(&written, name))?;
        (distance <= tolerance).then(|| (distance, code.to_string(), *code))
    });
    let of_letters = slips.min_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let code = of_letters.map(|(_, _, code)| code).or_else(|| {
        let has_word = |name: &str| name.split_whitespace().any(|word| word == written);
        let mut found = NAMES.iter().filter(|(name, _)| has_word(name));
        let (_, first) = found.next()?;
        found.all(|(_, code)| code == first).then_some(*first)
    })?;
    Some(code.to_country().iso_short_name())
}

/// Whether a device that goes from one to the other has to pass customs.
pub(super) fn is_border(from: &Country, to: &Country) -> bool {
    let union = from.eu_member() && to.eu_member();
    from.alpha2() != to.alpha2() && !union
}

/// Whether the postal code has the form of the country's; `None` when that is not known.
pub(super) fn fits(country: &Country, code: &str) -> Option<bool> {
    let whole = Regex::new(&whole(country.postal_code_format()?)).ok()?;
    Some(whole.is_match(code.trim()))
}

/// The format as an expression for the whole code. Without Unicode, `\d` is ten characters and not
/// hundreds, and the expression compiles many times faster.
fn whole(format: &str) -> String {
    format!("^(?i-u:{format})$")
}

/// Each spelling and its country. Names that more than one country goes by are left out.
static NAMES: LazyLock<HashMap<String, Alpha2>> = LazyLock::new(|| {
    let mut names: HashMap<String, Option<Alpha2>> = HashMap::new();
    let mut add = |name: &str, code: Alpha2| {
        let known = names.entry(plain(name)).or_insert(Some(code));
        if *known != Some(code) {
            *known = None;
        }
    };
    for country in CountryIterator::new() {
        let code = country.alpha2();
        for name in country.unofficial_name_list() {
            add(name, code);
        }
        add(country.iso_long_name(), code);
        add(country.iso_short_name(), code);
    }
    let mut names: HashMap<String, Alpha2> = names
        .into_iter()
        .filter_map(|(name, code)| Some((name, code?)))
        .collect();
    // Codes and the usual short names win over what another country may be called somewhere.
    for country in CountryIterator::new() {
        let code = country.alpha2();
        names.insert(plain(country.iso_short_name()), code);
        names.insert(plain(&code.to_string()), code);
        names.insert(plain(&Alpha3::from(code).to_string()), code);
    }
    for (name, code) in [
        ("uk", Alpha2::GB),
        ("united kingdom", Alpha2::GB),
        ("great britain", Alpha2::GB),
        ("united states", Alpha2::US),
    ] {
        names.insert(name.to_owned(), code);
    }
    names
});

/// What matters of a name.
fn plain(name: &str) -> String {
    let letters = name.trim().chars().filter(|c| *c != '.');
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<Alpha2> {
        find(text).map(|country| country.alpha2())
    }

    #[test]
    fn knows_codes_names_and_usual_spellings() {
        for (text, expected) in [
            ("USA", Alpha2::US),
            ("us", Alpha2::US),
            ("U.S.A.", Alpha2::US),
            (" United States of America ", Alpha2::US),
            ("United States", Alpha2::US),
            ("CAN", Alpha2::CA),
            ("Deutschland", Alpha2::DE),
            ("UK", Alpha2::GB),
            ("Great Britain", Alpha2::GB),
            ("United Kingdom", Alpha2::GB),
            ("Ireland", Alpha2::IE),
            ("The Netherlands", Alpha2::NL),
            ("Japan", Alpha2::JP),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
        for text in ["", "Atlantis", "XX", &"x".repeat(200)] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn guesses_the_country_of_a_misspelt_name_and_of_none_that_could_be_any() {
        for (text, expected) in [
            ("Amerika", Some(Alpha2::US)),
            ("Germny", Some(Alpha2::DE)),
            ("Untied States", Some(Alpha2::US)),
            ("Unted Kingdom", Some(Alpha2::GB)),
            ("Swizerland", Some(Alpha2::CH)),
            ("Atlantis", None),
            ("Republic", None),
            ("XX", None),
            ("", None),
        ] {
            let name = expected.map(|code| code.to_country().iso_short_name());
            assert_eq!(nearest(text), name, "{text}");
        }
    }

    #[test]
    fn knows_where_customs_are_passed() {
        for (from, to, border) in [
            ("US", "US", false),
            ("US", "CA", true),
            ("DE", "IE", false),
            ("DE", "CH", true),
            ("GB", "IE", true),
        ] {
            let (from, to) = (find(from).unwrap(), find(to).unwrap());
            assert_eq!(is_border(&from, &to), border, "{from:?} {to:?}");
        }
    }

    #[test]
    fn knows_the_form_of_postal_codes() {
        for (country, postal_code, fit) in [
            ("DE", "10115", Some(true)),
            ("DE", "1011", Some(false)),
            ("GB", "sw1a 1aa", Some(true)),
            ("CA", "K1A 0B1", Some(true)),
            ("CA", "98101", Some(false)),
            ("AE", "1", None),
        ] {
            let country = find(country).unwrap();
            assert_eq!(fits(&country, postal_code), fit, "{postal_code}");
        }
        for country in CountryIterator::new() {
            let format = country.postal_code_format();
            let readable = format.is_none_or(|format| Regex::new(&whole(format)).is_ok());
            assert!(readable, "{:?} {format:?}", country.alpha2());
        }
    }
}
