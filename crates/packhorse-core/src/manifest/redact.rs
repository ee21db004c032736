//! Hides passwords and pins in a manifest that is shown to somebody.

use super::common::REDACTED;
use super::names;

/// The text with the value of every secret option replaced, line by line: whatever follows the
/// option's name, and the deeper indented lines below it.
pub(super) fn by_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut hidden_below: Option<usize> = None;
    for line in text.split_inclusive(['\n', '\r']) {
        let content = line.trim_end_matches(['\n', '\r']);
        let ending = line.get(content.len()..).unwrap_or_default();
        let indent = content.len() - content.trim_start().len();
        if let Some(outer) = hidden_below {
            if !content.trim().is_empty() && indent <= outer {
                hidden_below = None;
            } else {
                shown.push_str(ending);
                continue;
            }
        }
        match value_of_secret(content) {
            Some(start) => {
                shown.push_str(content.get(..start).unwrap_or_default());
                shown.push(' ');
                shown.push_str(REDACTED);
                hidden_below = Some(indent);
            }
            None => shown.push_str(content),
        }
        shown.push_str(ending);
    }
    shown
}

/// Where the value begins (behind the colon) in a line that names a secret option.
fn value_of_secret(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(':') {
        let colon = from + at;
        let before = line.get(..colon)?.trim_end_matches([' ', '\t', '"', '\'']);
        let word = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'));
        let name = before.rsplit(word).next().unwrap_or_default();
        let has_value = !line.get(colon + 1..)?.trim().is_empty();
        if names::is_secret(name) && has_value {
            return Some(colon + 1);
        }
        from = colon + 1;
    }
    None
}
