//! Redacts a text that cannot be parsed: line by line.

use super::super::names;
use super::super::secrets::REDACTED;

/// The text without what follows a secret's name in each line, and the deeper lines below that.
pub(in super::super) fn by_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut below: Option<usize> = None;
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_end_matches(['\n', '\r']);
        let bare = content.trim_start();
        let indent = content.len() - bare.len();
        let hidden = |outer| bare.is_empty() || indent > outer || bare.starts_with(':');
        if !below.is_some_and(hidden) {
            let secret = value_of_secret(content);
            let kept = secret.map_or(content.len(), |value| value);
            shown.push_str(content.get(..kept).unwrap_or_default());
            if kept < content.len() {
                shown.push(' ');
                shown.push_str(REDACTED);
            }
            below = secret.map(|_| indent);
        }
        shown.push_str(line.get(content.len()..).unwrap_or_default());
    }
    shown
}

/// Where the value begins in a line that names a secret option: behind the colon, or at the end
/// when the value can only be in the lines below.
fn value_of_secret(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(':') {
        let colon = from + at;
        if ends_with_secret(line.get(from..colon)?) {
            let empty = line.get(colon + 1..)?.trim().is_empty();
            return Some(if empty { line.len() } else { colon + 1 });
        }
        from = colon + 1;
    }
    ends_with_secret(line.get(from..)?).then_some(line.len())
}

/// Whether the last word, or the last two, are a secret's name.
fn ends_with_secret(text: &str) -> bool {
    ends_with(text, names::looks_secret)
}

pub(super) fn ends_with(text: &str, is_name: impl Fn(&str) -> bool) -> bool {
    let text = text.trim_end_matches([' ', '\t', '"', '\'']);
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let rest = text.trim_end_matches(inside);
    let last = text.get(rest.len()..).unwrap_or_default();
    let before = rest.strip_suffix(' ').unwrap_or_default();
    let two = text.get(before.trim_end_matches(inside).len()..);
    is_name(last) || (!before.is_empty() && two.is_some_and(is_name))
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    fn check(manifest: &str, expected: &str) {
        assert_eq!(redact(manifest), expected, "{manifest:?}");
    }

    #[test]
    fn replaces_by_line_what_cannot_be_parsed() {
        for (manifest, expected) in [
            ("[\npinCode: 1234\nb: c", "[\npinCode: (redacted)\nb: c"),
            (
                "pinCode: *abc\n  def\n\n  ghi\nb: c",
                "pinCode: (redacted)\n\n\n\nb: c",
            ),
            ("{pinCode:1234, b: c}", "{(redacted), b: c}"),
            ("pinCode:\n  1: 2\nb: c\nb: c", "pinCode:\n\nb: c\nb: c"),
            (
                "pinCode: 1\npinCode: 2\n",
                "pinCode: (redacted)\npinCode: (redacted)\n",
            ),
            (
                "b: c: d\n? pinCode\n: 1234\ne: f",
                "b: c: d\n? pinCode\n\ne: f",
            ),
        ] {
            check(manifest, expected);
        }
    }
}
