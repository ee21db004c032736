//! Form encoding, strictly read.

use std::borrow::Cow;

use crate::percent;

/// What is wrong with the encoding of a name or value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A `%` without two hex digits.
    Percent,
    /// The bytes are not UTF-8.
    Utf8,
}

impl Flaw {
    /// Completes the sentence "X …".
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Percent => "has a % that two hex digits do not follow",
            Self::Utf8 => "is not UTF-8",
        }
    }
}

/// The pairs of a form, in order; empty pieces (`a=1&&b=2`) do not count.
pub(super) fn pairs(raw: &str) -> impl Iterator<Item = (&str, &str)> {
    raw.split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
}

/// Decodes a name or value; `+` and `%20` are both a blank.
pub(super) fn decode(raw: &str) -> Result<String, Flaw> {
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        let is_hex = |digit: Option<u8>| digit.is_some_and(|digit| digit.is_ascii_hexdigit());
        if byte == b'%' && !(is_hex(rest.next()) && is_hex(rest.next())) {
            return Err(Flaw::Percent);
        }
    }
    match percent::decode_form(raw) {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(str::to_owned).ok(),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok(),
    }
    .ok_or(Flaw::Utf8)
}

/// Encodes pairs as a form, as the body of a POST or the query of a GET.
pub fn encode_form<N: AsRef<str>, V: AsRef<str>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        percent::push_component(&mut out, name.as_ref().as_bytes());
        out.push('=');
        percent::push_component(&mut out, value.as_ref().as_bytes());
    }
    out
}
