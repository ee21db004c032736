//! `ignore`: patterns searched in the relative path.

use regex::{RegexSet, RegexSetBuilder};

use super::java_pattern;

/// Patterns in one manifest. The guide's longest example has a handful.
pub const PATTERNS_MAX: usize = 500;
/// All patterns together may take this much memory when compiled: a customer's patterns must not
/// exhaust a station.
const COMPILED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Groups and brackets in a pattern may be nested this deep.
const NESTED_MAX: u32 = 50;

/// Compiled patterns: all of them are searched in one pass over a path, in linear time.
#[derive(Clone, Debug, Default)]
pub struct IgnorePatterns {
    sources: Vec<String>,
    set: RegexSet,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {}, character {}: {reason}", index + 1, character + 1)]
pub struct PatternRefused {
    /// Which of the patterns, counted from 0.
    pub index: usize,
    /// The character where it stops making sense, counted from 0.
    pub character: usize,
    /// What is wrong and what to do.
    pub reason: String,
}

impl IgnorePatterns {
    /// Compiles patterns written in the syntax of Java's regular expressions. Either all of them
    /// can be used, or the error says of each other one why not.
    pub fn compile<T: AsRef<str>>(patterns: &[T]) -> Result<Self, Vec<PatternRefused>> {
        let refused = |index, (character, reason)| PatternRefused {
            index,
            character,
            reason,
        };
        let translate = |pattern: &T| java_pattern::translate(pattern.as_ref(), NESTED_MAX);
        let mut translated = Vec::with_capacity(patterns.len());
        let mut problems = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            match translate(pattern) {
                Ok(pattern) => translated.push(pattern),
                Err(problem) => problems.push(refused(index, problem)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let set = build(&translated).map_err(|error| {
            let fits = |count: &usize| build(translated.get(..*count).unwrap_or_default()).is_ok();
            let counts: Vec<usize> = (1..=translated.len()).collect();
            let reason = match error {
                regex::Error::CompiledTooBig(_) => TOO_LARGE.to_owned(),
                error => error.to_string(),
            };
            vec![refused(counts.partition_point(fits), (0, reason))]
        })?;
        let sources = patterns.iter().map(|p| p.as_ref().to_owned()).collect();
        Ok(Self { sources, set })
    }

    /// The patterns as written, in the manifest's order.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(String::as_str)
    }

    /// The patterns, counted from 0, that are found in paths that have nothing in common: in every
    /// path, as good as.
    pub fn universal(&self) -> Vec<usize> {
        const UNLIKE: [&str; 6] = ["0", "Q", "é", "_", "日", "."];
        let found = |index: &usize| {
            UNLIKE
                .iter()
                .all(|path| self.set.matches(path).matched(*index))
        };
        (0..self.sources.len()).filter(found).collect()
    }

    /// The first pattern that is found in `path`.
    pub fn find(&self, path: &str) -> Option<&str> {
        let first = self.set.matches(path).iter().next()?;
        self.sources.get(first).map(String::as_str)
    }
}

const TOO_LARGE: &str = "with this one the patterns need too much memory; use fewer, or smaller \
     repetition counts";

fn build(patterns: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns)
        .size_limit(COMPILED_BYTES_MAX)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_pattern_and_tells_which() {
        let patterns = IgnorePatterns::compile(&["\\.psd$", "^backup/", "p"]).unwrap();
        assert_eq!(patterns.find("backup/x.psd"), Some("\\.psd$"));
        assert_eq!(patterns.find("backup/x"), Some("^backup/"));
        assert_eq!(patterns.find("xyz"), None);
        assert_eq!(IgnorePatterns::default().find("x"), None);
    }

    #[test]
    fn knows_a_pattern_that_leaves_nothing() {
        let all = [".*", "^.*$", ".", "a?", "[^/]+", "\\.psd$|.*"];
        let some = ["\\.psd$", "^backup/", "[a-z]", "^$", "~", "/", "^.*/"];
        let patterns: Vec<&str> = all.into_iter().chain(some).collect();
        let universal = IgnorePatterns::compile(&patterns).unwrap().universal();
        assert_eq!(universal, (0..all.len()).collect::<Vec<_>>());
    }

    #[test]
    fn says_of_every_bad_pattern_why() {
        let problems = IgnorePatterns::compile(&["a", "(?=b)", "x{"]).unwrap_err();
        let places: Vec<_> = problems.iter().map(|p| (p.index, p.character)).collect();
        assert_eq!(places, [(1, 0), (2, 1)]);
    }

    #[test]
    fn patterns_cannot_take_all_memory() {
        let bomb = "(((x{100}){100}){100})";
        let problems = IgnorePatterns::compile(&["a", bomb]).unwrap_err();
        assert_eq!(
            (problems[0].index, problems[0].reason.as_str()),
            (1, TOO_LARGE)
        );
        let many = vec!["\\p{L}{20}"; PATTERNS_MAX];
        let problems = IgnorePatterns::compile(&many).unwrap_err();
        assert!((2..PATTERNS_MAX).contains(&problems[0].index));
    }

    #[test]
    fn a_pattern_that_hangs_other_engines_takes_no_time() {
        let patterns = IgnorePatterns::compile(&["^(a+)+$", "(.*.*)*x"]).unwrap();
        let path = "a".repeat(100_000) + "b";
        assert_eq!(patterns.find(&path), None);
    }
}
