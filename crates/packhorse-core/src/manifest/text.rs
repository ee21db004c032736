//! Bytes to text: what cannot be a manifest at all is refused here, with its place.

use super::MANIFEST_BYTES_MAX;
use super::lenient;
use super::problem::{Position, Problem, ProblemKind, Problems, shown, shown_line};
use super::yaml::malformed;
use crate::characters::is_format;

/// What a UTF-8 text may begin with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text without a byte order mark, or why there is none.
pub(super) fn decode<'a>(bytes: &'a [u8], problems: &mut Problems) -> Result<&'a str, Problem> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        let length = bytes.len();
        let message =
            format!("the manifest has {length} bytes, at most {MANIFEST_BYTES_MAX} are allowed");
        return Err(malformed(None, message));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let message = "the manifest is saved as UTF-16 (`Unicode`); save it as UTF-8";
        return Err(malformed(Some(START), message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let bare = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if bare.len() < text.len() {
        let line = shown_line(bare, 1);
        let message = format!(
            "the invisible byte order mark in front of {line} is ignored; save the file as UTF-8 \
             without it"
        );
        problems.tolerate(ProblemKind::Malformed, START.span(), "", message);
    }
    if let Some((at, control)) = bare.char_indices().find(|(_, c)| is_unprintable(*c)) {
        let message = format!(
            "the character U+{:04X} cannot be in a manifest; it must be plain text",
            u32::from(control)
        );
        return Err(malformed(Some(position(bare, at)), message));
    }
    warn_of_unseen(bare, problems);
    let marks = bare.bytes().filter(|b| b",[]{}".contains(b)).count();
    if marks > MARKS_MAX {
        let message = format!("the manifest has more than {MARKS_MAX} commas and brackets");
        return Err(malformed(None, message));
    }
    match path(bare) {
        Some(path) => Err(looks_like_a_path(path)),
        None => Ok(bare),
    }
}

/// So many characters that nobody sees are named, each at its first place.
const UNSEEN_NAMED_MAX: usize = 10;

/// Warns of characters that are part of the text although nobody sees them, or that look like a
/// blank and are none where one is meant. In comments they do no harm.
fn warn_of_unseen(text: &str, problems: &mut Problems) {
    if text.is_ascii() {
        return;
    }
    let mut found: Vec<(char, Position, usize)> = Vec::new();
    for (index, line) in lenient::lines(text).enumerate() {
        if line.is_ascii() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut before = ' ';
        let last = line.trim_end().chars().count();
        for (column, c) in line.chars().enumerate() {
            let edge = matches!(before, ' ' | '\t' | '-' | ':') || column >= last;
            let unseen = is_format(c) || (edge && c != ' ' && c != '\t' && c.is_whitespace());
            before = if unseen { ' ' } else { c };
            if !unseen {
                continue;
            }
            let place = Position {
                line: index + 1,
                column: column + 1,
            };
            match found.iter_mut().find(|(known, ..)| *known == c) {
                Some((.., count)) => *count += 1,
                None => found.push((c, place, 1)),
            }
        }
    }
    let kind = problems.tolerated(ProblemKind::Malformed);
    problems.drop(kind, found.len().saturating_sub(UNSEEN_NAMED_MAX));
    for (c, place, count) in found.into_iter().take(UNSEEN_NAMED_MAX) {
        let what = match c.is_whitespace() {
            true => "looks like a blank and is none",
            false => "cannot be seen",
        };
        let more = match count {
            1 => String::new(),
            count => format!(" ({} times)", count),
        };
        let message = format!(
            "the character U+{:04X}{more} {what}: it is taken as a part of the text in {}; delete \
             it, or write it as \"{}\" between double quotes if it is meant",
            u32::from(c),
            shown_line(text, place.line),
            yaml_escape(c),
        );
        problems.tolerate(ProblemKind::Malformed, place.span(), "", message);
    }
}

/// The character as double quotes take it.
fn yaml_escape(c: char) -> String {
    match u32::from(c) {
        code @ ..0x1_0000 => format!("\\u{code:04X}"),
        code => format!("\\U{code:08X}"),
    }
}

/// Commas and brackets in one manifest: the YAML parser holds everything between two brackets in
/// memory, so their number bounds what a small text can cost.
const MARKS_MAX: usize = 100_000;

const START: Position = Position { line: 1, column: 1 };

/// The place of the byte `at` of `text`.
fn position(text: &str, at: usize) -> Position {
    let before = text.get(..at).unwrap_or(text);
    let breaks = before.replace("\r\n", "\n").replace('\r', "\n");
    let line = breaks.matches('\n').count() + 1;
    let last = breaks.rsplit('\n').next().unwrap_or_default();
    Position {
        line,
        column: last.chars().count() + 1,
    }
}

/// The line is shown as it would be if the file is Latin-1, which it nearly always is.
fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Problem {
    let latin: String = bytes.iter().copied().map(char::from).collect();
    let valid = bytes.get(..valid_up_to).unwrap_or_default();
    let place = position(&String::from_utf8_lossy(valid), valid_up_to);
    let line = shown_line(&latin, place.line);
    let message = format!(
        "the manifest is not UTF-8 from here on; save it as UTF-8 (if it was written as Latin-1 \
         or Windows-1252, the line is {line})"
    );
    malformed(Some(place), message)
}

/// What YAML does not allow in a text (YAML 1.2, 5.1), but for tabs and line breaks.
fn is_unprintable(c: char) -> bool {
    let allowed = matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    (c.is_control() && !allowed) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The text, when it is one line that names a file instead of being a manifest.
fn path(text: &str) -> Option<&str> {
    const BEGINNINGS: [&str; 8] = ["file:", "/", "./", "../", "~/", "\\\\", ".\\", "..\\"];
    const ENDINGS: [&str; 6] = [".yaml", ".yml", ".txt", ".json", ".manifest", ".mf"];
    let path = text.trim();
    let lower = path.to_ascii_lowercase();
    if path.is_empty() || path.contains(['\n', '\r', '{']) || path.contains(": ") {
        return None;
    }
    let drive =
        matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let begins = BEGINNINGS
        .iter()
        .any(|beginning| lower.starts_with(beginning));
    let ends = ENDINGS.iter().any(|ending| lower.ends_with(ending));
    (drive || begins || ends).then_some(path)
}

fn looks_like_a_path(path: &str) -> Problem {
    let message = format!(
        "this looks like a path, {}, not like a manifest: send the text of the file (with the AWS \
         CLI: `--manifest file://` and the path)",
        shown(path)
    );
    malformed(Some(START), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_path_from_a_manifest() {
        for (text, is_path) in [
            ("file:///x", true),
            ("file://manifest", true),
            ("/home/u/m.txt\n", true),
            ("C:\\m.txt", true),
            ("d:/import/manifest", true),
            ("m.yaml", true),
            ("my manifest.txt", true),
            ("~/m", true),
            ("INVALID MANIFEST", false),
            ("name: x.txt", false),
            ("{\"bucket\": \"x.txt\"}", false),
            ("a\nb.txt", false),
            ("", false),
        ] {
            assert_eq!(path(text).is_some(), is_path, "{text}");
        }
    }

    #[test]
    fn counts_lines_of_every_ending_and_columns_in_characters() {
        for (text, line, column) in [("", 1, 1), ("aé", 1, 3), ("a\r\nb\rc\nd", 4, 2)] {
            let expected = Position { line, column };
            assert_eq!(position(text, text.len()), expected, "{text:?}");
        }
    }
}
