//! The text of a manifest as answers.

use super::{Answers, PAIR_MARK};
use crate::manifest::fields::is_nothing;
use crate::manifest::options::{Place, Row, Shape};
use crate::manifest::problem::Problems;
use crate::manifest::yaml::{Entry, Node, Value};
use crate::manifest::{lenient, text, yaml};

/// Options that a form cannot show: so many are named.
const UNSHOWN_MAX: usize = 20;

/// A form, filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The answers.
    pub answers: Answers,
    /// What the text has beyond them: options that are not known, and values that no input can hold.
    /// A text written from the answers would lack these.
    pub unshown: Vec<String>,
}

/// What a manifest's text answers, whether its values are good or not; `None` for a text that is no
/// list of options at all.
pub fn answers(manifest: &str) -> Option<Filled> {
    let mut problems = Problems::new(false);
    let decoded = text::decode(manifest.as_bytes(), &mut problems).ok()?;
    let corrected = lenient::correct(decoded, &mut problems).ok()?;
    let tree = yaml::parse(&corrected.text, &corrected.places).ok()?;
    let Value::Mapping(entries) = &tree.root.value else {
        return None;
    };
    let mut filled = Filled::default();
    filled.take(Place::Document, "", entries);
    let twice = tree.duplicates.into_iter().map(|problem| problem.field);
    for path in twice {
        filled.leave_out(path);
    }
    Some(filled)
}

impl Filled {
    fn take(&mut self, place: Place, path: &str, entries: &[Entry]) {
        for Entry { key, node, .. } in entries {
            let path = format!("{path}{key}");
            match place.row(key) {
                Some(row) => self.answer(row, path, node),
                None => self.leave_out(path),
            }
        }
    }

    fn answer(&mut self, row: &Row, path: String, node: &Node) {
        if is_nothing(node) {
            return;
        }
        let answer = match (row.shape, &node.value) {
            (Shape::Members(place), Value::Mapping(entries)) => {
                return self.take(place, &format!("{path}."), entries);
            }
            (Shape::Entries { of, .. }, Value::Sequence(items)) => {
                return self.entries(of, &path, items);
            }
            (Shape::Patterns, Value::Sequence(items)) => lines(items),
            (Shape::Texts { .. }, Value::Mapping(entries)) => pairs(entries),
            (Shape::Members(_) | Shape::Entries { .. } | Shape::Texts { .. }, _) => None,
            (_, Value::Scalar { text, .. }) => one_line(text),
            (_, Value::Sequence(_) | Value::Mapping(_)) => None,
        };
        match answer {
            Some(answer) => drop(self.answers.insert(path, answer)),
            None => self.leave_out(path),
        }
    }

    fn entries(&mut self, of: Place, path: &str, items: &[Node]) {
        for (number, item) in items.iter().enumerate() {
            match &item.value {
                Value::Mapping(entries) => self.take(of, &format!("{path}[{number}]."), entries),
                Value::Scalar { .. } | Value::Sequence(_) => {
                    self.leave_out(format!("{path}[{number}]"));
                }
            }
        }
    }

    fn leave_out(&mut self, path: String) {
        if self.unshown.len() < UNSHOWN_MAX && !self.unshown.contains(&path) {
            self.unshown.push(path);
        }
    }
}

fn one_line(text: &str) -> Option<String> {
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

fn lines(items: &[Node]) -> Option<String> {
    let line = |node| one_line(scalar(node)?).filter(|line| !line.trim().is_empty());
    let lines: Option<Vec<String>> = items.iter().map(line).collect();
    lines.map(|lines| lines.join("\n"))
}

fn pairs(entries: &[Entry]) -> Option<String> {
    let pair = |entry: &Entry| {
        let Entry { key, node, .. } = entry;
        let value = scalar(node)?;
        let hidden = |text: &str| text.contains(char::is_control);
        let ambiguous = key.trim().is_empty() || key.contains(PAIR_MARK) || key.ends_with(" =");
        if hidden(key) || hidden(value) || ambiguous {
            return None;
        }
        Some(format!("{key}{PAIR_MARK}{value}"))
    };
    let pairs: Option<Vec<String>> = entries.iter().map(pair).collect();
    pairs.map(|pairs| pairs.join("\n"))
}
