//! Accepts what the original's own samples did although YAML does not, and says so: each kind of
//! correction is a warning that shows the corrected line. Long values (quoted, `|`, lists in
//! brackets) are left alone.

use super::lines::{Follower, indent_of, take_apart};
use super::names;
use super::options::{Place, Row};
use super::places::{Edit, Places};
use super::problem::{Position, Problem, ProblemKind, Problems, shown_line};
use super::yaml::malformed;

/// A text for the YAML parser, and where its characters stood in the customer's.
pub(super) struct Corrected {
    pub(super) text: String,
    pub(super) places: Places,
}

/// Corrects what can be corrected without a doubt.
pub(super) fn correct(text: &str, problems: &mut Problems) -> Result<Corrected, Problem> {
    let lines: Vec<&str> = lines(text).collect();
    let mut corrector = Corrector {
        text: String::with_capacity(text.len() + lines.len()),
        places: Places::of_lines(lines.len()),
        hanging: hanging_indent(&lines),
        ..Corrector::default()
    };
    if text.contains('\r') {
        corrector.note(Quirk::CarriageReturn, 1, 1);
    }
    for (index, line) in lines.iter().enumerate() {
        corrector.take(index + 1, line);
    }
    corrector.finish(problems)
}

/// The lines of a text whose lines end with LF, CR LF or CR.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let unix = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    unix.flat_map(|line| line.split('\r'))
}

/// What is corrected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quirk {
    CarriageReturn,
    Tab,
    TabBehindColon,
    NoBlank,
    Unindented,
    Hanging,
}

impl Quirk {
    fn message(self) -> &'static str {
        match self {
            Self::CarriageReturn => "lines end with CR, as Windows programs write them; read as",
            Self::Tab => "a tab indents the line, which YAML does not allow; read as",
            Self::TabBehindColon => "a tab stands behind the colon; read as",
            Self::NoBlank => "a blank is missing behind the colon; read as",
            Self::Unindented => {
                "the line belongs to the option above it and must be indented; \
                 read as"
            }
            Self::Hanging => "the line is indented although it belongs to nothing; read as",
        }
    }
}

/// One kind of correction: where it was first made, and how often.
struct Note {
    quirk: Quirk,
    first: Position,
    count: usize,
}

#[derive(Default)]
struct Corrector {
    text: String,
    places: Places,
    follower: Follower,
    notes: Vec<Note>,
    /// How much deeper than the first line all others are, if they should not be.
    hanging: Option<usize>,
    /// The option whose members may follow without indentation: its indent and their names.
    adopting: Option<(usize, Place)>,
    /// The indent of the option whose members have free names.
    free: Option<usize>,
    /// The indent of `operations`, while its entries are read.
    operations: Option<usize>,
    /// The first line indented with blanks.
    blanks: Option<usize>,
    /// The first line indented with tabs, and the first with both.
    tabs: Option<usize>,
    mixed: Option<usize>,
}

impl Corrector {
    fn note(&mut self, quirk: Quirk, line: usize, column: usize) {
        match self.notes.iter_mut().find(|note| note.quirk == quirk) {
            Some(note) => note.count += 1,
            None => self.notes.push(Note {
                quirk,
                first: Position { line, column },
                count: 1,
            }),
        }
    }

    fn take(&mut self, number: usize, source: &str) {
        if number > 1 {
            self.text.push('\n');
        }
        let mut line = source.to_owned();
        let mut edit = Edit::default();
        self.dedent(number, &mut line, &mut edit);
        if !self.follower.is_structure(&line) {
            self.text.push_str(&line);
            self.places.edit(number, edit);
            return;
        }
        self.untab(number, &mut line, &mut edit);
        self.adopt(number, &mut line, &mut edit);
        self.space(number, &mut line, &mut edit);
        self.follower.pass(&line);
        self.remember(&line);
        self.text.push_str(&line);
        self.places.edit(number, edit);
    }

    /// `manifestVersion: 2.0` at the margin and everything else deeper: a quoted argument of a
    /// shell, copied from the AWS CLI's own example.
    fn dedent(&mut self, number: usize, line: &mut String, edit: &mut Edit) {
        let Some(depth) = self.hanging else { return };
        if number > 1 && line.bytes().take(depth).all(|b| b == b' ') && line.len() >= depth {
            if !line.trim().is_empty() {
                self.note(Quirk::Hanging, number, 1);
            }
            line.drain(..depth);
            edit.indent -= isize::try_from(depth).unwrap_or_default();
        }
    }

    /// Each tab that indents becomes two blanks; whether that is meant shows at the end.
    fn untab(&mut self, number: usize, line: &mut String, edit: &mut Edit) {
        let indent = indent_of(line);
        let leading = line.get(..indent).unwrap_or_default();
        let tabs = leading.matches('\t').count();
        match (tabs, indent - tabs) {
            (0, 0) => return,
            (0, _) => self.blanks = self.blanks.or(Some(number)),
            (_, 0) => self.tabs = self.tabs.or(Some(number)),
            (_, _) => self.mixed = self.mixed.or(Some(number)),
        }
        if tabs > 0 {
            let blanks = leading.replace('\t', "  ");
            line.replace_range(..indent, &blanks);
            edit.indent += isize::try_from(tabs).unwrap_or_default();
            self.note(Quirk::Tab, number, 1);
        }
    }

    /// Members of `returnAddress` in the same column as it.
    fn adopt(&mut self, number: usize, line: &mut String, edit: &mut Edit) {
        let Some((indent, place)) = self.adopting else {
            return;
        };
        let (name, _) = line.trim_start().split_once(':').unwrap_or_default();
        if indent_of(line) == indent && place.row(name).is_some() {
            line.insert_str(0, "  ");
            edit.indent += 2;
            self.note(Quirk::Unindented, number, indent + 1);
        } else {
            self.adopting = None;
        }
    }

    /// `key:value` becomes `key: value` for names we know.
    fn space(&mut self, number: usize, line: &mut String, edit: &mut Edit) {
        let indent = take_apart(line).indent;
        let is_item = indent > indent_of(line);
        if is_item && self.operations.is_none() {
            return; // A text in a list, such as a pattern of `ignore`.
        }
        let rest = line.get(indent..).unwrap_or_default();
        let Some((name, value)) = rest.split_once(':') else {
            return;
        };
        let colon = indent + name.len();
        let gap = value.len() - value.trim_start_matches([' ', '\t']).len();
        let known = names::is_known(name);
        let column = line.get(..colon).unwrap_or_default().chars().count() + 1;
        if known && value.get(..gap).is_some_and(|gap| gap.contains('\t')) {
            let blanks = " ".repeat(gap);
            line.replace_range(colon + 1..colon + 1 + gap, &blanks);
            self.note(Quirk::TabBehindColon, number, column);
        } else if gap == 0 && !value.is_empty() && (known || self.is_free(indent, rest)) {
            line.insert(colon + 1, ' ');
            edit.blank_at = Some(column + 1);
            let source = Position {
                line: number,
                column,
            };
            let column = source.column.saturating_add_signed(-edit.indent);
            self.note(Quirk::NoBlank, number, column.max(1));
        }
    }

    /// Whether the line is a member with a free name and not YAML already.
    fn is_free(&self, indent: usize, rest: &str) -> bool {
        let deeper = self.free.is_some_and(|outer| indent > outer);
        let key = take_apart(rest).key;
        deeper && key.is_none() && !rest.starts_with(['"', '\'', '[', '{', '-', ':'])
    }

    /// What the line means for those below it.
    fn remember(&mut self, line: &str) {
        let parts = take_apart(line);
        if self.free.is_some_and(|outer| parts.indent <= outer) {
            self.free = None;
        }
        let is_item = parts.indent > indent_of(line);
        if self
            .operations
            .is_some_and(|outer| parts.indent <= outer && !is_item)
        {
            self.operations = None;
        }
        let Some(key) = parts.key.filter(|_| parts.value.is_empty()) else {
            return;
        };
        match key {
            "returnAddress" => self.adopting = Some((parts.indent, Place::ReturnAddress)),
            "customs" => self.adopting = Some((parts.indent, Place::Customs)),
            "operations" => self.operations = Some(parts.indent),
            _ if Place::Document.row(key).is_some_and(Row::is_free) => {
                self.free = Some(parts.indent)
            }
            _ => {}
        }
    }

    fn finish(self, problems: &mut Problems) -> Result<Corrected, Problem> {
        let both = self.tabs.filter(|_| self.blanks.is_some());
        if let Some(line) = self.mixed.or(both) {
            let message = format!(
                "the line is indented with a tab, others with blanks, so what belongs together \
                 cannot be told; indent with blanks only: {}",
                shown_line(&self.text, line)
            );
            return Err(malformed(Some(Position { line, column: 1 }), message));
        }
        for note in &self.notes {
            let line = shown_line(&self.text, note.first.line);
            let message = note.quirk.message();
            let more = match note.count {
                1 => String::new(),
                count => format!(" (and {} more lines like it)", count - 1),
            };
            let message = format!("{message} {line}{more}");
            problems.tolerate(ProblemKind::Malformed, note.first.span(), "", message);
        }
        Ok(Corrected {
            text: self.text,
            places: self.places,
        })
    }
}

/// How deep every line but the first is indented, when the first is an option with a value at the
/// margin: YAML would take the second line for a part of that value, or refuse it.
fn hanging_indent(lines: &[&str]) -> Option<usize> {
    let (first, rest) = lines.split_first()?;
    let rest = || rest.iter().filter(|line| !line.trim().is_empty());
    let first = take_apart(first);
    let second = take_apart(rest().next()?);
    let depth = rest().map(|line| indent_of(line)).min()?;
    let known = |key: Option<&str>| key.is_some_and(names::is_known);
    let hangs = first.indent == 0
        && known(first.key)
        && !first.value.is_empty()
        && !first.value.starts_with(['|', '>', '"', '\'', '[', '{'])
        && depth > 0
        && second.indent == depth
        && known(second.key);
    hangs.then_some(depth)
}
