//! A manifest's problems as compilers print them: `file:line:column: error: …`, and below it the
//! line with the offending piece underlined.

use std::borrow::Cow;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use clap::builder::styling::{AnsiColor, Style};
use packhorse_core::characters::is_format;
use packhorse_core::manifest::{Position, Problem, Span};
use serde::Serialize;

use crate::manifest_file;

/// A line longer than this is shown as the piece around its problem.
const LINE_CHARS_MAX: usize = 160;
/// So much of a long line stands before its problem.
const BEFORE_CHARS: usize = 40;

/// A manifest to show problems of.
pub(crate) struct Source<'a> {
    name: String,
    text: Cow<'a, str>,
    colours: bool,
}

/// One problem, as `--output json` prints it. Lines and columns count from 1; `end_column` is just
/// behind the last character.
#[derive(Serialize)]
pub(crate) struct ProblemPrinted<'a> {
    severity: &'static str,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
    field: &'a str,
    message: &'a str,
}

impl<'a> ProblemPrinted<'a> {
    pub(crate) fn all(problems: &'a [Problem]) -> Vec<Self> {
        problems.iter().map(Self::of).collect()
    }

    fn of(problem: &'a Problem) -> Self {
        let end = problem.span.map(|span| span.end);
        Self {
            severity: severity(problem),
            line: problem.position().map(|at| at.line),
            column: problem.position().map(|at| at.column),
            end_line: end.map(|end| end.line),
            end_column: end.map(|end| end.column),
            field: &problem.field,
            message: &problem.message,
        }
    }
}

fn severity(problem: &Problem) -> &'static str {
    if problem.is_error() {
        "error"
    } else {
        "warning"
    }
}

impl<'a> Source<'a> {
    /// The manifest that was read from `file`. Colours are for terminals whose user has not set
    /// NO_COLOR.
    pub(crate) fn new(file: &Path, bytes: &'a [u8]) -> Self {
        let text = match String::from_utf8_lossy(bytes) {
            Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)),
            owned @ Cow::Owned(_) => owned,
        };
        Self {
            name: manifest_file::name(file),
            text,
            colours: super::colours(),
        }
    }

    /// All of them, with an empty line between two.
    pub(crate) fn report(&self, problems: &[Problem]) -> String {
        let shown: Vec<_> = problems.iter().map(|problem| self.one(problem)).collect();
        shown.join("\n\n")
    }

    fn one(&self, problem: &Problem) -> String {
        let headline = self.headline(problem);
        match problem.span.and_then(|span| self.underlined(problem, span)) {
            Some(lines) => format!("{headline}\n{lines}"),
            None => headline,
        }
    }

    /// A problem of the whole document stands at its first character.
    fn headline(&self, problem: &Problem) -> String {
        let start = Position { line: 1, column: 1 };
        let Position { line, column } = problem.position().unwrap_or(start);
        let field = match problem.field.as_str() {
            "" => String::new(),
            field => format!("{field}: "),
        };
        let severity = severity(problem);
        let style = match (self.colours, problem.is_error()) {
            (false, _) => Style::new(),
            (true, true) => AnsiColor::BrightRed.on_default().bold(),
            (true, false) => AnsiColor::Yellow.on_default().bold(),
        };
        let place = super::visible(&format!("{}:{line}:{column}", self.name));
        let message = super::visible(&format!("{field}{}", problem.message));
        format!("{place}: {style}{severity}{style:#}: {message}")
    }

    /// The problem's first line, with the piece of it marked.
    fn underlined(&self, problem: &Problem, span: Span) -> Option<String> {
        let number = span.start.line.checked_sub(1)?;
        let text = self.text.split('\n').nth(number)?.trim_end_matches('\r');
        if text.trim().is_empty() {
            return None;
        }
        let from = span.start.column.saturating_sub(1);
        let to = match span.end.line == span.start.line {
            true => span.end.column.saturating_sub(1).max(from + 1),
            false => usize::MAX,
        };
        let piece = Piece::of(text, from, to);
        let level = if problem.is_error() {
            Level::ERROR
        } else {
            Level::WARNING
        };
        let snippet = Snippet::source(piece.text)
            .line_start(span.start.line)
            .annotation(AnnotationKind::Primary.span(piece.marked));
        let renderer = match self.colours {
            true => Renderer::styled(),
            false => Renderer::plain(),
        };
        Some(renderer.render(&[Group::with_level(level).element(snippet)]))
    }
}

/// What is shown of a line, and which bytes of that are marked.
struct Piece {
    text: String,
    marked: std::ops::Range<usize>,
}

impl Piece {
    /// `from` and `to` count characters.
    fn of(line: &str, from: usize, to: usize) -> Self {
        let long = line.chars().nth(LINE_CHARS_MAX).is_some();
        let skipped = if long {
            from.saturating_sub(BEFORE_CHARS)
        } else {
            0
        };
        let mut text = String::new();
        if skipped > 0 {
            text.push('…');
        }
        let mut marked = None;
        let mut end = None;
        for (number, c) in line.chars().enumerate().skip(skipped) {
            if number == from {
                marked = Some(text.len());
            }
            if number == to {
                end = Some(text.len());
            }
            if number - skipped >= LINE_CHARS_MAX {
                text.push('…');
                break;
            }
            match is_format(c) {
                true => text.extend(c.escape_unicode()),
                false => text.push(c),
            }
        }
        let start = marked.unwrap_or(text.len());
        let end = end.unwrap_or(text.len()).max(start);
        Self {
            text,
            marked: start..end,
        }
    }
}

#[cfg(test)]
mod tests {
    use packhorse_core::job::JobType;
    use packhorse_core::manifest;

    use super::*;

    fn source(text: &str) -> Source<'_> {
        Source {
            colours: false,
            ..Source::new(Path::new("m.yaml"), text.as_bytes())
        }
    }

    fn problem(line: usize, columns: std::ops::Range<usize>) -> Problem {
        let at = |column| Position { line, column };
        let text = "notAnOption";
        let Err(mut problems) = manifest::read(text, JobType::Import) else {
            unreachable!("the text is no manifest")
        };
        let mut problem = problems.remove(0);
        problem.span = Some(Span {
            start: at(columns.start),
            end: at(columns.end),
        });
        problem.field = "f".to_owned();
        problem.message = "is wrong".to_owned();
        problem
    }

    #[test]
    fn the_offending_piece_is_underlined() {
        let shown = source("a: 1\r\nb: héllo\r\n").report(&[problem(2, 4..9)]);
        assert_eq!(
            shown,
            "m.yaml:2:4: error: f: is wrong\n  |\n2 | b: héllo\n  |    ^^^^^"
        );
    }

    #[test]
    fn what_nobody_sees_is_spelt_out_in_the_line() {
        let shown = source("a: x\u{200b}y\n").report(&[problem(1, 5..6)]);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[2..], ["1 | a: x\\u{200b}y", "  |     ^^^^^^^^"]);
    }

    #[test]
    fn a_long_line_is_cut_around_its_problem() {
        let text = format!("a: {}WRONG{}", "x".repeat(5000), "y".repeat(5000));
        let shown = source(&text).report(&[problem(1, 5004..5009)]);
        assert!(
            shown.lines().all(|line| line.chars().count() < 250),
            "{shown}"
        );
        let lines: Vec<_> = shown.lines().collect();
        let mark = lines[3].find('^').unwrap();
        assert!(lines[3].contains("^^^^^"), "{shown}");
        let under: String = lines[2]
            .chars()
            .skip(lines[3][..mark].chars().count())
            .take(5)
            .collect();
        assert_eq!(under, "WRONG");
    }

    #[test]
    fn places_outside_the_text_are_only_named() {
        for (start, end) in [(1, 2), (1, 1), (9, 3)] {
            source("").report(&[problem(1, start..end)]);
            source("a: b").report(&[problem(7, start..end)]);
            source("a: b").report(&[problem(1, start..end)]);
        }
    }

    #[test]
    fn a_text_cannot_steer_the_terminal() {
        let shown = source("a: \u{1b}[31mred\u{202e}\n").report(&[problem(1, 4..9)]);
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
            "{shown}"
        );
    }
}
