//! Characters that nobody sees, or that change how the text around them is seen.

/// Whether the character shows nothing of itself, or turns the text beside it around: control
/// characters, bidirectional controls (U+202E makes `exe.txt` of `txt.exe`), zero-width spaces, soft
/// hyphens, tags. Joiners (U+200C, U+200D) are not among them: Persian, Hindi and emoji are spelt
/// with them.
pub fn is_unseen(c: char) -> bool {
    c.is_control() || is_format(c)
}

/// The same without control characters.
pub fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_seen_from_what_is_not() {
        for c in [
            '\u{1b}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}',
        ] {
            assert!(is_unseen(c), "{c:?}");
        }
        for c in ['a', 'é', ' ', '日', '\u{200d}', '\u{301}', '🐴'] {
            assert!(!is_unseen(c), "{c:?}");
        }
        assert!(!is_format('\n'));
    }
}
