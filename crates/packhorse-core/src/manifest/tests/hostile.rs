//! Texts made to hang, crash or exhaust a reader.

use std::time::{Duration, Instant};

use super::super::*;
use super::{MINIMAL, has_error};

/// Far above what any text of a megabyte takes, even on a machine that does ten other things; far below
/// what a quadratic reader would.
const PATIENCE: Duration = Duration::from_secs(60);

fn texts() -> Vec<(&'static str, String)> {
    let size = MANIFEST_BYTES_MAX;
    let filled = |unit: &str| unit.repeat(size / unit.len());
    let keys = |line: fn(usize) -> String| (0..60_000).map(line).collect::<String>();
    vec![
        ("scalar", filled("x")),
        ("value", format!("bucket: {}", "x".repeat(size - 8))),
        ("quoted", format!("\"{}", "x".repeat(size - 1))),
        ("keys", keys(|n| format!("k{n}: {n}\n"))),
        (
            "flow keys",
            format!("{{{}}}", keys(|n| format!("k{n}: {n},"))),
        ),
        (
            "json keys",
            format!("{{{}}}", keys(|n| format!("\"k{n}\":{n},"))),
        ),
        ("explicit keys", keys(|n| format!("? k{n}\n: {n}\n"))),
        ("same key", filled("a: 1\n")),
        (
            "substitutions",
            format!("substitutions:\n{}", keys(|n| format!("  k{n}: {n}\n"))),
        ),
        (
            "patterns",
            format!("{MINIMAL}ignore:\n{}", keys(|n| format!("  - k{n}\n"))),
        ),
        ("square", filled("[")),
        ("curly", filled("{")),
        ("empty lists", format!("[{}", "[],".repeat(size / 4))),
        ("commas", format!("[{}", "a,".repeat(size / 2 - 1))),
        ("nested dashes", filled("- ")),
        ("nested questions", filled("? ")),
        ("dashes", filled("-\n")),
        (
            "nested keys",
            (0..1000)
                .map(|n| format!("{}a:\n", " ".repeat(n)))
                .collect(),
        ),
        ("colons", filled(":")),
        ("colons and blanks", filled(": ")),
        ("missing blanks", filled("bucket:x\n")),
        ("secrets", filled("pinCode: 1\n")),
        (
            "broken secrets",
            format!("[{}", "pinCode: 1\n".repeat(size / 12)),
        ),
        ("comments", filled("# x\n")),
        ("line breaks", filled("\n")),
        ("carriage returns", filled("\r")),
        ("tabs", filled("\t")),
        ("blanks", filled(" ")),
        ("documents", filled("---\n")),
        ("apostrophes", filled("'")),
        ("quotes", filled("\"a\" ")),
        ("anchors", filled("&a ")),
        ("aliases", format!("a: &a [x]\nb: [{}]", "*a,".repeat(1000))),
        ("bars", filled("|\n")),
        ("percents", filled("%a\n")),
        ("nothing", String::new()),
        ("zeros", filled("\0")),
        ("marks", filled("\u{feff}")),
    ]
}

#[test]
fn no_text_hangs_or_crashes_the_reader() {
    for (name, text) in texts() {
        let text = text.get(..MANIFEST_BYTES_MAX).unwrap_or(&text);
        let begin = Instant::now();
        let problems = read(text, JobType::Import).unwrap_err();
        let took = begin.elapsed();
        assert!(took < PATIENCE, "{name} took {took:?}");
        assert!(has_error(&problems), "{name}");
        assert!(problems.len() <= 300, "{name}: {}", problems.len());
        let longest = problems.iter().map(|p| p.message.len()).max().unwrap();
        assert!(longest < 1500, "{name}: {longest}");
        let begin = Instant::now();
        let _redacted = redact(text);
        let took = begin.elapsed();
        assert!(took < PATIENCE, "redacting {name} took {took:?}");
    }
}
