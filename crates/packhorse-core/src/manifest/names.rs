//! Names as customers write them, and which option a misspelt one was probably meant to be.

use super::options;

/// A longer text is no misspelt name: comparing it would only cost time.
const NAME_CHARS_MAX: usize = 48;

/// Whether some kind of manifest knows the name at some place.
pub(super) fn is_known(name: &str) -> bool {
    options::all().any(|(_, row)| row.name == name)
}

/// Whether the value under `name` must be hidden: a secret option, however it is spelt.
pub(super) fn is_secret(name: &str) -> bool {
    let plausible = 5..=24; // bytes of the shortest and longest misspelling
    plausible.contains(&name.len()) && nearest(name, options::secrets()).is_some()
}

/// The part of `text` before the end of a secret option's name in it.
pub(super) fn before_secret(text: &str) -> &str {
    let lower = text.to_ascii_lowercase();
    let ends = options::secrets().iter().filter_map(|name| {
        let at = lower.find(&name.to_ascii_lowercase())?;
        Some(at + name.len())
    });
    ends.min().and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The known name that `name` was probably meant to be.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.chars().nth(NAME_CHARS_MAX).is_some() {
        return None;
    }
    let plain = plain(name);
    let length = plain.chars().count();
    let tolerance = (length / 4).max(1);
    known
        .iter()
        .filter(|known| known.len().abs_diff(length) <= tolerance)
        .map(|known| (strsim::osa_distance(&plain, &self::plain(known)), *known))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// What matters of a name: `true_crypt_password` is `trueCryptPassword`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// `, did you mean "x"?` or nothing.
pub(super) fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::JobKind;
    use crate::manifest::options::Place;

    #[test]
    fn finds_the_name_that_was_meant() {
        let known = options::names(Place::Document, JobKind::S3Import);
        for (written, meant) in [
            ("buckt", Some("bucket")),
            ("Bucket", Some("bucket")),
            ("storage_class", Some("storageClass")),
            ("ingore", Some("ignore")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, &known), meant, "{written}");
        }
    }

    #[test]
    fn knows_a_secret_in_any_spelling() {
        for name in ["pinCode", "pincode", "pin_code", "trueCryptPasword"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("postalCode"));
        assert_eq!(before_secret("{pincode: 1234}"), "{pincode");
    }
}
