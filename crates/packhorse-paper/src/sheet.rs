//! A page to draw on: text, lines, boxes and barcodes, in points from the top left corner.

use std::collections::BTreeSet;

use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::paint::{Fill, FillRule, Stroke, StrokeDash};
use krilla::surface::Surface;

use crate::Error;
use crate::barcode::{Barcode, QUIET_MODULES};
use crate::clean::{JOINER, is_mark};
use crate::fonts::Weight;
use crate::line::Line;
use crate::wrap::{Block, wrap};

/// From one line to the next, in font sizes.
const LEADING: f32 = 1.28;
/// How far letters reach above and below the base line, in font sizes; beyond it nothing is drawn,
/// so that no pile of accents reaches into another line.
const ASCENT: f32 = 1.05;
const DESCENT: f32 = 0.40;
/// Characters that could not be printed and are named; a message has no room for more.
const UNPRINTABLE_MAX: usize = 8;
/// Lines that one line of an address may take.
const LINES_PER_FIELD: usize = 2;

/// How letters look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) size: f32,
    pub(crate) weight: Weight,
}

impl Style {
    pub(crate) const fn regular(size: f32) -> Self {
        let weight = Weight::Regular;
        Self { size, weight }
    }

    pub(crate) const fn bold(size: f32) -> Self {
        let weight = Weight::Bold;
        Self { size, weight }
    }

    pub(crate) fn leading(self) -> f32 {
        self.size * LEADING
    }

    /// The same, smaller if the text would not fit into the width.
    pub(crate) fn narrowed(self, text: &str, width: f32) -> Self {
        let natural = width_of(text, self);
        match natural > width {
            true => self.resized(self.size * width / natural),
            false => self,
        }
    }

    fn resized(self, size: f32) -> Self {
        Self { size, ..self }
    }
}

/// A place for text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

/// What whoever asked for the page should be told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Characters that no font has.
    pub(crate) unprintable: BTreeSet<char>,
    /// Whether text was left out for want of room.
    pub(crate) cut: bool,
}

/// A page in the making.
pub(crate) struct Sheet<'a> {
    surface: Surface<'a>,
    notes: &'a mut Notes,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(surface: Surface<'a>, notes: &'a mut Notes) -> Self {
        Self { surface, notes }
    }

    /// One line of text, its top at `top`; cut if it is wider than `width`. Gives the top of the
    /// next line.
    pub(crate) fn text(&mut self, at: Point, width: f32, style: Style, text: &str) -> f32 {
        self.paragraph(at, width, style, 1, text)
    }

    /// Text in at most `lines_max` lines. Gives the top of what follows.
    pub(crate) fn paragraph(
        &mut self,
        at: Point,
        width: f32,
        style: Style,
        lines_max: usize,
        text: &str,
    ) -> f32 {
        let block = wrap(text, style.weight, width / style.size, lines_max);
        self.block(at, style, &block)
    }

    /// The lines of an address in the largest of the sizes at which all of it fits into the area;
    /// if it fits in none, in the smallest, as far as there is room.
    pub(crate) fn address(&mut self, area: Area, style: Style, sizes: &[f32], lines: &[String]) {
        let mut style = style;
        for size in sizes {
            style = style.resized(*size);
            if fits(area, style, lines) {
                break;
            }
        }
        let mut top = area.top;
        for line in lines {
            let room = (area.top + area.height - top + 0.01) / style.leading();
            let lines_max = LINES_PER_FIELD.min(room.max(0.0) as usize);
            if lines_max == 0 {
                self.notes.cut = true;
                return;
            }
            let at = Point::from_xy(area.left, top);
            top = self.paragraph(at, area.width, style, lines_max, line);
        }
    }

    fn block(&mut self, at: Point, style: Style, block: &Block) -> f32 {
        self.notes.cut |= block.cut;
        let mut top = at.y;
        for line in &block.lines {
            self.note_unprintable(line);
            self.line(Point::from_xy(at.x, top), style, line);
            top += style.leading();
        }
        top
    }

    fn note_unprintable(&mut self, line: &Line) {
        for piece in &line.pieces {
            let missing = |c: &char| !piece.typeface.has(*c) && !is_mark(*c) && *c != JOINER;
            let room = UNPRINTABLE_MAX.saturating_sub(self.notes.unprintable.len());
            let missing = piece.text.chars().filter(missing).take(room);
            self.notes.unprintable.extend(missing);
        }
    }

    fn line(&mut self, at: Point, style: Style, line: &Line) {
        let size = style.size;
        let base = at.y + size;
        let clip = Rect::from_ltrb(
            at.x - size * 0.2,
            base - size * ASCENT,
            at.x + line.width * size + size * 0.2,
            base + size * DESCENT,
        );
        let clip = clip.and_then(|rect| path(|builder| builder.push_rect(rect)));
        let Some(clip) = clip else { return };
        self.surface.push_clip_path(&clip, &FillRule::NonZero);
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill::default()));
        let mut x = at.x;
        for piece in &line.pieces {
            self.surface.draw_glyphs(
                Point::from_xy(x, base),
                &piece.glyphs,
                piece.typeface.font.clone(),
                &piece.text,
                size,
                false,
            );
            x += piece.width * size;
        }
        self.surface.pop();
    }

    /// A horizontal rule.
    pub(crate) fn rule(&mut self, left: f32, top: f32, width: f32, thickness: f32) {
        let rect = Rect::from_xywh(left, top, width, thickness);
        self.fill(rect.into_iter());
    }

    /// The outline of a box.
    pub(crate) fn frame(&mut self, area: Area, thickness: f32) {
        self.outline(
            area,
            Stroke {
                width: thickness,
                ..Stroke::default()
            },
        );
    }

    /// A dashed outline: cut here.
    pub(crate) fn cutting_line(&mut self, area: Area) {
        self.outline(
            area,
            Stroke {
                width: 0.8,
                paint: luma::Color::new(96).into(),
                dash: Some(StrokeDash {
                    array: vec![5.0, 4.0],
                    offset: 0.0,
                }),
                ..Stroke::default()
            },
        );
    }

    fn outline(&mut self, area: Area, stroke: Stroke) {
        let rect = Rect::from_xywh(area.left, area.top, area.width, area.height);
        let Some(path) = rect.and_then(|rect| path(|builder| builder.push_rect(rect))) else {
            return;
        };
        self.surface.set_fill(None);
        self.surface.set_stroke(Some(stroke));
        self.surface.draw_path(&path);
    }

    /// The bars of a text, as wide as the area allows and in its middle. The white that a scanner
    /// needs beside them is part of the area.
    pub(crate) fn barcode(&mut self, area: Area, text: &str) -> Result<(), Error> {
        let barcode = Barcode::new(text)?;
        let module = area.width / (barcode.modules + 2 * QUIET_MODULES) as f32;
        let left = area.left + QUIET_MODULES as f32 * module;
        let bars = barcode.bars.iter().filter_map(|(start, width)| {
            let (start, width) = (*start as f32 * module, *width as f32 * module);
            Rect::from_xywh(left + start, area.top, width, area.height)
        });
        self.fill(bars);
        Ok(())
    }

    fn fill(&mut self, rects: impl Iterator<Item = Rect>) {
        let Some(path) = path(|builder| rects.for_each(|rect| builder.push_rect(rect))) else {
            return;
        };
        self.surface.set_stroke(None);
        self.surface.set_fill(Some(Fill::default()));
        self.surface.draw_path(&path);
    }
}

/// Width of a line of text, in points.
pub(crate) fn width_of(text: &str, style: Style) -> f32 {
    Line::new(text, style.weight).width * style.size
}

fn fits(area: Area, style: Style, lines: &[String]) -> bool {
    let width = area.width / style.size;
    let blocks = lines
        .iter()
        .map(|line| wrap(line, style.weight, width, LINES_PER_FIELD));
    let mut count = 0;
    for block in blocks {
        if block.cut {
            return false;
        }
        count += block.lines.len();
    }
    count as f32 * style.leading() <= area.height + 0.01
}

fn path(draw: impl FnOnce(&mut PathBuilder)) -> Option<krilla::geom::Path> {
    let mut builder = PathBuilder::new();
    draw(&mut builder);
    builder.finish()
}
