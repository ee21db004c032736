//! Tables of Java's syntax, and the sentences that refuse parts of it.

/// Java's shorthands are ASCII; the engine's are not.
pub(super) fn shorthand(c: char) -> Option<&'static str> {
    Some(match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[ \\t\\n\\x0B\\f\\r]",
        'S' => "[^ \\t\\n\\x0B\\f\\r]",
        'w' => "[a-zA-Z_0-9]",
        'W' => "[^a-zA-Z_0-9]",
        'h' => "[ \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}]",
        'H' => "[^ \\t\\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}]",
        'v' => "[\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}]",
        'V' => "[^\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}]",
        _ => return None,
    })
}

/// The classes Java has for ASCII alone.
pub(super) const POSIX: [&str; 13] = [
    "Lower", "Upper", "ASCII", "Alpha", "Digit", "Alnum", "Punct", "Graph", "Print", "Blank",
    "Cntrl", "XDigit", "Space",
];

pub(super) const LOOKAROUND: &str = "lookahead and lookbehind, `(?=`, `(?!`, `(?<=`, `(?<!`, are \
     not supported; write a pattern for what is to be ignored itself";
pub(super) const ATOMIC: &str = "atomic groups, `(?>`, are not supported; write `(?:`, which finds \
     the same or more";
pub(super) const BACKREFERENCE: &str = "backreferences are not supported; write what they repeat";
pub(super) const POSSESSIVE: &str = "possessive quantifiers, `*+`, `++`, `?+`, `}+`, are not \
     supported; leave out the last `+`";
pub(super) const POSIX_CLASS: &str = "`[:` does not begin a class in this syntax; write \
     `\\p{Alpha}`, `\\p{Digit}` and so on, or escape the bracket";
pub(super) const NOT_A_CHARACTER: &str = "the escape does not name a character";
