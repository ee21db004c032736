//! YAML text to a tree in which every node knows its place.
//!
//! Only what a manifest needs: one document of mappings, sequences and scalars. Anchors, aliases
//! and tags are refused, so a small text can never become a large tree.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as Marks, Tag};

use super::places::Places;
use super::problem::{OF_A_KIND_MAX, Position, Problem, ProblemKind, Span, shown};

/// Mappings and sequences may be nested this deep. A manifest needs three levels; 32 leave room
/// and keep every walk over the tree shallow.
pub(super) const DEPTH_MAX: usize = 32;
/// Scalars, mappings and sequences in one manifest, keys included: what a megabyte of useful
/// options can hold, and a bound on memory.
pub(super) const NODES_MAX: usize = 200_000;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Value {
    /// Text; a quoted one is never a number, a boolean or nothing.
    Scalar {
        text: String,
        quoted: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One `key: value` of a mapping. Keys of one mapping differ.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Whether the key stands between quotes.
    pub(super) quoted: bool,
    pub(super) at: Span,
    pub(super) node: Node,
}

/// A tree, and the keys that stood twice (the first of each is in the tree).
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Node,
    pub(super) duplicates: Vec<Problem>,
    /// How many more of them there were.
    pub(super) more_duplicates: usize,
}

/// Reads `text`; `places` says where its characters stood in the customer's text.
pub(super) fn parse(text: &str, places: &Places) -> Result<Tree, Problem> {
    let mut builder = Builder::new(places);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, marks) = event.map_err(|error| builder.not_yaml(&error))?;
        builder.take(event, marks)?;
    }
    let empty = "the manifest is empty: it must be YAML lines of the form `option: value`";
    let root = builder.root.ok_or_else(|| malformed(None, empty))?;
    Ok(Tree {
        root,
        duplicates: builder.duplicates,
        more_duplicates: builder.more_duplicates,
    })
}

/// A MalformedManifest problem of the whole document.
pub(super) fn malformed(position: Option<Position>, message: impl Into<String>) -> Problem {
    Problem {
        kind: ProblemKind::Malformed,
        span: position.map(Position::span),
        field: String::new(),
        message: message.into(),
    }
}

/// A collection whose end was not seen yet.
enum Open {
    Sequence {
        start: Position,
        items: Vec<Node>,
    },
    Mapping {
        start: Position,
        entries: Vec<Entry>,
        /// The key whose value comes next.
        key: Option<(String, bool, Span)>,
        /// Where each key was first seen.
        lines: HashMap<String, usize>,
    },
}

struct Builder<'a> {
    places: &'a Places,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    duplicates: Vec<Problem>,
    more_duplicates: usize,
}

impl<'a> Builder<'a> {
    fn new(places: &'a Places) -> Self {
        Self {
            places,
            open: Vec::new(),
            root: None,
            nodes: 0,
            duplicates: Vec::new(),
            more_duplicates: 0,
        }
    }

    fn place(&self, marker: &Marker) -> Position {
        self.places.of(marker.line(), marker.col() + 1)
    }

    fn span(&self, start: Position, end: &Marker) -> Span {
        let end = self.place(end).max(start);
        Span { start, end }
    }

    fn take(&mut self, event: Event<'_>, marks: Marks) -> Result<(), Problem> {
        let start = self.place(&marks.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                let message = "a second document begins here: a manifest is one YAML document";
                Err(malformed(Some(start), message))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(_) => Err(malformed(Some(start), NO_ALIASES)),
            Event::Scalar(text, style, anchor, tag) => {
                plain_node(start, anchor, tag.as_deref())?;
                let value = Value::Scalar {
                    text: text.into_owned(),
                    quoted: style != ScalarStyle::Plain,
                };
                let span = self.span(start, &marks.end);
                self.close(Node { span, value })
            }
            Event::SequenceStart(anchor, tag) => {
                plain_node(start, anchor, tag.as_deref())?;
                let items = Vec::new();
                self.begin(start, Open::Sequence { start, items })
            }
            Event::MappingStart(anchor, tag) => {
                plain_node(start, anchor, tag.as_deref())?;
                let mapping = Open::Mapping {
                    start,
                    entries: Vec::new(),
                    key: None,
                    lines: HashMap::new(),
                };
                self.begin(start, mapping)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (start, value) = match self.open.pop() {
                    Some(Open::Sequence { start, items }) => (start, Value::Sequence(items)),
                    Some(Open::Mapping { start, entries, .. }) => (start, Value::Mapping(entries)),
                    None => return Ok(()),
                };
                let span = self.span(start, &marks.end);
                self.close(Node { span, value })
            }
        }
    }

    fn begin(&mut self, start: Position, collection: Open) -> Result<(), Problem> {
        if let Some(Open::Mapping { key: None, .. }) = self.open.last() {
            return Err(malformed(Some(start), ONLY_TEXT_KEYS));
        }
        if self.open.len() == DEPTH_MAX {
            let message = format!("lists and mappings are nested more than {DEPTH_MAX} deep");
            return Err(malformed(Some(start), message));
        }
        self.open.push(collection);
        Ok(())
    }

    /// A node is complete: hands it to the collection around it.
    fn close(&mut self, node: Node) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            let message = format!("the manifest has more than {NODES_MAX} values");
            return Err(malformed(Some(node.span.start), message));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping {
                entries,
                key,
                lines,
                ..
            }) => match key.take() {
                None => match node.value {
                    Value::Scalar { text, quoted } => *key = Some((text, quoted, node.span)),
                    Value::Sequence(_) | Value::Mapping(_) => {
                        return Err(malformed(Some(node.span.start), ONLY_TEXT_KEYS));
                    }
                },
                Some((key, quoted, at)) => match lines.get(&key) {
                    Some(_) if self.duplicates.len() == OF_A_KIND_MAX => self.more_duplicates += 1,
                    Some(line) => self.duplicates.push(duplicate(&key, *line, at)),
                    None => {
                        lines.insert(key.clone(), at.start.line);
                        entries.push(Entry {
                            key,
                            quoted,
                            at,
                            node,
                        });
                    }
                },
            },
        }
        Ok(())
    }

    fn not_yaml(&self, error: &ScanError) -> Problem {
        let position = self.place(error.marker());
        malformed(Some(position), explanation(error.info()))
    }
}

const NO_ALIASES: &str = "a value that begins with `&` or `*` is an anchor or alias of YAML, which \
     a manifest cannot have; put the text between single quotes";
const NO_TAGS: &str = "a value that begins with `!` is a tag of YAML, which a manifest cannot \
     have; put the text between single quotes";
const ONLY_TEXT_KEYS: &str = "a list or mapping cannot be the name of an option";

/// Refuses an anchor or a tag in front of a node.
fn plain_node(start: Position, anchor: usize, tag: Option<&Tag>) -> Result<(), Problem> {
    match (anchor, tag) {
        (0, None) => Ok(()),
        (0, Some(_)) => Err(malformed(Some(start), NO_TAGS)),
        (_, _) => Err(malformed(Some(start), NO_ALIASES)),
    }
}

fn duplicate(key: &str, first_line: usize, at: Span) -> Problem {
    Problem {
        kind: ProblemKind::InvalidField,
        span: Some(at),
        field: String::new(),
        message: format!(
            "{} stands twice, in line {first_line} and in line {}; keep one",
            shown(key),
            at.start.line
        ),
    }
}

/// The parser's message in our words, for the faults people make. Its own words are fixed texts,
/// but for the one that repeats a character, which may be of a password.
fn explanation(info: &str) -> String {
    let found = EXPLANATIONS.iter().find(|(words, _)| info.contains(words));
    match found {
        Some((_, explanation)) => (*explanation).to_owned(),
        None => format!("not well-formed YAML: {info}"),
    }
}

/// Words of the parser's messages, the more special ones first, and what a customer can do.
const EXPLANATIONS: [(&str, &str); 14] = [
    ("anchor", NO_ALIASES),
    ("alias", NO_ALIASES),
    ("tag", NO_TAGS),
    (
        "unexpected character",
        "a value cannot begin with this character; put the text between single quotes",
    ),
    (
        "mapping values are not allowed",
        "`: ` may not stand inside a value without quotes, and an option must begin in the same \
         column as its neighbours; put the value between single quotes or correct the indentation",
    ),
    (
        "simple key expect",
        "this line or the one before is not of the form `option: value`",
    ),
    ("tab", "a tab cannot stand here; use blanks"),
    (
        "indentation in quoted scalar",
        "the quote that begins here does not end, or its lines are not indented",
    ),
    (
        "escape",
        "between double quotes `\\` begins an escape, and this is none; write `\\\\`, or use \
         single quotes",
    ),
    (
        "quoted scalar",
        "the quote does not end, or something follows it",
    ),
    (
        "trailing content after double-quoted",
        "something follows the end of the quote; put the whole value between single quotes",
    ),
    (
        "flow",
        "between brackets a comma is missing, or the bracket does not end",
    ),
    (
        "did not find expected key",
        "the line is not aligned with its neighbours, or is not of the form `option: value`",
    ),
    (
        "invalid indentation",
        "the line begins in a column where nothing began before; align it with its neighbours",
    ),
];
