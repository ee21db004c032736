//! Accepts what the original's own samples did although YAML does not, and says so.

use std::collections::BTreeMap;

use super::problem::Position;

/// Where the characters of a corrected text stood in the customer's.
#[derive(Debug, Default)]
pub(super) struct Places {
    edits: BTreeMap<usize, Edit>,
    lines: usize,
}

/// How one line was changed.
#[derive(Debug, Default, Clone, Copy)]
struct Edit {
    indent: isize,
    blank_at: Option<usize>,
}

impl Places {
    /// For a text that was not corrected.
    pub(super) fn same(text: &str) -> Self {
        Self {
            edits: BTreeMap::new(),
            lines: text.lines().count(),
        }
    }

    /// The place of a character of the corrected text, both counted from 1.
    pub(super) fn of(&self, line: usize, column: usize) -> Position {
        let line = line.clamp(1, self.lines.max(1));
        let edit = self.edits.get(&line).copied().unwrap_or_default();
        let blank = usize::from(edit.blank_at.is_some_and(|at| at < column));
        let column = (column - blank).saturating_add_signed(-edit.indent).max(1);
        Position { line, column }
    }
}
