//! One line of text as glyphs: directions, fonts, shapes. Measured in ems, so for any size.

use std::ops::Range;

use krilla::text::{GlyphId, KrillaGlyph};
use rustybuzz::{Direction, UnicodeBuffer};
use unicode_bidi::ParagraphBidiInfo;

use crate::clean::{JOINER, is_mark};
use crate::fonts::{Typeface, Weight, covering, primary};

/// Glyphs of one font in one direction.
pub(crate) struct Piece {
    pub(crate) typeface: &'static Typeface,
    pub(crate) text: String,
    pub(crate) glyphs: Vec<KrillaGlyph>,
    /// Ems.
    pub(crate) width: f32,
}

/// A line, its pieces from left to right.
pub(crate) struct Line {
    pub(crate) pieces: Vec<Piece>,
    /// Ems.
    pub(crate) width: f32,
}

impl Line {
    /// Shapes a clean text.
    pub(crate) fn new(text: &str, weight: Weight) -> Self {
        if text.is_empty() {
            return Self {
                pieces: Vec::new(),
                width: 0.0,
            };
        }
        let bidi = ParagraphBidiInfo::new(text, None);
        let (levels, runs) = bidi.visual_runs(0..text.len());
        let mut pieces = Vec::new();
        for run in runs {
            let rtl = levels.get(run.start).is_some_and(|level| level.is_rtl());
            let mut parts = by_font(text.get(run).unwrap_or_default(), weight);
            if rtl {
                parts.reverse();
            }
            let shaped = parts.into_iter();
            pieces.extend(shaped.map(|(typeface, part)| Piece::new(typeface, part, rtl)));
        }
        let width = pieces.iter().map(|piece| piece.width).sum();
        Self { pieces, width }
    }
}

impl Piece {
    fn new(typeface: &'static Typeface, text: &str, rtl: bool) -> Self {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if rtl {
            Direction::RightToLeft
        } else {
            Direction::LeftToRight
        });
        let shaped = rustybuzz::shape(&typeface.face, &[], buffer);
        let starts = shaped
            .glyph_infos()
            .iter()
            .map(|info| info.cluster as usize);
        let clusters = Clusters::new(starts.collect(), text.len());
        let em = |units: i32| units as f32 / typeface.units_per_em;
        let placed = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
        let glyphs: Vec<_> = placed
            .map(|(info, at)| {
                KrillaGlyph::new(
                    GlyphId::new(info.glyph_id),
                    em(at.x_advance),
                    em(at.x_offset),
                    em(at.y_offset),
                    em(at.y_advance),
                    clusters.range(info.cluster as usize),
                    None,
                )
            })
            .collect();
        let advances = shaped.glyph_positions().iter().map(|at| em(at.x_advance));
        Self {
            typeface,
            text: text.to_owned(),
            width: advances.sum(),
            glyphs,
        }
    }
}

/// Where the pieces of text begin that glyphs stand for.
struct Clusters {
    starts: Vec<usize>,
    end: usize,
}

impl Clusters {
    fn new(mut starts: Vec<usize>, end: usize) -> Self {
        starts.sort_unstable();
        starts.dedup();
        Self { starts, end }
    }

    /// The text of the cluster that begins at `start`.
    fn range(&self, start: usize) -> Range<usize> {
        let after = self.starts.partition_point(|other| *other <= start);
        start..self.starts.get(after).copied().unwrap_or(self.end)
    }
}

/// Cuts the text where the font must change. Marks stay with their letter and blanks with what is
/// before them; what no font has stays in the primary one, which shows an empty box.
fn by_font(text: &str, weight: Weight) -> Vec<(&'static Typeface, &str)> {
    let mut parts: Vec<(&'static Typeface, Range<usize>)> = Vec::new();
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        let stays = character == ' ' || is_mark(character) || character == JOINER;
        match parts.last_mut() {
            Some((typeface, range)) if stays && typeface.has(character) => range.end = end,
            last => {
                let typeface = covering(character, weight).unwrap_or(primary(weight));
                match last {
                    Some((same, range)) if std::ptr::eq(*same, typeface) => range.end = end,
                    _ => parts.push((typeface, at..end)),
                }
            }
        }
    }
    let parts = parts.into_iter();
    parts
        .map(|(typeface, range)| (typeface, text.get(range).unwrap_or_default()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of the pieces, from left to right.
    fn pieces(text: &str) -> Vec<String> {
        let line = Line::new(text, Weight::Regular);
        line.pieces.into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn each_font_and_direction_has_a_piece_of_its_own() {
        assert_eq!(pieces("Łódź Ünal Ωμέγα Жук"), ["Łódź Ünal Ωμέγα Жук"]);
        assert_eq!(pieces("Tokyo 東京 2"), ["Tokyo ", "東京 ", "2"]);
        assert_eq!(pieces("שלום 12"), ["12", "שלום "]);
        assert_eq!(pieces(""), Vec::<String>::new());
    }

    #[test]
    fn every_glyph_stands_for_a_piece_of_the_text() {
        for text in [
            "ffi e\u{301} x",
            "السلام عليكم",
            "שלום",
            "東京",
            "\u{10FFFF}",
        ] {
            for piece in Line::new(text, Weight::Bold).pieces {
                for glyph in &piece.glyphs {
                    let range = krilla::text::Glyph::text_range(glyph);
                    assert!(
                        piece.text.get(range.clone()).is_some_and(|t| !t.is_empty()),
                        "{text}"
                    );
                }
            }
        }
    }
}
