//! What can be wrong with a manifest, and where.

use super::{lenient, names, redact};
use crate::characters::is_unseen;

/// So many problems of one kind are spelt out; a text of noise must not become a long answer.
pub(super) const OF_A_KIND_MAX: usize = 50;
/// An echoed piece of the customer's text is cut to this many characters.
const SHOWN_CHARS_MAX: usize = 80;

/// A place in the text, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The place of this one character.
    pub fn span(self) -> Span {
        let end = Self {
            line: self.line,
            column: self.column + 1,
        };
        Span { start: self, end }
    }
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Its first character.
    pub start: Position,
    /// Just behind its last character; never before `start`.
    pub end: Position,
}

/// Which of the original's faults a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Not a YAML mapping, or not readable at all: MalformedManifestException.
    Malformed,
    /// A required option is missing: MissingManifestFieldException.
    MissingField,
    /// An option has an invalid value: InvalidManifestFieldException.
    InvalidField,
    /// A return address that cannot be one: InvalidAddressException.
    InvalidAddress,
    /// Customs options are missing: MissingCustomsException.
    MissingCustoms,
    /// A customs option is invalid: InvalidCustomsException.
    InvalidCustoms,
    /// An export's fileSystem is invalid: InvalidFileSystemException.
    InvalidFileSystem,
    /// Accepted, but the customer should know: goes into WarningMessage.
    Warning,
}

impl ProblemKind {
    /// What several of them are called.
    fn plural(self) -> &'static str {
        match self {
            Self::Malformed => "lines that are not well-formed",
            Self::MissingField => "missing options",
            Self::InvalidField => "invalid options or values",
            Self::InvalidAddress => "invalid lines of the address",
            Self::MissingCustoms => "missing members of customs",
            Self::InvalidCustoms => "invalid members of customs",
            Self::InvalidFileSystem => "faults of fileSystem",
            Self::Warning => "warnings",
        }
    }
}

/// One thing to tell the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which fault.
    pub kind: ProblemKind,
    /// Where; `None` when something is missing from the whole document.
    pub span: Option<Span>,
    /// The option, as a path: `returnAddress.postalCode`, `ignore[2]`. Empty for the document.
    pub field: String,
    /// What is wrong, what is allowed, what to do: one sentence without a full stop.
    pub message: String,
}

impl Problem {
    /// Where it begins.
    pub fn position(&self) -> Option<Position> {
        self.span.map(|span| span.start)
    }

    /// Whether the manifest is refused because of it.
    pub fn is_error(&self) -> bool {
        self.kind != ProblemKind::Warning
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(Position { line, column }) = self.position() {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// Collects problems while a manifest is read.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
    /// How many more there were of each kind.
    dropped: Vec<(ProblemKind, usize)>,
    strict: bool,
}

impl Problems {
    /// None yet; `strict` makes errors of what is otherwise tolerated.
    pub(super) fn new(strict: bool) -> Self {
        Self {
            strict,
            ..Self::default()
        }
    }

    /// Adds a problem, unless there are already enough of its kind; what concerns the whole
    /// document is always kept.
    pub(super) fn add(&mut self, problem: Problem) {
        let same = self.found.iter().filter(|p| p.kind == problem.kind);
        if problem.span.is_none() || same.count() < OF_A_KIND_MAX {
            self.found.push(problem);
        } else {
            self.drop(problem.kind, 1);
        }
    }

    /// Counts problems of a kind that are not even looked at.
    pub(super) fn drop(&mut self, kind: ProblemKind, count: usize) {
        match self.dropped.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, dropped)) => *dropped += count,
            None if count > 0 => self.dropped.push((kind, count)),
            None => {}
        }
    }

    /// The kind of what is a warning unless the reader is strict.
    pub(super) fn tolerated(&self, kind: ProblemKind) -> ProblemKind {
        match self.strict {
            true => kind,
            false => ProblemKind::Warning,
        }
    }

    /// Adds a warning.
    pub(super) fn warn(
        &mut self,
        span: impl Into<Option<Span>>,
        field: &str,
        message: impl Into<String>,
    ) {
        self.add(Problem {
            kind: ProblemKind::Warning,
            span: span.into(),
            field: field.to_owned(),
            message: message.into(),
        });
    }

    /// Adds what is a warning, unless the reader is strict: then it is a fault of `kind`.
    pub(super) fn tolerate(
        &mut self,
        kind: ProblemKind,
        span: Span,
        field: &str,
        message: impl Into<String>,
    ) {
        self.add(Problem {
            kind: self.tolerated(kind),
            span: Some(span),
            field: field.to_owned(),
            message: message.into(),
        });
    }

    /// Whether something other than a warning was found.
    pub(super) fn has_errors(&self) -> bool {
        self.found.iter().any(Problem::is_error)
    }

    /// Everything found, in source order; what has no place comes first, and last, for each kind,
    /// how many more there are.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(Problem::position);
        let more = self.dropped.into_iter().map(|(kind, count)| Problem {
            kind,
            span: None,
            field: String::new(),
            message: format!("and {count} more {}", kind.plural()),
        });
        self.found.extend(more);
        self.found
    }
}

/// A piece of the customer's text as a message may repeat it: in backquotes, cut, with what
/// nobody sees escaped, and never past the name of a secret option.
pub(super) fn shown(text: &str) -> String {
    let safe = names::before_secret(text);
    let mut shown = String::from("`");
    for (count, character) in safe.chars().enumerate() {
        if count == SHOWN_CHARS_MAX {
            break;
        }
        if is_unseen(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    if safe.len() < text.len() || safe.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown.push('`');
    shown
}

/// One line of a text as a message may repeat it.
pub(super) fn shown_line(text: &str, number: usize) -> String {
    let safe = redact::by_line(text);
    let line = lenient::lines(&safe).nth(number.saturating_sub(1));
    shown(line.unwrap_or_default())
}
