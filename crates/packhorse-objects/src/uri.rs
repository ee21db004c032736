//! Percent-encoding as S3 signs it: everything but the unreserved characters of RFC 3986.

use packhorse_wire::percent;
use percent_encoding::percent_decode_str;

/// A key as it stands in a path: slashes stay, dot segments stay.
pub(crate) fn encode_path(text: &str, into: &mut String) {
    into.push_str(&percent::encode_path(text.as_bytes()));
}

/// One name or value of a query, also one path segment.
pub(crate) fn encode_query(text: &str, into: &mut String) {
    into.push_str(&percent::encode_component(text.as_bytes()));
}

/// Reads back what [`encode_path`] or [`encode_query`] wrote; `None` when it is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(|text| text.into_owned())
}

/// Reads a name of a listing with `encoding-type=url`, where the original service writes a space
/// as `+`.
pub(crate) fn decode_listed(text: &str) -> Option<String> {
    decode(&text.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_slashes_and_dots_of_a_path_and_nothing_else() {
        let mut path = String::new();
        encode_path("a//b/../ü+ ~*'", &mut path);
        assert_eq!(path, "a//b/../%C3%BC%2B%20~%2A%27");
    }

    #[test]
    fn a_listed_plus_is_a_space() {
        assert_eq!(decode_listed("a+b%2Bc").as_deref(), Some("a b+c"));
        assert_eq!(decode_listed("%ff"), None);
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in any::<String>()) {
            let (mut path, mut query) = (String::new(), String::new());
            encode_path(&text, &mut path);
            encode_query(&text, &mut query);
            prop_assert_eq!(decode(&path), Some(text.clone()));
            prop_assert_eq!(decode_listed(&query), Some(text));
        }
    }
}
