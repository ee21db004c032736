//! From the syntax of Java's regular expressions, which manifests use, to that of our engine.
//!
//! The engine works in linear time, so what needs backtracking is refused with the reason:
//! lookaround, backreferences, possessive quantifiers, atomic groups. Constructs that mean
//! something else to the engine are rewritten (`\w` is ASCII, `\Q…\E`, `\uXXXX`, classes).
//! Differences that remain: `.` excludes only LF, `$` and `\Z` never match before a final line
//! break, `(?i)` folds all letters. They matter to no name without line breaks or to no name at
//! all but such in mixed scripts.

mod words;

use std::iter::Peekable;
use std::str::Chars;

use regex_syntax::ParserBuilder;

use words::{
    ATOMIC, BACKREFERENCE, LOOKAROUND, NOT_A_CHARACTER, POSIX, POSIX_CLASS, POSSESSIVE, shorthand,
};

/// A refusal: the character's number (from 0) and the reason.
type Refusal = (usize, String);

/// Rewrites a pattern, or says where and why it cannot be used.
pub(super) fn translate(pattern: &str, nested_max: u32) -> Result<String, Refusal> {
    let mut translator = Translator {
        rest: pattern.chars().peekable(),
        at: 0,
        out: String::with_capacity(pattern.len() + 8),
        places: Vec::new(),
    };
    translator.pattern()?;
    let Translator { out, places, .. } = translator;
    let parsed = ParserBuilder::new()
        .nest_limit(nested_max)
        .build()
        .parse(&out);
    let (offset, reason) = match parsed {
        Ok(_) => return Ok(out),
        Err(regex_syntax::Error::Parse(error)) => {
            (error.span().start.offset, error.kind().to_string())
        }
        Err(regex_syntax::Error::Translate(error)) => {
            (error.span().start.offset, error.kind().to_string())
        }
        Err(error) => (0, error.to_string()),
    };
    let place = places.iter().find(|(begin, _)| *begin == offset);
    let before = || places.iter().rev().find(|(begin, _)| *begin <= offset);
    let place = place.or_else(before);
    let character = place.map_or(0, |(_, character)| *character);
    let advice = instead_of_glob(pattern);
    Err((
        character,
        format!("not a regular expression: {reason}{advice}"),
    ))
}

/// What to write for a name of a shell, `*.tmp`.
fn instead_of_glob(pattern: &str) -> String {
    match pattern.strip_prefix('*') {
        Some(end) if !end.is_empty() => format!(
            "; for the paths that end with `{end}` write `{}$`",
            regex_syntax::escape(end)
        ),
        _ => String::new(),
    }
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    /// The number of the next character.
    at: usize,
    out: String,
    /// Where in `out` the translation of each source character begins.
    places: Vec<(usize, usize)>,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        self.places.push((self.out.len(), self.at));
        self.at += 1;
        Some(c)
    }

    /// Takes the next character if it is `c`.
    fn takes(&mut self, c: char) -> bool {
        let there = self.rest.peek() == Some(&c);
        if there {
            self.next();
        }
        there
    }

    fn pattern(&mut self) -> Result<(), Refusal> {
        let mut quantified = false;
        while let Some(c) = self.next() {
            let begin = self.at - 1;
            let was_quantified = std::mem::take(&mut quantified);
            match c {
                '+' if was_quantified => return Err((begin, POSSESSIVE.to_owned())),
                '?' if was_quantified => self.out.push('?'),
                '*' | '+' | '?' => {
                    self.out.push(c);
                    quantified = true;
                }
                '{' => {
                    self.repetition(begin)?;
                    quantified = true;
                }
                '(' => {
                    self.out.push('(');
                    if self.takes('?') {
                        self.group(begin)?;
                    }
                }
                '[' => self.class(begin)?,
                '\\' => self.escape(begin, false)?,
                ']' | '}' => self.literal(c),
                _ => self.out.push(c),
            }
        }
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,4}`: the brace was taken.
    fn repetition(&mut self, begin: usize) -> Result<(), Refusal> {
        if !self.rest.peek().is_some_and(char::is_ascii_digit) {
            let reason = "a `{` that repeats nothing must be written `\\{`";
            return Err((begin, reason.to_owned()));
        }
        self.out.push('{');
        while let Some(c) = self.next() {
            self.out.push(c);
            match c {
                '}' => return Ok(()),
                '0'..='9' | ',' => {}
                _ => break,
            }
        }
        Err((
            begin,
            "a repetition is written `{2}`, `{2,}` or `{2,4}`".to_owned(),
        ))
    }

    /// What follows `(?`.
    fn group(&mut self, begin: usize) -> Result<(), Refusal> {
        match self.next() {
            Some('=' | '!') => Err((begin, LOOKAROUND.to_owned())),
            Some('>') => Err((begin, ATOMIC.to_owned())),
            Some('<') if matches!(self.rest.peek(), Some('=' | '!')) => {
                Err((begin, LOOKAROUND.to_owned()))
            }
            Some('<') => {
                self.out.push_str("?<");
                Ok(())
            }
            Some(first) => self.flags(first, begin),
            None => Err((begin, "the group is not closed".to_owned())),
        }
    }

    /// `(?i)`, `(?im-s:`. The engine always folds case as `u` asks and breaks lines as `d` asks.
    fn flags(&mut self, first: char, begin: usize) -> Result<(), Refusal> {
        let mut flags = String::new();
        let mut next = Some(first);
        loop {
            match next {
                Some(end @ (':' | ')')) => {
                    let flags = flags.strip_suffix('-').unwrap_or(&flags);
                    match (flags.is_empty(), end) {
                        (true, ')') => self.out.push_str("?:)"),
                        (_, end) => {
                            self.out.push('?');
                            self.out.push_str(flags);
                            self.out.push(end);
                        }
                    }
                    return Ok(());
                }
                Some(flag @ ('i' | 'm' | 's' | '-')) => flags.push(flag),
                Some('u' | 'd') => {}
                Some(flag @ ('x' | 'U')) => {
                    return Err((begin, format!("the flag `{flag}` is not supported")));
                }
                Some(_) | None => return Err((begin, "not a kind of group".to_owned())),
            }
            next = self.next();
        }
    }

    /// A class in brackets; the first bracket was taken.
    fn class(&mut self, begin: usize) -> Result<(), Refusal> {
        let mut depth = 0_usize;
        let mut opening = true;
        let mut after_dash = false;
        let mut next = Some('[');
        while let Some(c) = next {
            let was_dash = std::mem::take(&mut after_dash);
            match c {
                '[' => {
                    if depth > 0 && self.rest.peek() == Some(&':') {
                        return Err((self.at - 1, POSIX_CLASS.to_owned()));
                    }
                    depth += 1;
                    self.out.push('[');
                    if self.takes('^') {
                        self.out.push('^');
                    }
                    opening = true;
                    next = self.next();
                    continue;
                }
                ']' if !opening => {
                    depth -= 1;
                    self.out.push(']');
                    if depth == 0 {
                        return Ok(());
                    }
                }
                '&' if self.takes('&') => self.out.push_str("&&"),
                '-' if !was_dash => {
                    self.out.push('-');
                    after_dash = true;
                }
                '\\' => self.escape(self.at - 1, true)?,
                _ if c.is_ascii_punctuation() => self.literal(c),
                _ => self.out.push(c),
            }
            opening = false;
            next = self.next();
        }
        Err((begin, "the class `[` is not closed".to_owned()))
    }

    /// What follows a backslash.
    fn escape(&mut self, begin: usize, in_class: bool) -> Result<(), Refusal> {
        let Some(c) = self.next() else {
            return Err((begin, "a `\\` at the end escapes nothing".to_owned()));
        };
        if let Some(class) = shorthand(c) {
            self.out.push_str(class);
            return Ok(());
        }
        match c {
            't' | 'n' | 'r' | 'f' | 'a' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'e' => self.out.push_str("\\x1B"),
            '0' => self.code_point(begin, 8, 3)?,
            'x' if self.takes('{') => {
                self.code_point(begin, 16, 6)?;
                if !self.takes('}') {
                    return Err((begin, NOT_A_CHARACTER.to_owned()));
                }
            }
            'x' => self.code_point(begin, 16, 2)?,
            'u' => self.code_point(begin, 16, 4)?,
            'c' => {
                let letter = self.next().filter(char::is_ascii);
                let letter = letter.ok_or((begin, NOT_A_CHARACTER.to_owned()))?;
                self.push_code(u32::from(letter) ^ 64, begin)?;
            }
            'p' | 'P' => self.property(c == 'P', begin)?,
            'Q' => self.quotation(),
            'b' | 'B' | 'A' | 'z' if !in_class => {
                self.out.push('\\');
                self.out.push(c);
            }
            'Z' if !in_class => self.out.push_str("\\z"),
            'R' if !in_class => {
                let line_break = "(?:\\r\\n|[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}])";
                self.out.push_str(line_break);
            }
            '1'..='9' | 'k' => return Err((begin, BACKREFERENCE.to_owned())),
            _ if c.is_ascii_alphabetic() => {
                return Err((begin, format!("the escape `\\{c}` is not supported")));
            }
            _ => self.literal(c),
        }
        Ok(())
    }

    /// `\Q…\E`: everything between is meant literally.
    fn quotation(&mut self) {
        while let Some(c) = self.next() {
            if c == '\\' && self.takes('E') {
                return;
            }
            self.literal(c);
        }
    }

    /// The digits of a character's number, as many as there are up to `most`.
    fn code_point(&mut self, begin: usize, radix: u32, most: usize) -> Result<(), Refusal> {
        let mut digits = String::new();
        while digits.len() < most && self.rest.peek().is_some_and(|c| c.is_digit(radix)) {
            digits.extend(self.next());
        }
        let enough = radix == 8 || most == 6 || digits.len() == most;
        let code = u32::from_str_radix(&digits, radix).ok().filter(|_| enough);
        let code = code.ok_or((begin, NOT_A_CHARACTER.to_owned()))?;
        self.push_code(code, begin)
    }

    fn push_code(&mut self, code: u32, begin: usize) -> Result<(), Refusal> {
        let c = char::from_u32(code).ok_or((begin, NOT_A_CHARACTER.to_owned()))?;
        self.out.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
        Ok(())
    }

    /// `\p{Lower}`, `\p{IsGreek}`, `\pL`: what stands behind the `p`.
    fn property(&mut self, negated: bool, begin: usize) -> Result<(), Refusal> {
        let mut name = String::new();
        if self.takes('{') {
            while let Some(c) = self.next().filter(|c| *c != '}') {
                name.push(c);
            }
        } else {
            name.extend(self.next());
        }
        let posix = POSIX.iter().find(|posix| **posix == name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '=' | ' ' | '-');
        if let Some(posix) = posix {
            let not = if negated { "^" } else { "" };
            let class = format!("[[:{not}{}:]]", posix.to_ascii_lowercase());
            self.out.push_str(&class);
            return Ok(());
        }
        let block = ["In", "block=", "blk=", "java"];
        if block.iter().any(|start| name.starts_with(start)) || !name.chars().all(is_plain) {
            let reason = "this property is not supported; there are categories such as \
                          `\\p{Lu}`, scripts such as `\\p{IsGreek}` and ASCII classes such as \
                          `\\p{Lower}`";
            return Err((begin, reason.to_owned()));
        }
        let bare = name.strip_prefix("Is").unwrap_or(&name);
        let letter = if negated { 'P' } else { 'p' };
        self.out.push_str(&format!("\\{letter}{{{bare}}}"));
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.out
            .push_str(&regex_syntax::escape(c.encode_utf8(&mut [0; 4])));
    }
}

#[cfg(test)]
mod tests;
