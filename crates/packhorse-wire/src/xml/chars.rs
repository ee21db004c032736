//! Which characters XML 1.0 can carry (production 2, "Char").

/// Whether a document may hold the character.
pub(super) fn is_writable(letter: char) -> bool {
    match letter {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        _ => letter >= ' ',
    }
}

/// The first character of a text that no answer could ever repeat, with its byte offset. A request
/// with such a text is refused, since its manifest could not be shown again.
pub fn unwritable(text: &str) -> Option<(usize, char)> {
    text.char_indices()
        .find(|(_, letter)| !is_writable(*letter))
}
