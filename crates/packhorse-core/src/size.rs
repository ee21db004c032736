//! Sizes as people write them: `4TB`, `1.5 GiB`, `512`.

const UNITS: [(&str, f64); 12] = [
    ("", 1.0),
    ("b", 1.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("pb", 1e15),
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
    ("pib", 1_125_899_906_842_624.0),
];
/// Beyond it a fraction of a unit is no longer exact, and no device is so large.
const BYTES_MAX: f64 = 9_007_199_254_740_992.0;

/// The bytes of a size: digits, perhaps a fraction, and a unit in any case. `None` if it is none, or
/// less than a byte, or more than 8 PiB.
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim();
    let (_, unit) = UNITS
        .iter()
        .find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
    let bytes = number * unit;
    (1.0..=BYTES_MAX).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, bytes) in [
            ("4TB", 4_000_000_000_000),
            ("1.5 GiB", 3 << 29),
            (" 500gb ", 500_000_000_000),
            ("512", 512),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "TB",
            "0",
            "0.1",
            "-1GB",
            "4 parsecs",
            "1.2.3GB",
            "9999 PB",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
