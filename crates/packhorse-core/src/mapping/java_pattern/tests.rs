//! Patterns as Java understands them.

use super::*;

fn check(pattern: &str, found_in: &[&str], not_in: &[&str]) {
    let translated = translate(pattern, 50).unwrap_or_else(|why| panic!("{pattern}: {why:?}"));
    let regex = regex::Regex::new(&translated).unwrap();
    for path in found_in {
        assert!(
            regex.is_match(path),
            "{pattern} as {translated} in {path:?}"
        );
    }
    for path in not_in {
        assert!(
            !regex.is_match(path),
            "{pattern} as {translated} not in {path:?}"
        );
    }
}

fn refuse(pattern: &str, character: usize, words: &str) {
    let (at, reason) = translate(pattern, 50).unwrap_err();
    assert_eq!(at, character, "{pattern}: {reason}");
    assert!(reason.contains(words), "{pattern}: {reason}");
}

#[test]
fn the_guides_patterns_mean_what_they_say() {
    check("\\.psd$", &["a/b.psd"], &["a.psd.txt", "a.PSD", "apsd"]);
    check("^backup/", &["backup/x"], &["a/backup/x"]);
    check(".*~$", &["a~"], &["~a"]);
    check(".*\\.swp$", &[".a.swp"], &["a.swpx"]);
    check(
        "^\\$Recycle\\.bin/",
        &["$Recycle.bin/x"],
        &["x/$Recycle.bin/"],
    );
    check("^lost\\+found/", &["lost+found/x"], &["lostfound/x"]);
}

#[test]
fn shorthands_are_ascii() {
    check("^\\w+$", &["aZ_9"], &["é", "a b"]);
    check("^\\d+$", &["09"], &["\u{0663}"]);
    check("^[\\w.]+$", &["a.b"], &["é"]);
    check("^[^\\d]$", &["x", "\u{0663}"], &["5"]);
    check("^a\\sb$", &["a b", "a\tb"], &["a\u{a0}b"]);
    check("^\\h$", &["\u{a0}"], &["x"]);
    check("^\\p{Lower}\\P{Lower}$", &["aA", "aé"], &["ab", "éA"]);
    check("^\\p{IsGreek}\\pL$", &["αé"], &["aé"]);
}

#[test]
fn quotations_and_escapes_are_literal() {
    check("^\\Qa.b*[\\E.$", &["a.b*[x"], &["axb*[x"]);
    check("\\Q(unfinished", &["(unfinished"], &["unfinished"]);
    check(
        "^\\x41\\u00e9\\x{1F600}\\0101\\t\\e\\cA$",
        &["Aé😀A\t\u{1b}\u{1}"],
        &["A"],
    );
    check("^\\-\\~\\ \\é$", &["-~ é"], &[]);
    check("^a]b}$", &["a]b}"], &[]);
}

#[test]
fn classes_are_javas() {
    check("^[a-z&&[^bc]]$", &["a", "d"], &["b", "c", "&"]);
    check("^[a-c[x-z]]$", &["b", "y"], &["m"]);
    check("^[~~&\\]^#-]$", &["~", "&", "]", "^", "#", "-"], &["a"]);
    check("^[+--]$", &["+", ",", "-"], &["a"]);
    check("^[]a]$", &["]", "a"], &["b"]);
    check("^[^]a]$", &["b"], &["]", "a"]);
    check("^[\\Q^]\\E]$", &["^", "]"], &["Q"]);
}

#[test]
fn groups_and_flags_are_kept() {
    check("^(?i)a(?-i)b$", &["Ab", "ab"], &["aB"]);
    check("^(?<ext>x|y){2,3}?$", &["xy", "xxx"], &["x"]);
    check("^(?u)a(?iu:b)$", &["aB"], &["AB"]);
    check("^(?:ab)*?c$", &["ababc"], &["abac"]);
}

#[test]
fn refuses_what_needs_backtracking_at_its_place() {
    refuse("a(?=b)", 1, "lookahead");
    refuse("é(?!b)", 1, "lookahead");
    refuse("(?<=a)b", 0, "lookbehind");
    refuse("(?<!a)b", 0, "lookbehind");
    refuse("(?>a)", 0, "atomic");
    refuse("(a)\\1", 3, "backreferences");
    refuse("(?<n>a)\\k<n>", 7, "backreferences");
    refuse("a*+", 2, "possessive");
    refuse("a{2,3}+b", 6, "possessive");
}

#[test]
fn refuses_what_it_does_not_know() {
    refuse("a\\", 1, "escapes nothing");
    refuse("\\G", 0, "not supported");
    refuse("(?x)a b", 0, "flag `x`");
    refuse("x{,3}", 1, "must be written");
    refuse("x{2", 1, "repetition");
    refuse("[[:alpha:]]", 1, "\\p{Alpha}");
    refuse("ab[c", 2, "not closed");
    refuse("ab(c", 2, "not a regular expression");
    refuse("a)", 1, "not a regular expression");
    refuse("*.psd", 0, "not a regular expression");
    refuse("*.psd", 0, "end with `.psd` write `\\.psd$`");
    refuse("\\ud83d", 0, "does not name");
    refuse("\\p{InGreek}", 0, "not supported");
    refuse("a\\p{Nonsense}b", 1, "not a regular expression");
    refuse(&"(".repeat(100), 99, "not a regular expression");
}

proptest::proptest! {
    #[test]
    fn never_panics_and_what_is_accepted_compiles(pattern in "[a\\[\\]()^$.?*+{},0-9\\\\&~:<!=|é-]{0,24}|\\PC{0,20}") {
        if let Ok(translated) = translate(&pattern, 50) {
            let compiled = regex::RegexBuilder::new(&translated).size_limit(1 << 20).build();
            let fine = matches!(compiled, Ok(_) | Err(regex::Error::CompiledTooBig(_)));
            proptest::prop_assert!(fine, "{pattern} as {translated}");
        }
    }
}
