//! Names as customers write them, and which option a misspelt one was probably meant to be.

use super::options;

/// A longer text is no misspelt name: comparing it would only cost time.
const NAME_CHARS_MAX: usize = 48;

/// Whether some kind of manifest knows the name at some place.
pub(super) fn is_known(name: &str) -> bool {
    options::all().any(|(_, row)| row.name == name)
}

/// Whether `name` is a secret option, however it is spelt.
pub(super) fn is_secret(name: &str) -> bool {
    let plausible = 5..=24; // bytes of the shortest and longest misspelling
    plausible.contains(&name.len()) && nearest(name, options::secrets()).is_some()
}

/// Words that nobody calls anything but a secret, each with the option that is meant.
const SECRET_WORDS: [(&str, Option<&str>); 8] = [
    ("password", Some(PASSWORD)),
    ("passwd", Some(PASSWORD)),
    ("passphrase", Some(PASSWORD)),
    ("pwd", Some(PASSWORD)),
    ("truecrypt", Some(PASSWORD)),
    ("passcode", Some(PIN)),
    ("pin", Some(PIN)),
    ("secret", None),
];
const PASSWORD: &str = "trueCryptPassword";
const PIN: &str = "pinCode";

/// Whether the value under `name`, where an option belongs, must be hidden: it is a secret option,
/// or was meant to be one.
pub(super) fn looks_secret(name: &str) -> bool {
    is_secret(name) || (secret_word(name).is_some() && !is_known(name))
}

/// The secret word in a name: a whole word of it, or a long one anywhere.
fn secret_word(name: &str) -> Option<Option<&'static str>> {
    let plausible = 3..=NAME_CHARS_MAX; // from the shortest of the words
    if !plausible.contains(&name.len()) {
        return None;
    }
    let plain = plain(name);
    let whole = |word: &str| words(name).any(|one| one.eq_ignore_ascii_case(word));
    let found = |(word, _): &&(&str, _)| match word.len() {
        ..6 => plain == *word || whole(word),
        _ => plain.contains(word),
    };
    SECRET_WORDS.iter().find(found).map(|(_, meant)| *meant)
}

/// The words of `devicePin`, `device_pin` and `DEVICE PIN`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let humps = |part: &str| {
        let starts = part.char_indices().zip(part.chars().skip(1));
        let ends = starts.filter(|((_, c), next)| c.is_lowercase() && next.is_uppercase());
        ends.map(|((at, c), _)| at + c.len_utf8())
            .collect::<Vec<_>>()
    };
    let parts = name.split(|c: char| !c.is_alphanumeric());
    parts.flat_map(move |part| {
        let ends = humps(part);
        let starts = std::iter::once(0).chain(ends.clone());
        let ends = ends.into_iter().chain([part.len()]);
        starts
            .zip(ends)
            .filter_map(|(start, end)| part.get(start..end))
    })
}

/// What to write instead of a name that looks like a secret's.
pub(super) fn secret_hint(name: &str, known: &[&str]) -> String {
    let meant = nearest(name, options::secrets());
    match meant.or_else(|| secret_word(name).flatten()) {
        Some(meant) if known.contains(&meant) => {
            format!("; did you mean `{meant}` (without indentation)?")
        }
        _ => "; take it out: a manifest of this kind has no place for it".to_owned(),
    }
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

/// Tells a letter that only looks like one of ASCII from it, as the end of a message; or nothing.
pub(super) fn foreign_letter(text: &str) -> String {
    let foreign = text.chars().find(|c| !c.is_ascii() && c.is_alphabetic());
    let said = foreign.map(|c| format!("; `{c}` in it is U+{:04X}, not a to z", u32::from(c)));
    said.unwrap_or_default()
}

/// `, did you mean "x"?` or nothing.
pub(super) fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(meant) => format!("; did you mean `{meant}`?{}", foreign_letter(name)),
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
        for name in [
            "password",
            "Password",
            "devicePin",
            "PIN",
            "pin_number",
            "secretAccessKey",
        ] {
            assert!(looks_secret(name) && !is_secret(name), "{name}");
        }
        for name in ["spinning", "bucket", "pincer", "", "prefix"] {
            assert!(!looks_secret(name), "{name}");
        }
        for (_, row) in options::all() {
            assert_eq!(looks_secret(row.name), row.is_secret(), "{}", row.name);
        }
        assert_eq!(before_secret("{pincode: 1234}"), "{pincode");
    }
}
