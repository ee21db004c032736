//! Typed access to the members of a mapping. Whatever is missing or wrong becomes a problem with
//! its place; reading goes on.

use super::names;
use super::options::limits::WORD_BYTES_MAX;
use super::options::{Place, Row};
use super::problem::{OF_A_KIND_MAX, Position, Problem, ProblemKind, Problems, Span, shown};
use super::words::{self, Word};
use super::yaml::{Entry, Node, Value};

/// The members of one mapping.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    /// Where the mapping's name stands; `None` for the document.
    at: Option<Span>,
    /// The path in front of a member's name: empty, or ending with a dot.
    path: String,
    /// What a wrong value in this mapping is.
    wrong: ProblemKind,
    /// Which options it has; `None` when the names are the customer's.
    pub(super) place: Option<Place>,
}

/// One member that has a value.
pub(super) struct Field<'a> {
    /// The name as written.
    pub(super) name: &'a str,
    /// Where it is in the document, as messages say it.
    pub(super) path: String,
    /// Where the name stands.
    pub(super) at: Span,
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
            place: Some(Place::Document),
        }
    }

    /// Every member, in source order.
    pub(super) fn all(&self) -> impl Iterator<Item = Field<'a>> {
        self.entries.iter().map(|entry| self.field(entry))
    }

    /// The member `name` if it is there and has a value.
    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        let known = self.place.is_none_or(|place| place.row(name).is_some());
        debug_assert!(known, "{name} is not in the table of options");
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        (!is_nothing(&entry.node)).then(|| self.field(entry))
    }

    /// The problem that the option `row` is missing, if it is.
    pub(super) fn missing(&self, row: &Row) -> Option<Problem> {
        if self.get(row.name).is_some() {
            return None;
        }
        let (name, what) = (row.name, row.what);
        let written = self.entries.iter().find(|entry| entry.key == name);
        let misspelt = || {
            let mut candidates = self.entries.iter().take(MISSPELT_KEYS_MAX);
            candidates.find(|e| e.key != name && names::nearest(&e.key, &[name]).is_some())
        };
        let message = match (written, misspelt()) {
            (Some(_), _) => format!("has no value; write {what}"),
            (None, Some(entry)) => format!(
                "is missing; write {what} (line {} has {} instead)",
                entry.at.start.line,
                shown(&entry.key)
            ),
            (None, None) => format!("is missing; write {what}"),
        };
        Some(Problem {
            kind: ProblemKind::MissingField,
            span: written.map(|entry| entry.at).or(self.at),
            field: format!("{}{name}", self.path),
            message,
        })
    }

    /// The members whose names `is_known` does not know: as many as one answer can name, and how
    /// many more there are.
    pub(super) fn unknown(&self, is_known: impl Fn(&str) -> bool) -> (Vec<Field<'a>>, usize) {
        let unknown = |entry: &&'a Entry| !is_known(&entry.key);
        let mut entries = self.entries.iter().filter(unknown);
        let named = entries.by_ref().take(OF_A_KIND_MAX);
        let fields = named.map(|entry| self.field(entry)).collect();
        (fields, entries.count())
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
            span: Some(self.node.span),
            field: self.path.clone(),
            message: message.into(),
        }
    }

    /// A problem with the name.
    pub(super) fn wrong_name(&self, message: impl Into<String>) -> Problem {
        Problem {
            span: Some(self.at),
            ..self.wrong(message)
        }
    }

    /// A problem with one character of the text, counted from 0: at its place, if the text stands
    /// in the manifest as it is, without escapes and folded lines.
    pub(super) fn wrong_at(&self, character: usize, message: &str) -> Problem {
        let Node { span, value } = self.node;
        let Span { start, end } = span;
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
        let line = start.line;
        Problem {
            span: Some(Position { line, column }.span()),
            ..self.wrong(message)
        }
    }

    /// Adds a warning about the value.
    pub(super) fn warn(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.warn(self.node.span, &self.path, message);
    }

    /// Adds a warning about the value that a strict reader takes for an error.
    pub(super) fn tolerate(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.tolerate(self.wrong, self.node.span, &self.path, message);
    }

    /// The text as it is written. A number or a word like `yes` is text too. Control characters
    /// are refused: no option has a use for them, and headers could be forged with them.
    pub(super) fn text(&self, bytes_max: usize, problems: &mut Problems) -> Option<&'a str> {
        let text = self.any_text(problems)?;
        if text.len() > bytes_max {
            let length = text.len();
            problems.add(self.wrong(format!(
                "has {length} bytes, at most {bytes_max} are allowed"
            )));
            return None;
        }
        Some(text)
    }

    /// The same, of any length.
    pub(super) fn any_text(&self, problems: &mut Problems) -> Option<&'a str> {
        let Value::Scalar { text, quoted } = &self.node.value else {
            problems.add(self.wrong(format!("must be a text, not {}", kind_of(self.node))));
            return None;
        };
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            let escaped = control.escape_default();
            problems.add(self.wrong(format!("contains the control character {escaped}")));
            return None;
        }
        if !quoted && matches!(text.as_str(), "~" | "null" | "Null" | "NULL") {
            let message = format!("is taken as the text `{text}`; to give no value, write none");
            self.tolerate(problems, message);
        }
        Some(text)
    }

    /// A text that is more than blanks.
    pub(super) fn not_blank(&self, bytes_max: usize, problems: &mut Problems) -> Option<String> {
        let text = self.text(bytes_max, problems)?;
        if text.trim().is_empty() {
            problems.add(self.wrong("must not be blank"));
            return None;
        }
        Some(text.to_owned())
    }

    /// A word out of a fixed set, or a number: a `;` behind it cannot be meant.
    pub(super) fn word(&self, problems: &mut Problems) -> Option<&'a str> {
        let text = self.text(WORD_BYTES_MAX, problems)?;
        let word = text.trim_end_matches(';').trim_end();
        if word.len() < text.len() {
            let message = format!("the `;` is ignored; write `{}: {word}`", self.name);
            self.tolerate(problems, message);
        }
        Some(word)
    }

    /// `yes`, `no`, `true` or `false` in any case.
    pub(super) fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        let word = self.word(problems)?;
        match word.to_ascii_lowercase().as_str() {
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            _ => {
                problems.add(self.wrong(format!("must be yes or no, not {}", shown(word))));
                None
            }
        }
    }

    /// One of the words of a type.
    pub(super) fn one_of<W: Word>(&self, problems: &mut Problems) -> Option<W> {
        let word = self.word(problems)?;
        if let Some((_, value)) = W::WORDS.iter().find(|(code, _)| *code == word) {
            return Some(*value);
        }
        let codes = words::codes::<W>();
        problems.add(self.wrong(format!(
            "{} is not allowed; allowed: {}{}",
            shown(word),
            codes.join(", "),
            names::hint(word, &codes)
        )));
        None
    }

    /// The value as a mapping with the options of a place.
    pub(super) fn members(&self, place: Place, problems: &mut Problems) -> Option<Fields<'a>> {
        let members = self.free_members(problems)?;
        Some(Fields {
            place: Some(place),
            ..members
        })
    }

    /// The value as a mapping with names of the customer's choice.
    pub(super) fn free_members(&self, problems: &mut Problems) -> Option<Fields<'a>> {
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
            place: None,
        })
    }

    /// The members of a list; a single value counts as a list of one, which is a warning.
    pub(super) fn items(&self, problems: &mut Problems) -> Vec<Field<'a>> {
        let item = |index: usize, node: &'a Node| Field {
            name: self.name,
            path: format!("{}[{index}]", self.path),
            at: node.span,
            node,
            wrong: self.wrong,
        };
        match &self.node.value {
            Value::Sequence(items) => {
                let numbered = items.iter().enumerate();
                numbered.map(|(index, node)| item(index, node)).collect()
            }
            Value::Scalar { .. } | Value::Mapping(_) => {
                let message = format!(
                    "is taken as a list of one; write it in lines below `{}:` that begin with `- `",
                    self.name
                );
                self.tolerate(problems, message);
                vec![item(0, self.node)]
            }
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

/// Whether a node says "no value": nothing at all, or YAML's `~`.
pub(super) fn is_nothing(node: &Node) -> bool {
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
