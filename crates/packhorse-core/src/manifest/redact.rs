//! Hides passwords and pins in a manifest that is shown to somebody.

use super::problem::{Position, Problems, Span};
use super::secrets::REDACTED;
use super::yaml::{Node, Tree, Value};
use super::{lenient, names, text, yaml};

/// The text with the values of `trueCryptPassword` and `pinCode`, however these names are spelt,
/// replaced by `(redacted)`, for everybody but the station. The rest is unchanged, byte for byte.
///
/// A text that cannot be parsed is redacted line by line: whatever follows the option's name in
/// its line, and the deeper indented lines below it.
pub fn redact(manifest: &str) -> String {
    let spans = spans(manifest);
    spans
        .and_then(|spans| replaced(manifest, &spans))
        .unwrap_or_else(|| by_line(manifest))
}

/// Where the secret values stand; `None` if that cannot be told from the tree.
fn spans(manifest: &str) -> Option<Vec<Span>> {
    let mut ignored = Problems::default();
    let bare = text::decode(manifest.as_bytes(), &mut ignored).ok()?;
    let corrected = lenient::correct(bare, &mut ignored).ok()?;
    let Tree { root, duplicates } = yaml::parse(&corrected.text, &corrected.places).ok()?;
    let mut spans = Vec::new();
    (duplicates.is_empty() && collect(&root, &mut spans)).then_some(spans)
}

/// Collects the places below `node`; `false` if a secret may be where no span can say.
fn collect(node: &Node, spans: &mut Vec<Span>) -> bool {
    match &node.value {
        Value::Scalar { text, .. } => !has_secret(text),
        Value::Sequence(items) => items.iter().all(|item| collect(item, spans)),
        Value::Mapping(entries) => entries.iter().all(|entry| match &entry.node.value {
            Value::Scalar { text, quoted } if names::is_secret(&entry.key) => {
                if *quoted || !text.is_empty() {
                    spans.push(entry.node.span);
                }
                true
            }
            Value::Sequence(_) | Value::Mapping(_) if names::is_secret(&entry.key) => false,
            _ => !has_secret(&entry.key) && collect(&entry.node, spans),
        }),
    }
}

/// Whether a text has the name of a secret option inside, so that its value may follow.
fn has_secret(text: &str) -> bool {
    names::before_secret(text).len() < text.len()
}

/// The text with each span replaced.
fn replaced(manifest: &str, spans: &[Span]) -> Option<String> {
    let mut shown = String::with_capacity(manifest.len());
    let mut from = 0;
    let starts = line_starts(manifest);
    for Span { start, end } in spans {
        let start = offset(manifest, &starts, *start)?;
        let end = offset(manifest, &starts, *end)?;
        shown.push_str(manifest.get(from..start)?);
        shown.push_str(REDACTED);
        let value = manifest.get(start..end)?;
        let tail = value.len() - value.trim_end_matches([' ', '\t', '\n', '\r']).len();
        from = end - tail;
    }
    shown.push_str(manifest.get(from..)?);
    Some(shown)
}

/// Where each line begins, without a byte order mark.
fn line_starts(manifest: &str) -> Vec<usize> {
    let base = manifest.as_ptr() as usize;
    let lines = lenient::lines(manifest).map(|line| line.trim_start_matches('\u{feff}'));
    lines.map(|line| line.as_ptr() as usize - base).collect()
}

fn offset(manifest: &str, starts: &[usize], place: Position) -> Option<usize> {
    let start = *starts.get(place.line.checked_sub(1)?)?;
    let mut characters = manifest.get(start..)?.char_indices();
    let inside = characters.nth(place.column.checked_sub(1)?);
    Some(inside.map_or(manifest.len(), |(at, _)| start + at))
}

/// Without a parser: line by line.
pub(super) fn by_line(text: &str) -> String {
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

/// Whether the last word is a secret option's name.
fn ends_with_secret(text: &str) -> bool {
    let text = text.trim_end_matches([' ', '\t', '"', '\'']);
    let between = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'));
    names::is_secret(text.rsplit(between).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(manifest: &str, expected: &str) {
        assert_eq!(redact(manifest), expected, "{manifest:?}");
    }

    #[test]
    fn replaces_the_values_and_nothing_else() {
        for (manifest, expected) in [
            ("bucket: b\n", "bucket: b\n"),
            (
                "\u{feff}a: é # x\r\npinCode:  1234   # pin\r\nb: c",
                "\u{feff}a: é # x\r\npinCode:  (redacted)   # pin\r\nb: c",
            ),
            (
                "pinCode:1234\ntrueCryptPassword: 'it''s: #1'\ncity:c",
                "pinCode:(redacted)\ntrueCryptPassword: (redacted)\ncity:c",
            ),
            (
                "{\"pinCode\": \"12\\\"34\", bucket: b}",
                "{\"pinCode\": (redacted), bucket: b}",
            ),
            (
                "truecrypt_password: |\n  swordfish\n  tuna\nb: c\n",
                "truecrypt_password: |\n  (redacted)\nb: c\n",
            ),
            (
                "pinCode: sword\n  fish\nb: c\n",
                "pinCode: (redacted)\nb: c\n",
            ),
            (
                "pinCode:\n  \"12\n   34\"\nb: c\n",
                "pinCode:\n  (redacted)\nb: c\n",
            ),
            ("pinCode:\nb: c\n", "pinCode:\nb: c\n"),
            ("pinCode: ''\n", "pinCode: (redacted)\n"),
        ] {
            check(manifest, expected);
        }
    }

    #[test]
    fn replaces_by_line_what_cannot_be_parsed() {
        for (manifest, expected) in [
            ("[\npinCode: 1234\nb: c", "[\npinCode: (redacted)\nb: c"),
            (
                "pinCode: *abc\n  def\n\n  ghi\nb: c",
                "pinCode: (redacted)\n\n\n\nb: c",
            ),
            ("{pinCode:1234, b: c}", "{pinCode: (redacted)"),
            ("pinCode:\n  1: 2\nb: c", "pinCode:\n\nb: c"),
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
