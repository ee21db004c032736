//! Times, sizes and names as people read them.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use packhorse_core::characters::is_unseen;

/// A time with its zone, readable by programs too.
pub(super) fn time(at: Timestamp) -> Markup {
    html! {
        time datetime=(format!("{at:.0}")) { (at.strftime("%-d %b %Y, %H:%M")) " UTC" }
    }
}

/// Bytes in SI units, and exactly.
pub(super) fn size(bytes: u64) -> Markup {
    html! { span.number title={ (grouped(bytes)) " bytes" } { (short_size(bytes)) } }
}

/// Bytes in SI units.
pub(super) fn short_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return counted(bytes, "byte", "bytes");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"kB");
    // What would be printed as 1000 is 1 of the next.
    while value >= 999.5 {
        let Some(next) = units.next() else { break };
        (value, unit) = (value / 1000.0, next);
    }
    match value {
        value if value < 9.995 => format!("{value:.2} {unit}"),
        value if value < 99.95 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

/// A number in groups of three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How long something takes, roughly.
pub(super) fn duration(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A count with its noun.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{} {many}", grouped(number)),
    }
}

/// A text of somebody else's: apart from the text around it, and with what nobody sees shown.
pub(super) fn foreign(text: &str) -> Markup {
    if !text.contains(is_unseen) {
        return html! { bdi { (text) } };
    }
    let mut pieces: Vec<(bool, String)> = Vec::new();
    for c in text.chars() {
        let hidden = is_unseen(c);
        let piece = match hidden {
            true => format!("U+{:04X}", u32::from(c)),
            false => c.to_string(),
        };
        match pieces.last_mut() {
            Some((false, last)) if !hidden => last.push_str(&piece),
            _ => pieces.push((hidden, piece)),
        }
    }
    html! {
        bdi {
            @for (hidden, piece) in &pieces {
                @if *hidden { span.unseen { (piece) } } @else { (piece) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_the_right_unit() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.00 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (12_345_678, "12.3 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(short_size(bytes), shown);
        }
        assert_eq!(grouped(1), "1");
        assert_eq!(grouped(123), "123");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_name_cannot_turn_the_page_around_or_hide() {
        let shown = foreign("<b>\u{202e}gpj.exe").into_string();
        let expected = "<bdi>&lt;b&gt;<span class=\"unseen\">U+202E</span>gpj.exe</bdi>";
        assert_eq!(shown, expected);
    }

    #[test]
    fn durations_are_as_exact_as_they_are_useful() {
        let said = |seconds| duration(SignedDuration::from_secs(seconds));
        assert_eq!([said(-5), said(59), said(61)], ["0 s", "59 s", "1 min"]);
        assert_eq!([said(3_700), said(100_000)], ["1 h 1 min", "1 d 3 h"]);
    }
}
