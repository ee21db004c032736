//! From a path on the device to an object: key, or the reason there is none, and its headers.
//!
//! Pure functions of the manifest and the path: the same input gives the same keys on every
//! station. Rules: guide pages "ManipulatingS3KeyNames", "WorkingSubstitutions", "IgnoreTips",
//! "S3examplesofimportmanifest".

mod ignore;
mod java_pattern;

use crate::ledger::Verdict;
use crate::manifest::{Extensions, ObjectHeaders, S3Import};
use crate::signature_file;

pub use ignore::{IgnorePatterns, PATTERNS_MAX, PatternRefused};

/// The longest key of S3, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 1024;
/// What an object is when nothing else tells (guide page "S3examplesofimportmanifest").
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";
/// How many bytes of a file [`content`] wants to see.
pub const SNIFF_BYTES: usize = 2;
/// While it is substituted, a key may grow to this much: a chain of substitutions that each double
/// it must not exhaust a station.
const GROWING_KEY_BYTES_MAX: usize = 16 * 1024;

/// `substitutions`: literal replacements, in source order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Substitutions(pub Vec<(String, String)>);

/// Directories of a device's root that hold nothing of the customer's (`skipJunk: yes`).
const JUNK: [&str; 8] = [
    "$Recycle.bin",
    "$RECYCLE.BIN",
    "RECYCLER",
    "RECYCLED",
    "System Volume Information",
    "lost+found",
    ".Trashes",
    ".Spotlight-V100",
];

/// Where a file goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Under this key.
    Key(String),
    /// Nowhere: ignored, or failed; the verdict says which.
    Nowhere(Verdict),
}

/// The target of the file at `path` (relative to the root, `/` between names).
pub fn target(import: &S3Import, extensions: &Extensions, path: &[u8]) -> Target {
    if path == signature_file::FILE_NAME.as_bytes() {
        return Target::Nowhere(Verdict::ignored());
    }
    let Ok(path) = std::str::from_utf8(path) else {
        return Target::Nowhere(Verdict::invalid_name());
    };
    let junk = extensions.skip_junk && JUNK.iter().any(|name| is_under(path, name));
    if junk || import.ignore.find(path).is_some() {
        return Target::Nowhere(Verdict::ignored());
    }
    let mut key = format!("{}{path}", import.prefix);
    for (from, to) in &import.substitutions.0 {
        key = key.replace(from.as_str(), to);
        if key.len() > GROWING_KEY_BYTES_MAX {
            return Target::Nowhere(Verdict::key_too_long());
        }
    }
    match key.len() {
        0 => Target::Nowhere(Verdict::invalid_substitution()),
        1..=KEY_BYTES_MAX => Target::Key(key),
        _ => Target::Nowhere(Verdict::key_too_long()),
    }
}

fn is_under(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The type and encoding of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `Content-Type`
    pub content_type: String,
    /// `Content-Encoding: gzip`
    pub gzip: bool,
}

/// What the file at `path` is, by its name and its first [`SNIFF_BYTES`] bytes.
pub fn content(headers: &ObjectHeaders, path: &str, first_bytes: &[u8]) -> Content {
    let gzip = headers.set_content_encoding_for_gz_files && first_bytes.starts_with(&[0x1f, 0x8b]);
    let name = path.rsplit('/').next().unwrap_or(path);
    let bare = [".gz", ".gzip"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    let name = if gzip { bare.unwrap_or(name) } else { name };
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let listed = |extension: &str| {
        let entry = headers
            .content_types
            .iter()
            .find(|(known, _)| known == extension);
        entry.map(|(_, content_type)| content_type.clone())
    };
    let built_in = |extension: &str| {
        mime_guess::from_ext(extension)
            .first_raw()
            .map(str::to_owned)
    };
    let fallback = || {
        headers
            .default_content_type
            .clone()
            .unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned())
    };
    let content_type = extension
        .and_then(|extension| listed(extension).or_else(|| built_in(extension)))
        .unwrap_or_else(fallback);
    Content { content_type, gzip }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::BucketName;

    fn import(prefix: &str, substitutions: &[(&str, &str)], ignore: &[&str]) -> S3Import {
        let pairs = substitutions
            .iter()
            .map(|(a, b)| (String::from(*a), String::from(*b)));
        S3Import {
            bucket: BucketName::parse("bucket").unwrap(),
            prefix: prefix.into(),
            substitutions: Substitutions(pairs.collect()),
            ignore: IgnorePatterns::compile(ignore).unwrap(),
            erase_device: false,
            headers: ObjectHeaders::default(),
        }
    }

    fn check(import: &S3Import, path: &[u8], expected: Result<&str, Verdict>) {
        let expected = match expected {
            Ok(key) => Target::Key(key.into()),
            Err(verdict) => Target::Nowhere(verdict),
        };
        assert_eq!(
            target(import, &Extensions::default(), path),
            expected,
            "{path:?}"
        );
    }

    #[test]
    fn glues_the_prefix_on_without_a_slash() {
        check(
            &import("images", &[], &[]),
            b"sample.jpg",
            Ok("imagessample.jpg"),
        );
        check(
            &import("images/", &[], &[]),
            b"a/b.jpg",
            Ok("images/a/b.jpg"),
        );
    }

    #[test]
    fn substitutes_in_prefix_and_path_in_listed_order() {
        let pairs = [("$COLON$", ":"), ("$QUOTE$", "\"")];
        let import = import("myprefix$COLON$", &pairs, &[]);
        check(&import, b"a$QUOTE$/b$COLON$c", Ok("myprefix:a\"/b:c"));
    }

    #[test]
    fn an_empty_key_is_an_invalid_substitution() {
        check(
            &import("", &[("a", "")], &[]),
            b"aaa",
            Err(Verdict::invalid_substitution()),
        );
    }

    #[test]
    fn substitutions_that_double_a_key_again_and_again_end_soon() {
        let pairs = vec![("a", "aa"); 1000];
        check(&import("", &pairs, &[]), b"a", Err(Verdict::key_too_long()));
    }

    #[test]
    fn ignores_what_a_pattern_finds_and_the_signature_file_of_the_root_only() {
        let import = import("", &[], &["\\.psd$", "^backup/"]);
        check(&import, b"x/y.psd", Err(Verdict::ignored()));
        check(&import, b"x/y.PSD", Ok("x/y.PSD"));
        check(&import, b"backup/z", Err(Verdict::ignored()));
        check(&import, b"old/backup/z", Ok("old/backup/z"));
        check(&import, b"SIGNATURE", Err(Verdict::ignored()));
        check(&import, b"sub/SIGNATURE", Ok("sub/SIGNATURE"));
    }

    #[test]
    fn a_key_of_1024_bytes_fits_and_1025_do_not() {
        let path = "é".repeat(512);
        check(&import("", &[], &[]), path.as_bytes(), Ok(&path));
        check(
            &import("x", &[], &[]),
            path.as_bytes(),
            Err(Verdict::key_too_long()),
        );
    }

    #[test]
    fn a_name_that_is_not_utf8_has_no_key() {
        check(
            &import("", &[], &[]),
            b"a\xff",
            Err(Verdict::invalid_name()),
        );
    }

    #[test]
    fn skips_junk_only_when_asked() {
        let import = import("", &[], &[]);
        check(&import, b"lost+found/x", Ok("lost+found/x"));
        let extensions = Extensions {
            skip_junk: true,
            ..Extensions::default()
        };
        let skipped = target(&import, &extensions, b"lost+found/x");
        assert_eq!(skipped, Target::Nowhere(Verdict::ignored()));
        let kept = target(&import, &extensions, b"lost+foundation");
        assert_eq!(kept, Target::Key("lost+foundation".into()));
    }

    #[test]
    fn content_types_follow_the_guides_gzip_examples() {
        let mut headers = ObjectHeaders {
            set_content_encoding_for_gz_files: true,
            ..Default::default()
        };
        headers
            .content_types
            .push(("log".into(), "text/x-log".into()));
        let gz = [0x1f, 0x8b];
        for (path, first_bytes, content_type, gzip) in [
            ("text1.html.gz", gz, "text/html", true),
            ("a/text2.html", gz, "text/html", true),
            ("text3.html", *b"<h", "text/html", false),
            ("text.gzip", gz, DEFAULT_CONTENT_TYPE, true),
            ("x.log", *b"ab", "text/x-log", false),
            ("x.LOG", *b"ab", "text/plain", false),
            ("a.b/none", *b"ab", DEFAULT_CONTENT_TYPE, false),
        ] {
            let expected = Content {
                content_type: content_type.into(),
                gzip,
            };
            assert_eq!(content(&headers, path, &first_bytes), expected, "{path}");
        }
    }
}
