//! Follows a YAML text line by line: which lines are its structure (`option: value`), and which
//! are the inside of a longer value and must be left alone.

/// Where the next line stands.
#[derive(Debug, Default)]
pub(super) struct Follower {
    inside: Inside,
}

#[derive(Debug, Default)]
enum Inside {
    /// In no value: the next line is structure.
    #[default]
    Nothing,
    /// In a value whose lines are all indented deeper: after `|` or `>`, or plain text.
    Deeper { indent: usize },
    /// Between brackets or quotes.
    Enclosed(Enclosed),
}

/// Open brackets and quotes.
#[derive(Debug, Default)]
struct Enclosed {
    depth: usize,
    quote: Option<char>,
}

/// A line of structure, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Blanks and dashes of list items in front of the key or value.
    pub(super) indent: usize,
    /// Where the deepest list item of the line begins, else `indent`.
    pub(super) outer: usize,
    /// The key, if a colon and a blank (or nothing) follow it.
    pub(super) key: Option<&'a str>,
    /// What stands behind the colon, or behind the dashes; trimmed, without a comment line.
    pub(super) value: &'a str,
}

impl Follower {
    /// Whether `line` is structure. Empty lines and comments are not.
    pub(super) fn is_structure(&mut self, line: &str) -> bool {
        let content = line.trim();
        match &mut self.inside {
            Inside::Enclosed(enclosed) => {
                enclosed.take(line);
                if enclosed.is_closed() {
                    self.inside = Inside::Nothing;
                }
                false
            }
            Inside::Deeper { indent } => {
                if content.is_empty() || indent_of(line) > *indent {
                    return false;
                }
                self.inside = Inside::Nothing;
                !content.starts_with('#')
            }
            Inside::Nothing => !content.is_empty() && !content.starts_with('#'),
        }
    }

    /// Goes on behind a line of structure.
    pub(super) fn pass(&mut self, line: &str) {
        let Line { outer, value, .. } = take_apart(line);
        self.inside = match value.chars().next() {
            None => Inside::Nothing,
            Some('"' | '\'' | '[' | '{') => {
                let mut enclosed = Enclosed::default();
                enclosed.take(value);
                match enclosed.is_closed() {
                    true => Inside::Nothing,
                    false => Inside::Enclosed(enclosed),
                }
            }
            Some(_) => Inside::Deeper { indent: outer },
        };
    }
}

impl Enclosed {
    fn is_closed(&self) -> bool {
        self.depth == 0 && self.quote.is_none()
    }

    fn take(&mut self, text: &str) {
        let mut before = ',';
        let mut escaped = false;
        for c in text.chars() {
            match self.quote {
                Some('"') if escaped => escaped = false,
                Some('"') if c == '\\' => escaped = true,
                Some(quote) if c == quote => self.quote = None,
                Some(_) => {}
                None if c == '#' && before.is_whitespace() => return,
                None if matches!(c, '"' | '\'') && is_start(before) => self.quote = Some(c),
                None if matches!(c, '[' | '{') => self.depth += 1,
                None if matches!(c, ']' | '}') => self.depth = self.depth.saturating_sub(1),
                None => {}
            }
            before = c;
        }
    }
}

/// Whether a value can begin behind this character.
fn is_start(before: char) -> bool {
    before.is_whitespace() || matches!(before, ',' | '[' | '{' | ':' | '\'')
}

/// Blanks and tabs in front of a line.
pub(super) fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Takes a line of structure apart.
pub(super) fn take_apart(line: &str) -> Line<'_> {
    let mut rest = line.trim_start_matches([' ', '\t']);
    let mut outer = line.len() - rest.len();
    let mut indent = outer;
    while let Some(item) = rest.strip_prefix("- ") {
        outer = indent;
        rest = item.trim_start_matches([' ', '\t']);
        indent = line.len() - rest.len();
    }
    let colon = rest.match_indices(':').map(|(at, _)| at).find(|at| {
        let next = rest.get(at + 1..).and_then(|rest| rest.chars().next());
        next.is_none_or(|c| c == ' ' || c == '\t')
    });
    let quoted = rest.starts_with(['"', '\'', '[', '{']);
    let (key, value) = match colon.and_then(|at| rest.split_at_checked(at)) {
        Some((key, value)) if !quoted => (Some(key), value.get(1..).unwrap_or_default()),
        _ => (None, rest),
    };
    let value = value.trim();
    Line {
        indent,
        outer: if key.is_some() { indent } else { outer },
        key,
        value: if value.starts_with('#') { "" } else { value },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(text: &str) -> Vec<&str> {
        let mut follower = Follower::default();
        let mut found = Vec::new();
        for line in text.lines() {
            if follower.is_structure(line) {
                follower.pass(line);
                found.push(line.trim());
            }
        }
        found
    }

    #[test]
    fn leaves_the_inside_of_long_values_alone() {
        let text = "a: |\n  city:x\n\n  city:y\nb: >-\n city:x\nc: 'it''s\n  city:x'\nd: [1,\n\
                    city:x, \"]\n city:x\", don't]\ne: plain\n  city:x\n# city:x\nf: end";
        let keys = ["a: |", "b: >-", "c: 'it''s", "d: [1,", "e: plain", "f: end"];
        assert_eq!(structure(text), keys);
    }

    #[test]
    fn takes_lines_apart() {
        for (line, indent, outer, key, value) in [
            ("  a: b ", 2, 2, Some("a"), "b"),
            ("a:", 0, 0, Some("a"), ""),
            ("a: # b", 0, 0, Some("a"), ""),
            ("a:b", 0, 0, None, "a:b"),
            ("- a: b", 2, 2, Some("a"), "b"),
            ("  - 'a: b'", 4, 2, None, "'a: b'"),
            ("a:b: c", 0, 0, Some("a:b"), "c"),
        ] {
            let expected = Line {
                indent,
                outer,
                key,
                value,
            };
            assert_eq!(take_apart(line), expected, "{line}");
        }
    }
}
