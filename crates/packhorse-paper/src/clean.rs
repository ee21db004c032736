//! Text from outside, made fit for one line of a form.

/// Longer texts are cut before they are laid out; no line of a form holds as many.
pub(crate) const CHARS_MAX: usize = 300;
/// Marks on one letter. Real writing needs three; a pile of hundreds is meant to deface.
const MARKS_MAX: usize = 3;
/// Joins letters into another shape, and has none itself.
pub(crate) const JOINER: char = '\u{200D}';

/// The text without control characters and marks of direction, blanks in a row made one; and
/// whether it had to be cut.
pub(crate) fn clean(text: &str) -> (String, bool) {
    let mut cleaned = String::new();
    let mut count = 0;
    let mut marks = 0;
    for character in text.chars().filter(|c| !is_direction(*c)) {
        if character.is_control() || character.is_whitespace() {
            if !cleaned.is_empty() && !cleaned.ends_with(' ') {
                cleaned.push(' ');
                count += 1;
            }
            continue;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if marks > MARKS_MAX {
            continue;
        }
        if count >= CHARS_MAX {
            return (cleaned.trim_end().to_owned(), true);
        }
        cleaned.push(character);
        count += 1;
    }
    (cleaned.trim_end().to_owned(), false)
}

/// Whether the character sits on the one before it.
pub(crate) fn is_mark(character: char) -> bool {
    unicode_bidi::bidi_class(character) == unicode_bidi::BidiClass::NSM
}

/// Invisible characters that turn the text around them, or do nothing at all. The direction of each
/// piece is found from its letters, so that a mark cannot spill over into other lines of the form.
fn is_direction(character: char) -> bool {
    matches!(
        character,
        '\u{061C}'
            | '\u{200B}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{00AD}'
            | '\u{E0000}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_invisible_characters_become_harmless() {
        for (text, expected) in [
            ("  A\tB \u{a0} C\r\n", "A B C"),
            ("a\u{202E}b\u{202C}\u{200F}", "ab"),
            ("\u{FEFF}", ""),
            (
                "e\u{301}\u{301}\u{301}\u{301}\u{301}x",
                "e\u{301}\u{301}\u{301}x",
            ),
            ("東京 Ünal Łódź", "東京 Ünal Łódź"),
        ] {
            assert_eq!(clean(text), (expected.to_owned(), false), "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let (text, cut) = clean(&"é".repeat(CHARS_MAX + 1));
        assert!(cut);
        assert_eq!(text.chars().count(), CHARS_MAX);
        assert!(!clean(&"é".repeat(CHARS_MAX)).1);
    }
}
