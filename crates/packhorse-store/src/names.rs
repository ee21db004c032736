//! What names, key ids and secrets may look like.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::types::KeyPair;

/// Long enough for any name a person types, short enough for a table on a screen.
const NAME_CHARS_MAX: usize = 64;

/// Accounts and stations: 1 to 64 of letters, digits, `.`, `-`, `_`, `@`; no leading sign.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
    let first = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    if first && name.len() <= NAME_CHARS_MAX && name.bytes().all(sane) {
        Ok(())
    } else {
        Err(Error::InvalidName(
            "a name is 1 to 64 letters, digits, '.', '-', '_' or '@' and starts with a letter or digit",
        ))
    }
}

/// A key pair that somebody brings along. The id must fit into a V4 credential scope, whose parts
/// are divided by slashes and commas; both halves must fit where S3 stores accept them.
pub(crate) fn check_key_pair(pair: &KeyPair) -> Result<()> {
    let id = pair.access_key_id.as_bytes();
    let id_sane = id
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
    if !(3..=128).contains(&id.len()) || !id_sane {
        return Err(Error::InvalidName(
            "an access key id is 3 to 128 letters, digits, '-' or '_'",
        ));
    }
    let secret = pair.secret.expose().as_bytes();
    if !(8..=128).contains(&secret.len()) || !secret.iter().all(u8::is_ascii_graphic) {
        return Err(Error::InvalidName(
            "a secret access key is 8 to 128 visible ASCII characters",
        ));
    }
    Ok(())
}

/// What PostgreSQL keeps in no text.
const NUL: char = '\0';

/// Whether a name that somebody asks for can be in a database at all.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains(NUL)
}

/// A text from outside as every database keeps it.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    match is_storable(text) {
        true => text.into(),
        false => text
            .replace(NUL, char::REPLACEMENT_CHARACTER.encode_utf8(&mut [0; 4]))
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use packhorse_core::secret::Secret;

    use super::*;

    #[test]
    fn names_are_sane() {
        for (name, sane) in [
            ("a", true),
            ("alice@example.com", true),
            ("", false),
            ("-a", false),
            ("a b", false),
            ("a\n", false),
            ("ä", false),
        ] {
            assert_eq!(check_name(name).is_ok(), sane, "{name:?}");
        }
        assert!(check_name(&"a".repeat(64)).is_ok());
        assert!(check_name(&"a".repeat(65)).is_err());
    }

    #[test]
    fn key_pairs_have_bounds() {
        let check = |id: &str, secret: &str| {
            check_key_pair(&KeyPair {
                access_key_id: id.into(),
                secret: Secret::new(secret),
            })
            .is_ok()
        };
        assert!(check(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        ));
        assert!(!check("AK", "12345678"));
        assert!(!check("AK/IA", "12345678"));
        assert!(!check("AKIA", "1234567"));
        assert!(!check("AKIA", "1234 5678"));
        assert!(!check(&"A".repeat(129), "12345678"));
    }
}
