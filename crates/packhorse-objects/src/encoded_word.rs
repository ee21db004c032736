//! User metadata that is not plain ASCII travels as RFC 2047 encoded words (`=?UTF-8?B?…?=`), the
//! form in which the original service returns it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const OPEN: &str = "=?UTF-8?B?";
const CLOSE: &str = "?=";
/// RFC 2047 section 2 allows 75 characters a word; 45 bytes make 60 of base64 and 12 of frame.
const WORD_BYTES_MAX: usize = 45;

/// The header form of a value. What could be taken for an encoded word is encoded as well, so that
/// every value reads back as it was.
pub(crate) fn encode(value: &str) -> String {
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && value.trim() == value
        && !value.contains("=?");
    if plain {
        return value.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let (word, tail) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX));
        words.push(format!("{OPEN}{}{CLOSE}", STANDARD.encode(word)));
        rest = tail;
    }
    words.join(" ")
}

/// The value behind its header form; a value with any other text in it is taken as it stands.
pub(crate) fn decode(header: &str) -> String {
    decode_words(header).unwrap_or_else(|| header.to_owned())
}

fn decode_words(header: &str) -> Option<String> {
    let mut bytes = Vec::new();
    for word in header.split(' ') {
        let word = word.strip_suffix(CLOSE)?;
        let frame = word.get(..OPEN.len())?;
        if !frame.eq_ignore_ascii_case(OPEN) {
            return None;
        }
        bytes.extend(STANDARD.decode(word.get(OPEN.len()..)?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn leaves_plain_text_alone_and_encodes_the_rest() {
        assert_eq!(encode("plain text, 100%"), "plain text, 100%");
        assert_eq!(encode("ü"), "=?UTF-8?B?w7w=?=");
        assert_eq!(decode("=?utf-8?b?w7w=?="), "ü");
        assert_eq!(decode("=?UTF-8?Q?=C3=BC?="), "=?UTF-8?Q?=C3=BC?=");
    }

    proptest! {
        #[test]
        fn every_value_reads_back_from_ascii_words(value in any::<String>()) {
            let header = encode(&value);
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(decode(&header), value);
        }
    }
}
