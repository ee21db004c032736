//! From a file on the device to an object: its key, or the reason there is none, its type and
//! its metadata.
//!
//! Pure functions of the manifest and the file: the same input gives the same keys on every
//! station. Rules: guide pages "ManipulatingS3KeyNames", "WorkingSubstitutions", "IgnoreTips",
//! "S3examplesofimportmanifest".

mod content;
mod ignore;
mod java_pattern;
mod metadata;
#[cfg(test)]
mod tests;

use crate::ledger::Verdict;
use crate::manifest::{Extensions, S3Import};
use crate::signature_file;

pub use content::{Content, DEFAULT_CONTENT_TYPE, SNIFF_BYTES, content};
pub use ignore::{IgnorePatterns, PATTERNS_MAX, PatternRefused};
pub use metadata::{FileFacts, metadata};

/// The longest key of S3, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1024;
/// While it is substituted, a key may grow to this much: a chain of substitutions that each double
/// it must not exhaust a station.
const GROWING_KEY_BYTES_MAX: usize = 16 * 1024;
/// Writing is tried under this key where there is no prefix that permissions could hang on.
const WRITE_CHECK_KEY: &str = "packhorse-write-check";

/// `substitutions`: literal replacements, in source order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substitutions(pub Vec<(String, String)>);

impl Substitutions {
    /// Replaces each pair in turn, in the whole text; `None` when it grows past all bounds.
    pub(crate) fn apply(&self, mut key: String) -> Option<String> {
        for (from, to) in &self.0 {
            key = key.replace(from.as_str(), to);
            if key.len() > GROWING_KEY_BYTES_MAX {
                return None;
            }
        }
        Some(key)
    }
}

/// Directories of a volume's root that hold nothing of the customer's (`skipJunk: yes`). Windows
/// has written their names in several cases over the years.
const JUNK: [&str; 7] = [
    "$Recycle.Bin",
    "RECYCLER",
    "RECYCLED",
    "System Volume Information",
    "lost+found",
    ".Trashes",
    ".Spotlight-V100",
];

/// Where a file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// Under this key.
    Key(String),
    /// Nowhere, as it should be.
    Ignored(IgnoredBy<'a>),
    /// Nowhere, though it should: the verdict says why.
    Failed(Verdict),
}

/// What leaves a file out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IgnoredBy<'a> {
    /// It is the SIGNATURE file.
    Signature,
    /// `packhorse: {skipJunk: yes}`
    Junk,
    /// The first pattern of `ignore` that is found in its path.
    Pattern(&'a str),
}

/// The target of the file at `path` in its volume (`/` between names, none in front). `folder` is
/// what the volume's files stand under: nothing, or `volume2/` on a device of several volumes.
pub fn target<'a>(
    import: &'a S3Import,
    extensions: &Extensions,
    folder: &str,
    path: &[u8],
) -> Target<'a> {
    if let Some(ignored) = ignored(import, extensions, folder, path) {
        return Target::Ignored(ignored);
    }
    let Ok(path) = std::str::from_utf8(path) else {
        return Target::Failed(Verdict::invalid_name());
    };
    keyed(import, &format!("{folder}{path}"))
}

/// The target of a file that an export has made of the object `key`: prefix and substitutions are
/// applied to that key instead of the path.
pub fn restored<'a>(import: &S3Import, key: &str) -> Target<'a> {
    keyed(import, key)
}

fn keyed<'a>(import: &S3Import, name: &str) -> Target<'a> {
    match import
        .substitutions
        .apply(format!("{}{name}", import.prefix))
    {
        Some(key) if key.is_empty() => Target::Failed(Verdict::invalid_substitution()),
        Some(key) if key.len() <= KEY_BYTES_MAX => Target::Key(key),
        Some(_) | None => Target::Failed(Verdict::key_too_long()),
    }
}

/// What leaves the file at `path` out, if anything does. A directory that stands for what cannot be
/// read in it ends with `/`. Stray bytes of a name are searched as U+FFFD, as Java decodes them.
pub fn ignored<'a>(
    import: &'a S3Import,
    extensions: &Extensions,
    folder: &str,
    path: &[u8],
) -> Option<IgnoredBy<'a>> {
    if path == signature_file::FILE_NAME.as_bytes() {
        return Some(IgnoredBy::Signature);
    }
    let path = String::from_utf8_lossy(path);
    if extensions.skip_junk && is_junk(&path) {
        return Some(IgnoredBy::Junk);
    }
    let found = match folder {
        "" => import.ignore.find(&path),
        folder => import.ignore.find(&format!("{folder}{path}")),
    };
    found.map(IgnoredBy::Pattern)
}

fn is_junk(path: &str) -> bool {
    let first = path.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| JUNK.iter().any(|name| name.eq_ignore_ascii_case(first)))
}

/// A key under which it can be tried whether this job may write: permissions may hang on the
/// prefix, as it is after the substitutions.
pub fn write_check_key(import: &S3Import) -> String {
    let prefix = import.substitutions.apply(import.prefix.clone());
    match prefix {
        Some(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => key,
        Some(_) | None => WRITE_CHECK_KEY.to_owned(),
    }
}
