//! Where the characters of a corrected text stood in the customer's.

use std::collections::BTreeMap;

use super::problem::Position;

/// One entry for each line that was changed.
#[derive(Debug, Default)]
pub(super) struct Places {
    edits: BTreeMap<usize, Edit>,
    lines: usize,
}

/// How one line was changed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// By how many columns it moved to the right.
    pub(super) indent: isize,
    /// The column (of the corrected line) of a blank that was put in.
    pub(super) blank_at: Option<usize>,
}

impl Places {
    /// For a text of so many lines.
    pub(super) fn of_lines(lines: usize) -> Self {
        Self {
            edits: BTreeMap::new(),
            lines,
        }
    }

    /// Notes how a line was changed.
    pub(super) fn edit(&mut self, line: usize, edit: Edit) {
        if edit != Edit::default() {
            self.edits.insert(line, edit);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_back_indentation_and_the_blank() {
        let mut places = Places::of_lines(2);
        let edit = Edit {
            indent: 2,
            blank_at: Some(8),
        };
        places.edit(2, edit);
        for (line, column, expected) in [
            (1, 9, (1, 9)),
            (2, 3, (2, 1)),
            (2, 9, (2, 6)),
            (3, 1, (2, 1)),
        ] {
            let (line_then, column_then) = expected;
            let then = Position {
                line: line_then,
                column: column_then,
            };
            assert_eq!(places.of(line, column), then);
        }
    }
}
