//! The options of an S3 import.

use crate::mapping::{IgnorePatterns, KEY_BYTES_MAX, PATTERNS_MAX, Substitutions};

use super::common::{self, too_many};
use super::fields::{Fields, is_nothing};
use super::headers;
use super::options::limits::PATTERN_BYTES_MAX;
use super::problem::{Problems, shown};
use super::substitutions;
use super::types::S3Import;

/// Reads them. `None` if there was a problem.
pub(super) fn read(document: &Fields<'_>, problems: &mut Problems) -> Option<S3Import> {
    let bucket = document
        .get("bucket")
        .and_then(|field| common::bucket(&field, problems));
    let erase_device = common::erase_device(document, problems);
    let substitutions = substitutions::read(document, problems);
    Some(S3Import {
        prefix: prefix(document, &substitutions, problems).unwrap_or_default(),
        ignore: ignore(document, problems),
        headers: headers::read(document, problems),
        substitutions,
        bucket: bucket?,
        erase_device: erase_device?,
    })
}

fn prefix(
    document: &Fields<'_>,
    substitutions: &Substitutions,
    problems: &mut Problems,
) -> Option<String> {
    let field = document.get("prefix")?;
    let text = field.text(2 * KEY_BYTES_MAX, problems)?;
    if text.len() >= KEY_BYTES_MAX && substitutions.0.is_empty() {
        problems.add(field.wrong(format!(
            "has {} bytes; a key has at most {KEY_BYTES_MAX}, so no file could be stored",
            text.len()
        )));
        return None;
    }
    Some(text.to_owned())
}

fn ignore(document: &Fields<'_>, problems: &mut Problems) -> IgnorePatterns {
    let Some(field) = document.get("ignore") else {
        return IgnorePatterns::default();
    };
    let items = field.items(problems);
    if items.len() > PATTERNS_MAX {
        problems.add(too_many(&field, items.len(), PATTERNS_MAX, "patterns"));
        return IgnorePatterns::default();
    }
    let mut patterns = Vec::with_capacity(items.len());
    for item in items {
        if is_nothing(item.node) {
            let message = "has no value: write a regular expression, or delete the line (a pattern \
                           that is a `~` is written between quotes)";
            problems.add(item.wrong(message));
            continue;
        }
        match item.text(PATTERN_BYTES_MAX, problems) {
            Some("") => problems.add(item.wrong("an empty pattern would ignore every file")),
            Some(text) => patterns.push((item, text)),
            None => {}
        }
    }
    let texts: Vec<&str> = patterns.iter().map(|(_, text)| *text).collect();
    let compiled = IgnorePatterns::compile(&texts);
    if let Ok(compiled) = &compiled {
        for index in compiled.universal() {
            if let Some((item, text)) = patterns.get(index) {
                let message = format!(
                    "{} is found in every path, so no file at all would be loaded; anchor it (`^`, \
                     `$`) or write a `\\` before a dot that is meant as a dot",
                    shown(text)
                );
                item.tolerate(problems, message);
            }
        }
    }
    compiled.unwrap_or_else(|refused| {
        for refused in refused {
            if let Some((item, _)) = patterns.get(refused.index) {
                problems.add(item.wrong_at(refused.character, &refused.reason));
            }
        }
        IgnorePatterns::default()
    })
}
