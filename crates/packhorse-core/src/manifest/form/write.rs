//! Answers as the text of a manifest.

use std::fmt::Write as _;

use super::{Answers, PAIR_MARK};
use crate::manifest::options::{Place, Row, Shape};
use crate::manifest::words::{JobKind, Word as _};

/// The manifest that says what was answered, and nothing else. What has no answer is left out, and so
/// are answers to questions that this kind of job has not.
pub fn write(kind: JobKind, answers: &Answers) -> String {
    let mut text = String::new();
    for row in Place::Document.rows().iter().filter(|row| row.is_of(kind)) {
        match row.shape {
            Shape::Version => {
                let version = kind.versions().last().map_or("", |version| version.code());
                let version = answers.get(row.name).map_or(version, String::as_str);
                option(&mut text, "", row, version);
            }
            Shape::Members(place) => {
                let path = format!("{}.", row.name);
                let members = members(place, kind, answers, &path, "  ");
                if !members.is_empty() {
                    let _ = write!(text, "{}:\n{members}", row.name);
                }
            }
            Shape::Entries { of, .. } => entries(&mut text, row, of, kind, answers),
            _ => {
                if let Some(answer) = answers.get(row.name) {
                    option(&mut text, "", row, answer);
                }
            }
        }
    }
    text
}

fn members(place: Place, kind: JobKind, answers: &Answers, path: &str, indent: &str) -> String {
    let mut text = String::new();
    for row in place.rows().iter().filter(|row| row.is_of(kind)) {
        if let Some(answer) = answers.get(&format!("{path}{}", row.name)) {
            option(&mut text, indent, row, answer);
        }
    }
    text
}

/// The entries of a list: those that have an answer, in the order of their numbers.
fn entries(text: &mut String, row: &Row, of: Place, kind: JobKind, answers: &Answers) {
    let mut listed = String::new();
    for number in numbers(row.name, answers) {
        let path = format!("{}[{number}].", row.name);
        let members = members(of, kind, answers, &path, "    ");
        if let Some(rest) = members.strip_prefix("    ") {
            let _ = write!(listed, "  - {rest}");
        }
    }
    if !listed.is_empty() {
        let _ = write!(text, "{}:\n{listed}", row.name);
    }
}

/// The numbers of the entries that were answered.
fn numbers(name: &str, answers: &Answers) -> Vec<usize> {
    let mut numbers: Vec<usize> = answers
        .keys()
        .filter_map(|path| path.strip_prefix(name)?.strip_prefix('[')?.split_once(']'))
        .filter_map(|(number, _)| number.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// One option with its answer, unless that is empty.
fn option(text: &mut String, indent: &str, row: &Row, answer: &str) {
    if answer.is_empty() {
        return;
    }
    let name = row.name;
    let lines = || answer.lines().filter(|line| !line.trim().is_empty());
    let _ = match row.shape {
        Shape::Patterns if lines().next().is_none() => Ok(()),
        Shape::Texts { .. } if lines().next().is_none() => Ok(()),
        Shape::Patterns => {
            let items = lines().map(|line| format!("{indent}  - {}\n", quoted(line)));
            write!(text, "{indent}{name}:\n{}", items.collect::<String>())
        }
        Shape::Texts { .. } => {
            let pairs = lines().map(|line| pair(indent, line));
            write!(text, "{indent}{name}:\n{}", pairs.collect::<String>())
        }
        Shape::Secret => writeln!(text, "{indent}{name}: {}", quoted(answer)),
        Shape::Version | Shape::Boolean | Shape::Word(_) | Shape::Volume | Shape::Dollars => {
            writeln!(text, "{indent}{name}: {}", word(answer))
        }
        _ => writeln!(text, "{indent}{name}: {}", scalar(answer)),
    };
}

/// A line of pairs. One without the mark is a name without a value, for the reader to complain of.
fn pair(indent: &str, line: &str) -> String {
    let (name, value) = match line.split_once(PAIR_MARK) {
        Some((name, value)) => (name, value),
        None => (line.strip_suffix(PAIR_MARK.trim_end()).unwrap_or(line), ""),
    };
    format!("{indent}  {}: {}\n", scalar(name), scalar(value))
}

/// A word or number. It stands without quotes, or it would be a text; what cannot stand so is none,
/// and the reader says so.
fn word(answer: &str) -> String {
    match is_plain(answer) {
        true => answer.to_owned(),
        false => quoted(answer),
    }
}

/// A text, quoted unless it reads the same without.
fn scalar(answer: &str) -> String {
    let is_nothing = matches!(answer, "~" | "null" | "Null" | "NULL");
    match is_plain(answer) && !is_nothing {
        true => answer.to_owned(),
        false => quoted(answer),
    }
}

/// Whether YAML reads it as it stands.
fn is_plain(answer: &str) -> bool {
    let first = answer.starts_with(|c: char| c.is_alphanumeric());
    let last = !answer.ends_with(' ');
    let all = |c: char| c.is_alphanumeric() || " ._/@+-".contains(c);
    first && last && answer.chars().all(all)
}

/// In double quotes, what is not plain to see escaped.
fn quoted(answer: &str) -> String {
    let mut text = String::from("\"");
    for c in answer.chars() {
        let _ = match c {
            '"' | '\\' => write!(text, "\\{c}"),
            '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}' => write!(text, "\\u{:04X}", c as u32),
            c if c.is_control() => write!(text, "\\x{:02X}", c as u32),
            c => write!(text, "{c}"),
        };
    }
    text.push('"');
    text
}
