//! What is doubtful in any option: quotes that are none, blanks that are none, and the text that the
//! service shows in place of a secret.

use super::options::Place;
use super::problem::{Problem, ProblemKind, Problems, Span, shown};
use super::secrets::REDACTED;
use super::yaml::{Node, Value};

/// Quotes of word processors. An apostrophe (U+2019) inside a name is none of them.
const CURLY: [char; 8] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛'];

/// Looks at every name and every value below `root`.
pub(super) fn check(root: &Node, problems: &mut Problems) {
    let path = Vec::new();
    Walk { path, problems }.value(root, false);
}

struct Walk<'a> {
    /// The names and numbers that lead here.
    path: Vec<Step<'a>>,
    problems: &'a mut Problems,
}

enum Step<'a> {
    Name(&'a str),
    Item(usize),
}

impl<'a> Walk<'a> {
    /// `free` where names or values are the customer's own words: nothing there is ever hidden, so
    /// what the service shows in place of a secret is a text like any other.
    fn value(&mut self, node: &'a Node, free: bool) {
        match &node.value {
            Value::Scalar { text, quoted } => {
                if text == REDACTED && !free {
                    self.redacted(node.span);
                }
                if !quoted {
                    self.plain(text, node.span);
                }
            }
            Value::Sequence(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Step::Item(index));
                    self.value(item, free);
                    self.path.pop();
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    let row = Place::Document.row(&entry.key);
                    let words = self.path.is_empty() && row.is_some_and(|row| row.has_own_words());
                    self.path.push(Step::Name(&entry.key));
                    if !entry.quoted {
                        self.plain(&entry.key, entry.at);
                    }
                    self.value(&entry.node, free || words);
                    self.path.pop();
                }
            }
        }
    }

    fn redacted(&mut self, span: Span) {
        let message = format!(
            "`{REDACTED}` is what the service shows instead of the value; write the value itself"
        );
        self.problems.add(Problem {
            kind: ProblemKind::InvalidField,
            span: Some(span),
            field: self.field(),
            message,
        });
    }

    /// A name or value without quotes.
    fn plain(&mut self, text: &str, span: Span) {
        let first = text.chars().next().filter(|c| CURLY.contains(c));
        let last = text.chars().last().filter(|c| matches!(c, '“' | '”'));
        if let Some(quote) = first.or(last) {
            let message = format!(
                "the curly quote {} does not quote: it is taken as a part of the text; write \
                 straight quotes, ' or \"",
                shown(&quote.to_string())
            );
            let field = self.field();
            let kind = ProblemKind::InvalidField;
            self.problems.tolerate(kind, span, &field, message);
        }
    }

    fn field(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Item(index) => path.push_str(&format!("[{index}]")),
                Step::Name(name) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(shown(name).trim_matches('`'));
                }
            }
        }
        path
    }
}
