//! Valid manifests of every kind with pieces cut out, doubled and put in: read or explained, and no
//! answer repeats the password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packhorse_core::manifest::{self, JobKind, Word as _};

/// What never may be read in an answer.
const PASSWORD: &str = "Zq7xVwK9";

fuzz_target!(|edits: &[u8]| {
    let Some((kind, edits)) = edits.split_first() else {
        return;
    };
    let kinds = JobKind::WORDS;
    let (_, kind) = kinds[usize::from(*kind) % kinds.len()];
    let mut text = manifest::template(kind).into_bytes();
    if kind == JobKind::S3Import {
        text.extend_from_slice(format!("pinCode: {PASSWORD}\n").as_bytes());
    }
    for edit in edits.chunks(8).take(32) {
        let [a, b, length, how, piece @ ..] = edit else {
            break;
        };
        let at = usize::from(u16::from_le_bytes([*a, *b])) % (text.len() + 1);
        let end = (at + usize::from(*length)).min(text.len());
        match how % 4 {
            0 => drop(text.splice(at..end, piece.iter().copied())),
            1 => drop(text.drain(at..end)),
            2 => {
                let copy = text[at..end].to_vec();
                drop(text.splice(at..at, copy));
            }
            _ => text[at..end].reverse(),
        }
    }
    let is_whole = text.windows(PASSWORD.len()).any(|piece| piece == PASSWORD.as_bytes());
    let problems = match manifest::read(&text, kind.job_type()) {
        Ok(reading) => reading.warnings,
        Err(problems) => problems,
    };
    let is_named = String::from_utf8_lossy(&text).contains("\npinCode: ");
    for problem in problems {
        let leaks = is_whole && is_named && problem.to_string().contains(PASSWORD);
        assert!(!leaks, "{problem}\n{}", String::from_utf8_lossy(&text));
    }
});
