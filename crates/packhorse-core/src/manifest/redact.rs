//! Hides passwords and pins in a manifest that is shown to somebody.

mod by_line;

use std::collections::HashSet;
use std::ops::Range;

use super::options::Place;
use super::problem::{Position, Problems, Span};
use super::secrets::REDACTED;
use super::yaml::{Entry, Node, Tree, Value};
use super::{lenient, names, text, yaml};

pub(super) use by_line::by_line;
use by_line::ends_with;

/// The text with its secrets replaced by `(redacted)`, for everybody but the station:
///
/// - the value of an option whose name is, or was meant to be, that of a secret, and the comments
///   beside it;
/// - in comments, what follows such a name;
/// - a text in which such a name and a colon stand, as when a line break is missing.
///
/// What stands below `staticMetadata`, `contentTypes`, `substitutions` and `ignore` are the
/// customer's own words: nothing there is an option, and nothing is hidden. The rest is unchanged,
/// byte for byte.
///
/// A text that cannot be parsed is redacted line by line: whatever follows the option's name in
/// its line, and the deeper indented lines below it.
pub fn redact(manifest: &str) -> String {
    edited(manifest).unwrap_or_else(|| by_line(manifest))
}

/// The text redacted by its tree; `None` if it has none, or the tree does not hold all of it.
fn edited(manifest: &str) -> Option<String> {
    let mut ignored = Problems::default();
    let bare = text::decode(manifest.as_bytes(), &mut ignored).ok()?;
    let corrected = lenient::correct(bare, &mut ignored).ok()?;
    let Tree {
        root, duplicates, ..
    } = yaml::parse(&corrected.text, &corrected.places).ok()?;
    if !duplicates.is_empty() {
        return None;
    }
    let mut hider = Hider::new(manifest);
    hider.value(&root, true)?;
    hider.comments();
    hider.finish()
}

/// A piece of the text, and what stands there instead.
struct Edit {
    range: Range<usize>,
    shown: &'static str,
}

struct Hider<'a> {
    manifest: &'a str,
    /// Where each line begins, without a byte order mark, and its text.
    lines: Vec<(usize, &'a str)>,
    edits: Vec<Edit>,
    /// Texts between quotes: a `#` in them begins no comment.
    quoted: Vec<Range<usize>>,
    /// The lines of secrets, from 0: comments there are hidden whole.
    secret_lines: HashSet<usize>,
    /// The place that was last looked up, and its byte.
    last: (Position, usize),
}

impl<'a> Hider<'a> {
    fn new(manifest: &'a str) -> Self {
        let base = manifest.as_ptr() as usize;
        let lines = lenient::lines(manifest).map(|line| line.trim_start_matches('\u{feff}'));
        Self {
            manifest,
            lines: lines.map(|l| (l.as_ptr() as usize - base, l)).collect(),
            edits: Vec::new(),
            quoted: Vec::new(),
            secret_lines: HashSet::new(),
            last: (Position { line: 0, column: 0 }, 0),
        }
    }

    /// Looks for secrets below `node`; `None` if a place is not in the text.
    fn value(&mut self, node: &Node, is_document: bool) -> Option<()> {
        match &node.value {
            Value::Scalar { text, quoted } => self.scalar(text, *quoted, node.span),
            Value::Sequence(items) => items.iter().try_for_each(|item| self.value(item, false)),
            Value::Mapping(entries) => entries
                .iter()
                .try_for_each(|entry| self.entry(entry, is_document)),
        }
    }

    fn entry(&mut self, entry: &Entry, is_document: bool) -> Option<()> {
        let Entry { key, at, node, .. } = entry;
        if !names_secret(key) && names::looks_secret(key) {
            let Some(leaves) = leaves(node) else {
                // No value: but a comment behind the colon may be meant as one.
                self.secret_lines.insert(at.start.line.saturating_sub(1));
                return Some(());
            };
            self.own_words(node)?;
            let end = self.hide(leaves)?;
            let last = self.lines.partition_point(|(start, _)| *start < end);
            self.secret_lines
                .extend(at.start.line.saturating_sub(1)..last);
            return Some(());
        }
        self.scalar(key, entry.quoted, *at)?;
        let row = Place::Document.row(key).filter(|_| is_document);
        match row.is_some_and(|row| row.has_own_words()) {
            true => self.own_words(node),
            false => self.value(node, false),
        }
    }

    /// Only where quotes are.
    fn own_words(&mut self, node: &Node) -> Option<()> {
        match &node.value {
            Value::Scalar { quoted, .. } => self.quote(*quoted, node.span),
            Value::Sequence(items) => items.iter().try_for_each(|item| self.own_words(item)),
            Value::Mapping(entries) => entries.iter().try_for_each(|entry| {
                self.quote(entry.quoted, entry.at)?;
                self.own_words(&entry.node)
            }),
        }
    }

    /// A name or value that is no secret by its place.
    fn scalar(&mut self, text: &str, quoted: bool, span: Span) -> Option<()> {
        match names_secret(text) {
            true => self.hide(span).map(drop),
            false => self.quote(quoted, span),
        }
    }

    fn quote(&mut self, quoted: bool, span: Span) -> Option<()> {
        if quoted {
            let Range { start, .. } = self.range(span)?;
            // The parser's end of it may be behind the comment that follows.
            let length = enclosed(self.manifest.get(start..)?);
            self.quoted.push(start..start + length);
        }
        Some(())
    }

    /// Hides a piece and gives its end; `None` if the piece is not in the text.
    fn hide(&mut self, span: Span) -> Option<usize> {
        let Range { start, end } = self.range(span)?;
        let value = self.manifest.get(start..end)?;
        let end = start + value.trim_end_matches([' ', '\t', '\n', '\r']).len();
        let shown = REDACTED;
        let range = start..end;
        self.edits.push(Edit { range, shown });
        (start < end).then_some(end)
    }

    /// Hides what comments tell.
    fn comments(&mut self) {
        self.quoted.sort_by_key(|range| range.start);
        let mut below = None;
        for (index, (start, line)) in std::mem::take(&mut self.lines).into_iter().enumerate() {
            let Some(at) = self.comment(start, line) else {
                below = None;
                continue;
            };
            let comment = line.get(at..).unwrap_or_default();
            let before = line.get(..at).unwrap_or_default();
            if self.secret_lines.contains(&index) {
                let from = before.trim_end_matches([' ', '\t']).len();
                let range = start + from..start + line.len();
                self.edits.push(Edit { range, shown: "" });
                continue;
            }
            let words = comment.trim_start_matches(['#', ' ', '\t']);
            let indent = comment.len() - words.len();
            let is_line = before.trim().is_empty();
            if !is_line || below.is_none_or(|outer| indent <= outer) {
                below = None;
            }
            let cut = match below {
                Some(_) => Some(indent),
                None => value_in_comment(comment),
            };
            let Some(cut) = cut else { continue };
            if is_line && below.is_none() && cut == comment.len() {
                below = Some(indent);
            }
            if comment
                .get(cut..)
                .is_some_and(|rest| !rest.trim().is_empty())
            {
                let shown = if below.is_some() { REDACTED } else { BEHIND };
                let range = start + at + cut..start + line.len();
                self.edits.push(Edit { range, shown });
            }
        }
    }

    /// Where the comment of a line begins.
    fn comment(&self, start: usize, line: &str) -> Option<usize> {
        let mut marks = line.match_indices('#').map(|(at, _)| at);
        marks.find(|at| {
            let before = line.get(..*at).unwrap_or_default();
            let begins = before.is_empty() || before.ends_with([' ', '\t']);
            begins && !self.is_quoted(start + at)
        })
    }

    fn is_quoted(&self, at: usize) -> bool {
        let behind = self.quoted.partition_point(|range| range.start <= at);
        let last = behind.checked_sub(1).and_then(|last| self.quoted.get(last));
        last.is_some_and(|range| range.contains(&at))
    }

    fn finish(mut self) -> Option<String> {
        let mut shown = String::with_capacity(self.manifest.len());
        let mut from = 0;
        self.edits.sort_by_key(|edit| edit.range.start);
        for edit in self.edits {
            // A comment inside a longer secret is hidden with it.
            if edit.range.start >= from {
                shown.push_str(self.manifest.get(from..edit.range.start)?);
                shown.push_str(edit.shown);
            }
            from = from.max(edit.range.end);
        }
        shown.push_str(self.manifest.get(from..)?);
        Some(shown)
    }

    fn range(&mut self, span: Span) -> Option<Range<usize>> {
        Some(self.offset(span.start)?..self.offset(span.end)?)
    }

    /// The byte so many characters behind another.
    fn behind(&self, from: usize, count: usize) -> Option<usize> {
        let mut characters = self.manifest.get(from..)?.char_indices();
        let inside = characters.nth(count);
        Some(inside.map_or(self.manifest.len(), |(at, _)| from + at))
    }

    fn offset(&mut self, place: Position) -> Option<usize> {
        let (start, _) = *self.lines.get(place.line.checked_sub(1)?)?;
        // Places come nearly in the order of the text: a line of a megabyte is not counted anew
        // for each.
        let (last, known) = self.last;
        let offset = if last.line != place.line {
            let column = place.column.checked_sub(1)?;
            self.behind(start, column)?
        } else if last.column <= place.column {
            self.behind(known, place.column - last.column)?
        } else {
            let before = self.manifest.get(start..known)?;
            let mut characters = before.char_indices().rev();
            let (at, _) = characters.nth(last.column - place.column - 1)?;
            start + at
        };
        self.last = (place, offset);
        Some(offset)
    }
}

/// How long the text between quotes is with which `text` begins; 0 if it begins with no quote, as
/// the lines below a `|` do.
fn enclosed(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    let Some((_, quote @ ('"' | '\''))) = characters.next() else {
        return 0;
    };
    while let Some((at, c)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        let escapes = match quote {
            '"' => c == '\\',
            _ => c == '\'' && next == Some('\''),
        };
        if escapes {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// From the first to the last name or value below a node; `None` if nothing is written there.
fn leaves(node: &Node) -> Option<Span> {
    let join = |first: Option<Span>, last: Option<Span>| match (first, last) {
        (Some(first), Some(last)) => Some(Span {
            start: first.start,
            end: last.end,
        }),
        (first, last) => first.or(last),
    };
    match &node.value {
        Value::Scalar { text, quoted } => (*quoted || !text.is_empty()).then_some(node.span),
        Value::Sequence(items) => items.iter().map(leaves).fold(None, join),
        Value::Mapping(entries) => entries
            .iter()
            .flat_map(|entry| [Some(entry.at), leaves(&entry.node)])
            .fold(None, join),
    }
}

/// What stands behind a name in a comment.
const BEHIND: &str = " (redacted)";

/// Whether a text has the name of a secret option and a colon inside, so that its value follows.
fn names_secret(text: &str) -> bool {
    let mut colons = text.match_indices(':').map(|(at, _)| at);
    colons.any(|at| ends_with(text.get(..at).unwrap_or_default(), names::is_secret))
}

/// Where a comment begins to tell a secret: behind `name:`, `name =`, or the very name of a secret
/// option.
fn value_in_comment(comment: &str) -> Option<usize> {
    let mut marks = comment.match_indices([':', '=']).map(|(at, _)| at);
    let before = |at: &usize| comment.get(..*at).unwrap_or_default();
    let marked = marks.find(|at| ends_with(before(at), names::looks_secret));
    let named = names::before_secret(comment).len();
    let named = (named < comment.len()).then_some(named);
    let marked = marked.map(|at| at + 1);
    match (marked, named) {
        (Some(marked), Some(named)) if named < marked => {
            let between = comment.get(named..marked - 1).unwrap_or_default();
            let is_mark = between.trim_matches([' ', '\t', '"', '\'']).is_empty();
            Some(if is_mark { marked } else { named })
        }
        (marked, named) => marked.or(named),
    }
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
                "\u{feff}a: é # x\r\npinCode:  (redacted)\r\nb: c",
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
    fn the_customers_own_words_stay() {
        for manifest in [
            "staticMetadata:\n  pincode: '110001'\n  password: none # of ours\nb: c\n",
            "contentTypes: {pin: text/plain}\nsubstitutions:\n  'pinCode: ': x\n",
            "ignore:\n  - 'pinCode: '\n  - ^passwords/\n",
            "prefix: pincode-scans/\nlogPrefix: passwords/\n",
            "generator: 'a # pinCode: 1'\n",
        ] {
            let kept = match manifest.starts_with("generator") {
                true => "generator: (redacted)\n",
                false => manifest,
            };
            check(manifest, kept);
        }
    }

    #[test]
    fn what_was_meant_to_be_a_secret_is_one() {
        for (manifest, expected) in [
            ("password: X\nb: c\n", "password: (redacted)\nb: c\n"),
            ("devicePin: 12\n", "devicePin: (redacted)\n"),
            ("{pinCode: '1 # 2', b: c}", "{pinCode: (redacted), b: c}"),
            (
                "a:\n  passphrase: x y\nb: c\n",
                "a:\n  passphrase: (redacted)\nb: c\n",
            ),
            (
                "pins:\n  pin:\n    - 1\n    - 2\nb: c\n",
                "pins:\n  pin:\n    - (redacted)\nb: c\n",
            ),
            ("customs: {pinCode:1234}\n", "customs: {(redacted)}\n"),
        ] {
            check(manifest, expected);
        }
    }

    #[test]
    fn comments_tell_nothing() {
        for (manifest, expected) in [
            (
                "# trueCryptPassword: x y\nb: c\n",
                "# trueCryptPassword: (redacted)\nb: c\n",
            ),
            (
                "b: c # my pin code: 12\n",
                "b: c # my pin code: (redacted)\n",
            ),
            ("#pinCode=12\nb: c\n", "#pinCode= (redacted)\nb: c\n"),
            (
                "# the pinCode is 12\nb: c\n",
                "# the pinCode (redacted)\nb: c\n",
            ),
            (
                "# pinCode:\n#   12\n#   34\n# other\nb: c\n",
                "# pinCode:\n#   (redacted)\n#   (redacted)\n# other\nb: c\n",
            ),
            (
                "pinCode: | # 12\n  12\n# then\nb: c # d\n",
                "pinCode: |\n  (redacted)\n# then\nb: c # d\n",
            ),
            ("pinCode: # 12\nb: c\n", "pinCode:\nb: c\n"),
            (
                "a: 'it # pin' # pin: 1\n",
                "a: 'it # pin' # pin: (redacted)\n",
            ),
            (
                "a: |\n  x\n# pin: 1\nb: c\n",
                "a: |\n  x\n# pin: (redacted)\nb: c\n",
            ),
            (
                "# a comment\nb: c # another\n",
                "# a comment\nb: c # another\n",
            ),
        ] {
            check(manifest, expected);
        }
    }
}
