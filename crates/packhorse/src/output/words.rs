//! Numbers and foreign text in a form for people.

use std::time::Duration;

use packhorse_core::characters::is_unseen;

/// Bytes with a binary unit and three digits: `1.46 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = "KiB";
    for larger in UNITS.into_iter().skip(1) {
        // What would print as 1,024 belongs to the next unit.
        if value < 1023.5 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    let decimals = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// Bytes per second over `elapsed`.
pub(crate) fn rate(count: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.001 {
        return format!("{}/s", bytes(count));
    }
    format!("{}/s", bytes((count as f64 / seconds) as u64))
}

/// A duration: `0.8 s`, `2 s`, `42 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..10 if elapsed.subsec_nanos() > 0 => format!("{:.1} s", elapsed.as_secs_f64()),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Text from outside with what nobody sees spelt out: a file name can neither steer the terminal nor
/// turn the text around it with bidirectional controls. Newlines and tabs of messages stay.
pub(crate) fn visible(text: &str) -> String {
    let spelt_out = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if is_unseen(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(spelt_out).collect()
}

/// A path for people, as [`visible`].
pub(crate) fn path(path: &std::path::Path) -> String {
    visible(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (1024 * 1024 - 1, "1.00 MiB"),
            (10 * 1024 * 1024, "10.0 MiB"),
            (500 * 1024 * 1024, "500 MiB"),
            (1_572_864_000, "1.46 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_grow_coarser() {
        for (millis, text) in [
            (40, "0.0 s"),
            (1500, "1.5 s"),
            (2000, "2 s"),
            (59_900, "59 s"),
            (185_000, "3 min 5 s"),
            (7_800_000, "2 h 10 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn escape_sequences_are_spelt_out() {
        assert_eq!(visible("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\nc");
        assert_eq!(visible("x\u{202e}gpj.exe"), "x\\u{202e}gpj.exe");
    }
}
