//! Typed access to the members of a mapping. Whatever is missing or wrong becomes a problem with
//! its place; reading goes on.

use super::names;
use super::problem::{OF_A_KIND_MAX, Position, Problem, ProblemKind, Problems, shown};
use super::yaml::{Entry, Node, Value};

/// The members of one mapping.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    /// Where the mapping's name stands; `None` for the document.
    at: Option<Position>,
    /// The path in front of a member's name: empty, or ending with a dot.
    path: String,
    /// What a wrong value in this mapping is.
    wrong: ProblemKind,
}

/// One member that has a value.
pub(super) struct Field<'a> {
    /// The name as written.
    pub(super) name: &'a str,
    /// Where it is in the document, as messages say it.
    pub(super) path: String,
    /// Where the name stands.
    pub(super) at: Position,
    pub(super) node: &'a Node,
    wrong: ProblemKind,
}

impl<'a> Fields<'a> {
    /// The members of the document.
    pub(super) fn of_document(entries: &'a [Entry]) -> Self {
        Self {
            entries,
            at: None,
            path: String::new(),
            wrong: ProblemKind::InvalidField,
        }
    }

    /// Every member, in source order.
    pub(super) fn all(&self) -> impl Iterator<Item = Field<'a>> {
        self.entries.iter().map(|entry| self.field(entry))
    }

    /// The member `name` if it is there and has a value.
    pub(super) fn optional(&self, name: &str) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (!is_nothing(&entry.node)).then(|| self.field(entry))
    }

    /// The member `name`; that it is missing is a problem. `what` says what belongs there.
    pub(super) fn required(
        &self,
        name: &str,
        what: &str,
        problems: &mut Problems,
    ) -> Option<Field<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            problems.add(self.missing(name, what));
        }
        found
    }

    fn missing(&self, name: &str, what: &str) -> Problem {
        let written = self.entries.iter().find(|entry| entry.key == name);
        let misspelt = || {
            let mut candidates = self.entries.iter().take(MISSPELT_KEYS_MAX);
            candidates.find(|e| e.key != name && names::nearest(&e.key, &[name]).is_some())
        };
        let message = match (written, misspelt()) {
            (Some(_), _) => format!("has no value; write {what}"),
            (None, Some(entry)) => format!(
                "is missing; write {what} (line {} has {} instead)",
                entry.at.line,
                shown(&entry.key)
            ),
            (None, None) => format!("is missing; write {what}"),
        };
        Problem {
            kind: ProblemKind::MissingField,
            position: written.map(|entry| entry.at).or(self.at),
            field: format!("{}{name}", self.path),
            message,
        }
    }

    /// The members that `known` does not list: as many as one answer can name.
    pub(super) fn unknown(&self, known: &[&str], problems: &mut Problems) -> Vec<Field<'a>> {
        let unknown = |entry: &&'a Entry| !known.contains(&entry.key.as_str());
        let mut entries = self.entries.iter().filter(unknown);
        let named = entries.by_ref().take(OF_A_KIND_MAX);
        let fields = named.map(|entry| self.field(entry)).collect();
        problems.drop(entries.count());
        fields
    }

    fn field(&self, entry: &'a Entry) -> Field<'a> {
        let key = shown(&entry.key);
        Field {
            name: &entry.key,
            path: format!("{}{}", self.path, key.trim_matches('`')),
            at: entry.at,
            node: &entry.node,
            wrong: self.wrong,
        }
    }
}

impl<'a> Field<'a> {
    /// A problem with the value.
    pub(super) fn wrong(&self, message: impl Into<String>) -> Problem {
        Problem {
            kind: self.wrong,
            position: Some(self.node.start),
            field: self.path.clone(),
            message: message.into(),
        }
    }

    /// A problem with one character of the text, counted from 0: at its place, if the text stands
    /// in the manifest as it is, without escapes and folded lines.
    pub(super) fn wrong_at(&self, character: usize, message: &str) -> Problem {
        let Node { start, end, value } = self.node;
        let (length, quote) = match value {
            Value::Scalar { text, quoted } => (text.chars().count(), usize::from(*quoted)),
            Value::Sequence(_) | Value::Mapping(_) => (0, 0),
        };
        let as_is = start.line == end.line && start.column + length + 2 * quote == end.column;
        if !as_is {
            let number = character + 1;
            return self.wrong(format!("{message} (character {number} of the value)"));
        }
        let column = start.column + quote + character;
        Problem {
            position: Some(Position {
                line: start.line,
                column,
            }),
            ..self.wrong(message)
        }
    }

    /// Adds a warning about the value.
    pub(super) fn warn(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.warn(self.node.start, &self.path, message);
    }

    /// The text as it is written. A number or a word like `yes` is text too. Control characters
    /// are refused: no option has a use for them, and headers could be forged with them.
    pub(super) fn text(&self, bytes_max: usize, problems: &mut Problems) -> Option<&'a str> {
        let Value::Scalar { text, quoted } = &self.node.value else {
            problems.add(self.wrong(format!("must be a text, not {}", kind_of(self.node))));
            return None;
        };
        if text.len() > bytes_max {
            let length = text.len();
            problems.add(self.wrong(format!(
                "has {length} bytes, at most {bytes_max} are allowed"
            )));
            return None;
        }
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            let escaped = control.escape_default();
            problems.add(self.wrong(format!("contains the control character {escaped}")));
            return None;
        }
        if !quoted && matches!(text.as_str(), "null" | "Null" | "NULL") {
            let message = format!("is taken as the text `{text}`; to give no value, write none");
            self.warn(problems, message);
        }
        Some(text)
    }

    /// A word out of a fixed set, or a number: a `;` behind it cannot be meant.
    pub(super) fn word(&self, bytes_max: usize, problems: &mut Problems) -> Option<&'a str> {
        let text = self.text(bytes_max, problems)?;
        let word = text.trim_end_matches(';').trim_end();
        if word.len() < text.len() {
            let message = format!("the `;` is ignored; write `{}: {word}`", self.name);
            self.warn(problems, message);
        }
        Some(word)
    }

    /// `yes`, `no`, `true` or `false` in any case.
    pub(super) fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        let word = self.word(BOOLEAN_BYTES_MAX, problems)?;
        match word.to_ascii_lowercase().as_str() {
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => {
                problems.add(self.wrong(format!("must be yes or no, not {}", shown(word))));
                None
            }
        }
    }

    /// One of `allowed`, which are words and what they mean.
    pub(super) fn one_of<T: Copy>(
        &self,
        allowed: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let word = self.word(WORD_BYTES_MAX, problems)?;
        if let Some((_, value)) = allowed.iter().find(|(code, _)| *code == word) {
            return Some(*value);
        }
        let codes: Vec<&str> = allowed.iter().map(|(code, _)| *code).collect();
        problems.add(self.wrong(format!(
            "{} is not allowed; allowed: {}{}",
            shown(word),
            codes.join(", "),
            names::hint(word, &codes)
        )));
        None
    }

    /// The value as a mapping.
    pub(super) fn mapping(&self, problems: &mut Problems) -> Option<Fields<'a>> {
        let Value::Mapping(entries) = &self.node.value else {
            problems.add(self.wrong(format!(
                "must be a mapping (indented lines of the form `name: value` below it), not {}",
                kind_of(self.node)
            )));
            return None;
        };
        Some(Fields {
            entries,
            at: Some(self.at),
            path: format!("{}.", self.path),
            wrong: self.wrong,
        })
    }

    /// The members of a list; a single value counts as a list of one.
    pub(super) fn items(&self) -> Vec<Field<'a>> {
        let item = |index: usize, node: &'a Node| Field {
            name: self.name,
            path: format!("{}[{index}]", self.path),
            at: node.start,
            node,
            wrong: self.wrong,
        };
        match &self.node.value {
            Value::Sequence(items) => {
                let numbered = items.iter().enumerate();
                numbered.map(|(index, node)| item(index, node)).collect()
            }
            Value::Scalar { .. } | Value::Mapping(_) => vec![item(0, self.node)],
        }
    }

    /// The same, but a wrong value is a fault of `kind`.
    pub(super) fn with_kind(mut self, kind: ProblemKind) -> Self {
        self.wrong = kind;
        self
    }
}

/// So many names are compared with a missing one.
const MISSPELT_KEYS_MAX: usize = 200;
/// Longer than any spelling of a boolean; what is longer is not looked at.
const BOOLEAN_BYTES_MAX: usize = 256;
/// Longer than any word of a fixed set.
const WORD_BYTES_MAX: usize = 256;

/// Whether a node says "no value": nothing at all, or YAML's `~`.
fn is_nothing(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { text, quoted } => !quoted && matches!(text.as_str(), "" | "~"),
        Value::Sequence(_) | Value::Mapping(_) => false,
    }
}

fn kind_of(node: &Node) -> &'static str {
    match node.value {
        Value::Scalar { .. } if is_nothing(node) => "nothing",
        Value::Scalar { .. } => "a single value",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
    }
}
