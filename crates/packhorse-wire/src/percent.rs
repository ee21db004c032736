//! Percent-encoding as the signatures want it: only `A-Z a-z 0-9 - _ . ~` stay as they are, hex in
//! capitals (Signature Version 4, "Create a canonical request", function `UriEncode`).

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The same for a whole path: slashes stay.
const PATH: &AsciiSet = &COMPONENT.remove(b'/');

/// Appends a query name or value.
pub(crate) fn push_component(out: &mut String, raw: &[u8]) {
    out.extend(percent_encode(raw, COMPONENT));
}

/// Appends a path.
pub(crate) fn push_path(out: &mut String, raw: &[u8]) {
    out.extend(percent_encode(raw, PATH));
}

/// The key or path of an object as it must stand in a request: each byte encoded once, slashes
/// kept.
pub fn encode_path(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    push_path(&mut out, raw);
    out
}

/// A query name or value as it must stand in a request.
pub fn encode_component(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    push_component(&mut out, raw);
    out
}

/// Undoes percent-encoding; a `%` without two hex digits stands for itself.
pub(crate) fn decode(raw: &str) -> Cow<'_, [u8]> {
    percent_decode(raw.as_bytes()).into()
}

/// Undoes form encoding: like [`decode`], and `+` is a blank.
pub(crate) fn decode_form(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        let blanks = raw.replace('+', " ");
        Cow::Owned(percent_decode(blanks.as_bytes()).collect())
    } else {
        decode(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_the_unreserved_characters() {
        assert_eq!(encode_component(b"aZ09-_.~ /*'()!+%"), {
            "aZ09-_.~%20%2F%2A%27%28%29%21%2B%25"
        });
        assert_eq!(encode_path("a b/ü+".as_bytes()), "a%20b/%C3%BC%2B");
    }

    #[test]
    fn a_plus_is_a_blank_in_forms_only() {
        assert_eq!(decode_form("a+b%2B%zz").as_ref(), b"a b+%zz");
        assert_eq!(decode("a+b%2B").as_ref(), b"a+b+");
    }
}
