//! `substitutions`: literal replacements in keys, or in names of files.

use crate::mapping::{KEY_BYTES_MAX, Substitutions};

use super::fields::Fields;
use super::options::limits::SUBSTITUTIONS_MAX;
use super::problem::Problems;

/// Reads the pairs, in source order.
pub(super) fn read(document: &Fields<'_>, problems: &mut Problems) -> Substitutions {
    let Some(field) = document.get("substitutions") else {
        return Substitutions::default();
    };
    let Some(members) = field.free_members(problems) else {
        return Substitutions::default();
    };
    let mut pairs = Vec::new();
    for to in members.all() {
        if pairs.len() == SUBSTITUTIONS_MAX {
            problems.add(field.wrong(format!("has more than {SUBSTITUTIONS_MAX} pairs")));
            break;
        }
        if to.name.is_empty() {
            problems.add(to.wrong_name("the text to be replaced must not be empty"));
        } else if to.name.len() > KEY_BYTES_MAX {
            problems.add(to.wrong_name(format!(
                "the text to be replaced has more than {KEY_BYTES_MAX} bytes, more than any key"
            )));
        } else if let Some(text) = to.text(KEY_BYTES_MAX, problems) {
            pairs.push((to.name.to_owned(), text.to_owned()));
        }
    }
    Substitutions(pairs)
}
