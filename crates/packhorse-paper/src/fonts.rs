//! The fonts, compiled in: whoever prints must not depend on what a machine has installed.

use std::sync::LazyLock;

use krilla::text::Font;
use rustybuzz::Face;

/// How heavy letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// One font, for shaping and for embedding.
pub(crate) struct Typeface {
    pub(crate) face: Face<'static>,
    pub(crate) font: Font,
    /// Units in which the face measures, per font size.
    pub(crate) units_per_em: f32,
}

static REGULAR: LazyLock<Typeface> =
    LazyLock::new(|| Typeface::new(include_bytes!("../fonts/DejaVuSans.ttf")));
static BOLD: LazyLock<Typeface> =
    LazyLock::new(|| Typeface::new(include_bytes!("../fonts/DejaVuSans-Bold.ttf")));
static EAST_ASIAN: LazyLock<Typeface> =
    LazyLock::new(|| Typeface::new(include_bytes!("../fonts/DroidSansFallbackFull.ttf")));

impl Typeface {
    fn new(bytes: &'static [u8]) -> Self {
        let face = Face::from_slice(bytes, 0).expect("the font compiled in is whole");
        let font = Font::new(bytes.into(), 0).expect("the font compiled in is whole");
        let units_per_em = font.units_per_em();
        Self {
            face,
            font,
            units_per_em,
        }
    }

    /// Whether there is a glyph for the character.
    pub(crate) fn has(&self, character: char) -> bool {
        self.face.glyph_index(character).is_some()
    }
}

/// The font of a weight.
pub(crate) fn primary(weight: Weight) -> &'static Typeface {
    match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    }
}

/// The font that has the character. What no font has is shown as the empty box of the first.
pub(crate) fn covering(character: char, weight: Weight) -> Option<&'static Typeface> {
    let east_asian: &'static Typeface = &EAST_ASIAN;
    [primary(weight), east_asian]
        .into_iter()
        .find(|typeface| typeface.has(character))
}
