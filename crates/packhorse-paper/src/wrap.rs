//! Text in lines of a given width.

use crate::clean::{clean, is_mark};
use crate::fonts::Weight;
use crate::line::Line;

/// What was laid out.
pub(crate) struct Block {
    pub(crate) lines: Vec<Line>,
    /// Whether something did not fit and was left out.
    pub(crate) cut: bool,
}

/// Lays the text out in at most `lines_max` lines of `width` ems, broken at blanks where possible.
/// What does not fit is replaced by an ellipsis.
pub(crate) fn wrap(text: &str, weight: Weight, width: f32, lines_max: usize) -> Block {
    let (text, mut cut) = clean(text);
    let fits = |text: &str| Line::new(text, weight).width <= width;
    let mut lines = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (first, after) = split(rest, &fits);
        let last = lines.len() + 1 == lines_max;
        if last && (cut || !after.is_empty()) {
            cut = true;
            lines.push(Line::new(&shortened(first, &fits), weight));
            break;
        }
        lines.push(Line::new(first, weight));
        rest = after;
    }
    Block { lines, cut }
}

/// The longest beginning that fits, and what follows it. Never nothing, so that it ends.
fn split<'a>(text: &'a str, fits: &impl Fn(&str) -> bool) -> (&'a str, &'a str) {
    if fits(text) {
        return (text, "");
    }
    let blanks: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
    let best = longest(text, &blanks, fits).unwrap_or_else(|| {
        let ends = letter_ends(text);
        let first = ends.first().copied();
        longest(text, &ends, fits).or(first).unwrap_or(text.len())
    });
    let (first, after) = text.split_at(best);
    (first, after.trim_start())
}

/// The last of the places, in order, up to which the text fits.
fn longest(text: &str, places: &[usize], fits: &impl Fn(&str) -> bool) -> Option<usize> {
    let count = places.partition_point(|at| fits(text.get(..*at).unwrap_or_default()));
    places.get(count.checked_sub(1)?).copied()
}

/// Where a letter with its marks ends and another begins.
fn letter_ends(text: &str) -> Vec<usize> {
    let letters = text.char_indices().skip(1);
    letters
        .filter(|(_, character)| !is_mark(*character))
        .map(|(at, _)| at)
        .collect()
}

/// The text with an ellipsis at its end, short enough.
fn shortened(text: &str, fits: &impl Fn(&str) -> bool) -> String {
    let mut kept = text.to_owned();
    loop {
        let shown = format!("{}…", kept.trim_end());
        if kept.is_empty() || fits(&shown) {
            return shown;
        }
        while kept.pop().is_some_and(is_mark) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: f32, lines_max: usize) -> (Vec<String>, bool) {
        let block = wrap(text, Weight::Regular, width, lines_max);
        let text = |line: &Line| {
            line.pieces
                .iter()
                .map(|piece| piece.text.as_str())
                .collect()
        };
        (block.lines.iter().map(text).collect(), block.cut)
    }

    fn check(text: &str, width: f32, lines_max: usize, expected: &[&str], cut: bool) {
        let expected: Vec<_> = expected.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(lines(text, width, lines_max), (expected, cut), "{text}");
    }

    #[test]
    fn breaks_at_blanks_or_within_long_words() {
        check("", 5.0, 3, &[], false);
        check("one two", 20.0, 3, &["one two"], false);
        check("one two", 3.0, 3, &["one", "two"], false);
        check("mmmmmm", 3.0, 3, &["mmm", "mmm"], false);
        check("東京都", 2.0, 3, &["東京", "都"], false);
        check("mmm", 0.1, 9, &["m", "m", "m"], false);
    }

    #[test]
    fn what_does_not_fit_is_an_ellipsis_and_is_told() {
        check("one two three", 3.0, 2, &["one", "two…"], true);
        check("mmmmmmmm", 3.0, 1, &["mm…"], true);
    }

    #[test]
    fn any_text_ends_in_lines_that_fit() {
        let mut word = String::new();
        for code in (0x20..0x3_0000).step_by(37) {
            word.extend(char::from_u32(code));
        }
        let block = wrap(&word, Weight::Regular, 8.0, 4);
        assert!(block.lines.len() <= 4 && block.cut);
        assert!(block.lines.iter().all(|line| line.width <= 8.0));
    }
}
