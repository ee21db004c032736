//! What holds for every text.

use proptest::prelude::{Strategy, any, prop_assert, proptest};

use super::*;

/// What is put into a valid manifest to break it.
const PIECES: &[&str] = &[
    "\n",
    "\r",
    "\t",
    " ",
    "  ",
    ":",
    ": ",
    "- ",
    "'",
    "\"",
    "#",
    "[",
    "]",
    "{",
    "}",
    ",",
    "|",
    ">",
    "&a",
    "*a",
    "!",
    "%",
    "\\",
    "~",
    ";",
    "\u{feff}",
    "é",
    "\0",
    "returnAddress:\n",
    "acl:",
    "yes",
    "ignore:\n",
    "packhorse:\n",
    "customs:\n",
    "---\n",
    "...",
    "? ",
    "substitutions:\n",
    "x:y\n",
];

fn mutated() -> impl Strategy<Value = String> {
    let cut = (any::<u16>(), 0..40_usize, 0..PIECES.len());
    proptest::collection::vec(cut, 0..6).prop_map(|cuts| {
        let mut text: Vec<char> = with("pinCode: sword'fish\nignore: ['a', b]\n")
            .chars()
            .collect();
        for (at, length, piece) in cuts {
            let at = usize::from(at) % (text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, PIECES[piece].chars());
        }
        text.into_iter().collect()
    })
}

/// Either a manifest, or at least one problem; every place is in the text.
fn check(text: &[u8]) {
    for job_type in [JobType::Import, JobType::Export] {
        let problems = match read(text, job_type) {
            Ok(reading) => reading.warnings,
            Err(problems) => {
                assert!(has_error(&problems));
                problems
            }
        };
        let shown = String::from_utf8_lossy(text);
        let lines: Vec<&str> = lenient::lines(&shown).collect();
        for Position { line, column } in problems.iter().filter_map(Problem::position) {
            let there = lines
                .get(line.wrapping_sub(1))
                .map(|line| line.chars().count());
            let last = line == lines.len();
            let inside = there.is_some_and(|count| (1..=count + 2).contains(&column));
            assert!(inside || last, "{line}:{column} of {shown:?}");
        }
    }
}

proptest! {
    #[test]
    fn broken_manifests_are_read_or_explained(text in mutated()) {
        check(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_explained(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
        let _text = redact(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_texts_are_read_or_explained(text in "\\PC{0,60}|[a-z:\\-\\[\\]{}'\"#|>&*!%?, \n\t]{0,60}") {
        check(text.as_bytes());
    }

    #[test]
    fn a_quoted_text_is_read_back(text in "[ -~é✓]{0,40}") {
        let quoted = text.replace('\'', "''");
        let (manifest, _) = accept(with(&format!("generator: '{quoted}'")));
        prop_assert!(manifest.common.generator.as_deref() == Some(&text));
    }

    #[test]
    fn a_secret_is_hidden_and_the_rest_is_not(
        secret in "[a-zA-Z0-9:#,'\"{}\\[\\]&*!|>%@` é-]{1,20}",
        style in 0..3_usize,
        rest in "(# [a-z ]*\n){0,3}",
    ) {
        let value = match style {
            0 => format!("'{}'", secret.replace('\'', "''")),
            1 => format!("\"{}\"", secret.replace('"', "\\\"")),
            _ => format!("q{}", secret.replace([':', '#', '\'', '"', ' '], "x")),
        };
        let text = with(&format!("{rest}pinCode: {value}\n{rest}"));
        let expected = with(&format!("{rest}pinCode: (redacted)\n{rest}"));
        prop_assert!(redact(&text) == expected, "{text}{}", redact(&text));
    }
}
