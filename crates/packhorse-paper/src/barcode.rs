//! Code 128: what every courier's and warehouse's scanner reads.

use barcoders::sym::code128::Code128;

use crate::Error;

/// White on both sides that the symbology asks for, in modules (ISO/IEC 15417).
pub(crate) const QUIET_MODULES: usize = 10;
/// How the encoder is told to begin in character set B: digits, letters and `-`.
const SET_B: char = '\u{0181}';

/// The bars of a text.
#[derive(Debug)]
pub(crate) struct Barcode {
    /// Where each bar begins, and how wide it is, in modules.
    pub(crate) bars: Vec<(usize, usize)>,
    /// Modules from the first bar to the last.
    pub(crate) modules: usize,
}

impl Barcode {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let refuse = || Error::Barcode(text.chars().take(40).collect());
        let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if text.is_empty() || !plain {
            return Err(refuse());
        }
        let code = Code128::new(format!("{SET_B}{text}")).map_err(|_| refuse())?;
        let modules = code.encode();
        let mut bars: Vec<(usize, usize)> = Vec::new();
        for (at, module) in modules
            .iter()
            .enumerate()
            .filter(|(_, module)| **module == 1)
        {
            match bars.last_mut() {
                Some((start, width)) if *start + *width == at => *width += usize::from(*module),
                _ => bars.push((at, 1)),
            }
        }
        Ok(Self {
            bars,
            modules: modules.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Widths of bars and spaces, as the tables of the symbology give them.
    fn widths(barcode: &Barcode) -> String {
        let mut widths = String::new();
        let mut end = 0;
        for (start, width) in &barcode.bars {
            if end > 0 {
                widths.push_str(&(start - end).to_string());
            }
            widths.push_str(&width.to_string());
            end = start + width;
        }
        widths
    }

    #[test]
    fn the_bars_are_those_of_the_symbology() {
        let barcode = Barcode::new("A1").unwrap();
        // Start B, A (33), 1 (17), check (104 + 33 + 2 * 17) mod 103 = 68, stop.
        let expected = ["211214", "111323", "123221", "141221", "2331112"];
        assert_eq!(widths(&barcode), expected.concat());
        assert_eq!(barcode.modules, 11 * 4 + 13);
    }

    #[test]
    fn what_has_no_code_is_refused() {
        for text in ["", "AB\n", "Ünal", "\u{0106}12"] {
            assert!(
                matches!(Barcode::new(text), Err(Error::Barcode(_))),
                "{text:?}"
            );
        }
    }
}
