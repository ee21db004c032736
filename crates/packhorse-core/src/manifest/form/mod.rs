//! The manifest as a form: what to ask, the answers as a manifest's text, and a text as answers.
//!
//! The questions are made of the table of options, so that a form cannot miss one. Answers are texts
//! by path (`bucket`, `returnAddress.city`, `operations[0].prefix`), as they are typed; whether they
//! are good is for [`super::read`] to say.

mod answers;
mod write;

use std::collections::BTreeMap;

use super::options::{Need, Place, Row, Section, Shape};
use super::words::JobKind;

pub use answers::{Filled, answers};
pub use write::write;

/// Between the two halves of a line of [`Input::Pairs`].
pub const PAIR_MARK: &str = " = ";

/// What was typed, by path. An empty text is the same as none.
pub type Answers = BTreeMap<String, String>;

/// Questions under one heading.
#[derive(Clone, Debug)]
pub struct Group {
    /// The heading of the section.
    pub heading: &'static str,
    /// The option that holds them as its members; empty when they are options of the manifest itself.
    pub of: &'static str,
    /// Whether `of` is a list, each entry of which has all of them.
    pub repeats: bool,
    /// What `of` means; empty without it.
    pub doc: &'static str,
    /// The questions.
    pub questions: Vec<Question>,
}

/// One option, as it is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be answered, whatever else is.
    pub is_required: bool,
    /// What no answer means, or when there must be one.
    pub otherwise: Option<&'static str>,
    /// How it is answered.
    pub input: Input,
    /// What it means, in sentences.
    pub doc: &'static str,
    /// An answer.
    pub example: &'static str,
}

/// How a question is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// One line of text.
    Line,
    /// One line that nobody should see.
    Secret,
    /// yes or no.
    YesNo,
    /// One of these.
    Choice(Vec<&'static str>),
    /// Texts, one in a line.
    Lines,
    /// Names and values, one pair in a line, [`PAIR_MARK`] between them.
    Pairs,
}

/// The questions for a job of this kind, in the order of a template. The version is not asked for:
/// [`write()`] knows it.
pub fn groups(kind: JobKind) -> Vec<Group> {
    let mut groups = Vec::new();
    for (section, heading) in Section::ALL {
        let rows = || {
            let rows = Place::Document.rows().iter();
            rows.filter(|row| row.is_of(kind) && row.section == section)
        };
        let plain = rows().filter(|row| !matches!(row.shape, Shape::Version));
        let questions: Vec<Question> = plain.filter_map(|row| question(row, kind)).collect();
        if !questions.is_empty() {
            groups.push(Group {
                heading,
                of: "",
                repeats: false,
                doc: "",
                questions,
            });
        }
        groups.extend(rows().filter_map(|row| members(row, heading, kind)));
    }
    groups
}

/// The questions about the members of an option that has some.
fn members(row: &Row, heading: &'static str, kind: JobKind) -> Option<Group> {
    let (place, repeats) = match row.shape {
        Shape::Members(place) => (place, false),
        Shape::Entries { of, .. } => (of, true),
        _ => return None,
    };
    let rows = place.rows().iter().filter(|row| row.is_of(kind));
    Some(Group {
        heading,
        of: row.name,
        repeats,
        doc: row.doc,
        questions: rows.filter_map(|row| question(row, kind)).collect(),
    })
}

/// `None` for an option that is a group of its own, or none of a form.
fn question(row: &Row, kind: JobKind) -> Option<Question> {
    Some(Question {
        name: row.name,
        is_required: row.is_required(kind),
        otherwise: match row.need {
            Need::Default(text) | Need::When(text) => Some(text),
            Need::Optional | Need::Required | Need::RequiredIn(_) => None,
        },
        input: input(row.shape)?,
        doc: row.doc,
        example: row.example,
    })
}

fn input(shape: Shape) -> Option<Input> {
    Some(match shape {
        // A form makes one job, and one job has one device.
        Shape::Members(_) | Shape::Entries { .. } | Shape::Split => return None,
        Shape::Secret => Input::Secret,
        Shape::Boolean => Input::YesNo,
        Shape::Word(codes) => Input::Choice(codes()),
        Shape::Patterns => Input::Lines,
        Shape::Texts { .. } => Input::Pairs,
        Shape::Version
        | Shape::Text { .. }
        | Shape::Characters { .. }
        | Shape::Header
        | Shape::HeaderName
        | Shape::Bucket
        | Shape::Emails
        | Shape::Volume
        | Shape::Dollars
        | Shape::Directory => Input::Line,
    })
}

#[cfg(test)]
mod tests;
