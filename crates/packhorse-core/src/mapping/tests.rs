//! The guide's examples, and what must hold for every path.

use proptest::prelude::*;

use super::*;
use crate::bucket::BucketName;
use crate::manifest::ObjectHeaders;

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

fn skipping_junk() -> Extensions {
    Extensions {
        skip_junk: true,
        ..Extensions::default()
    }
}

fn target_of<'a>(import: &'a S3Import, path: &[u8]) -> Target<'a> {
    target(import, &Extensions::default(), "", path)
}

#[track_caller]
fn stored(import: &S3Import, path: &str, key: &str) {
    assert_eq!(target_of(import, path.as_bytes()), Target::Key(key.into()));
}

#[track_caller]
fn failed(import: &S3Import, path: &[u8], verdict: Verdict) {
    assert_eq!(target_of(import, path), Target::Failed(verdict));
}

#[test]
fn glues_the_prefix_on_without_a_slash() {
    stored(
        &import("images", &[], &[]),
        "sample.jpg",
        "imagessample.jpg",
    );
    stored(&import("images/", &[], &[]), "a/b.jpg", "images/a/b.jpg");
}

#[test]
fn substitutes_in_prefix_and_path_in_listed_order() {
    let pairs = [("$COLON$", ":"), ("$QUOTE$", "\"")];
    let guides = import("myprefix$COLON$", &pairs, &[]);
    stored(&guides, "a$QUOTE$/b$COLON$c", "myprefix:a\"/b:c");
    stored(&import("", &[("a", "b"), ("b", "c")], &[]), "ab", "cc");
    stored(&import("", &[("b", "c"), ("a", "b")], &[]), "ab", "bc");
    stored(&import("", &[("A", "x"), (".", "_")], &[]), "a.b", "a_b");
    // The join of prefix and path is a place like any other.
    stored(&import("$CO", &[("$COLON$", ":")], &[]), "LON$x", ":x");
}

#[test]
fn an_empty_key_is_an_invalid_substitution() {
    failed(
        &import("", &[("a", "")], &[]),
        b"aaa",
        Verdict::invalid_substitution(),
    );
}

#[test]
fn substitutions_that_double_a_key_again_and_again_end_soon() {
    let pairs = vec![("a", "aa"); 1000];
    failed(&import("", &pairs, &[]), b"a", Verdict::key_too_long());
}

#[test]
fn a_key_may_be_too_long_before_it_is_substituted() {
    let long = "$COLON$".repeat(200);
    let short = ":".repeat(200);
    stored(&import("", &[("$COLON$", ":")], &[]), &long, &short);
}

#[test]
fn ignores_what_a_pattern_finds_and_the_signature_file_of_the_root_only() {
    let import = import("", &[], &["\\.psd$", "^backup/", "p"]);
    for (path, expected) in [
        ("x/y.psd", Some(IgnoredBy::Pattern("\\.psd$"))),
        ("x/y.PSD", None),
        ("backup/z", Some(IgnoredBy::Pattern("^backup/"))),
        ("old/backup/z", Some(IgnoredBy::Pattern("p"))),
        ("SIGNATURE", Some(IgnoredBy::Signature)),
        ("sub/SIGNATURE", None),
        ("signature", None),
    ] {
        let found = ignored(&import, &Extensions::default(), "", path.as_bytes());
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn a_name_that_is_not_utf8_has_no_key_but_can_be_ignored() {
    let import = import("", &[], &["^old/"]);
    failed(&import, b"new/a\xff", Verdict::invalid_name());
    let ignored = target_of(&import, b"old/a\xff");
    assert_eq!(ignored, Target::Ignored(IgnoredBy::Pattern("^old/")));
}

#[test]
fn a_key_of_1024_bytes_fits_and_1025_do_not() {
    let path = "é".repeat(512);
    stored(&import("", &[], &[]), &path, &path);
    failed(
        &import("x", &[], &[]),
        path.as_bytes(),
        Verdict::key_too_long(),
    );
}

#[test]
fn skips_junk_only_when_asked_and_only_in_a_root() {
    let import = import("", &[], &[]);
    stored(&import, "lost+found/x", "lost+found/x");
    for (path, skipped) in [
        ("lost+found/x", true),
        ("$RECYCLE.BIN/S-1/x", true),
        ("$Recycle.Bin/x", true),
        ("System Volume Information/", true),
        ("lost+foundation", false),
        ("lost+found", false),
        ("a/lost+found/x", false),
    ] {
        let found = ignored(&import, &skipping_junk(), "volume2/", path.as_bytes());
        assert_eq!(found, skipped.then_some(IgnoredBy::Junk), "{path}");
    }
}

#[test]
fn the_files_of_several_volumes_stand_in_folders() {
    let import = import("p/", &[], &["^volume1/a"]);
    let target = |folder, path| target(&import, &Extensions::default(), folder, path);
    assert_eq!(
        target("volume2/", b"a"),
        Target::Key("p/volume2/a".to_owned())
    );
    assert_eq!(
        target("volume1/", b"a"),
        Target::Ignored(IgnoredBy::Pattern("^volume1/a"))
    );
    assert_eq!(
        target("volume2/", b"SIGNATURE"),
        Target::Ignored(IgnoredBy::Signature)
    );
}

#[test]
fn writing_is_tried_where_permissions_hang() {
    let key = |prefix: &str| write_check_key(&import(prefix, &[("$C$", ":")], &[]));
    assert_eq!(key(""), "packhorse-write-check");
    assert_eq!(key("a$C$/"), "a:/");
    assert_eq!(key(&"x".repeat(1025)), "packhorse-write-check");
}

fn content_of(headers: &ObjectHeaders, path: &str, first_bytes: &[u8]) -> (String, bool) {
    let Content { content_type, gzip } = content(headers, path, first_bytes);
    (content_type, gzip)
}

#[test]
fn content_types_follow_the_guides_gzip_examples() {
    let mut headers = ObjectHeaders {
        set_content_encoding_for_gz_files: true,
        ..Default::default()
    };
    for (extension, content_type) in [("log", "text/x-log"), ("html", "text/x-mine")] {
        headers
            .content_types
            .push((extension.into(), content_type.into()));
    }
    let gz: &[u8] = &[0x1f, 0x8b];
    for (path, first_bytes, content_type, gzip) in [
        ("text1.html.gz", gz, "text/x-mine", true),
        ("a/text2.html", gz, "text/x-mine", true),
        ("text3.html", b"<h", "text/x-mine", false),
        ("text.gzip", gz, DEFAULT_CONTENT_TYPE, true),
        ("text.gz", b"no", "application/gzip", false),
        ("x.HTML", b"<h", "text/html", false),
        ("x.log", b"ab", "text/x-log", false),
        ("x.LOG", b"ab", "text/plain", false),
        ("a.b/none", b"ab", DEFAULT_CONTENT_TYPE, false),
        ("empty.html", b"", "text/x-mine", false),
        ("one", &[0x1f], DEFAULT_CONTENT_TYPE, false),
    ] {
        let got = content_of(&headers, path, first_bytes);
        assert_eq!(got, (content_type.to_owned(), gzip), "{path}");
    }
    headers.default_content_type = Some("x/y".into());
    assert_eq!(content_of(&headers, "none", b"").0, "x/y");
    headers.set_content_encoding_for_gz_files = false;
    let unasked = content_of(&headers, "text1.html.gz", gz);
    assert_eq!(unasked, ("application/gzip".to_owned(), false));
}

#[test]
fn metadata_is_of_the_manifest_first_and_of_the_file_then() {
    let headers = ObjectHeaders {
        static_metadata: vec![("Owner".into(), "me".into()), ("MODE".into(), "x".into())],
        disk_timestamp_metadata_key: Some("disk-time".into()),
        ..Default::default()
    };
    let preserving = Extensions {
        preserve_metadata: true,
        ..Default::default()
    };
    let file = FileFacts {
        modified: Some("1969-12-31T23:59:58.5Z".parse().unwrap()),
        mode: Some(0o644),
        owner: Some((1000, 100)),
    };
    let pairs = |list: Vec<(String, String)>| {
        let lines = list.iter().map(|(name, value)| format!("{name}={value}"));
        lines.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        pairs(metadata(&headers, &preserving, &file)),
        "Owner=me MODE=x disk-time=-1500 mtime=-1.500000000 uid=1000 gid=100"
    );
    assert_eq!(
        pairs(metadata(
            &headers,
            &Extensions::default(),
            &FileFacts::default()
        )),
        "Owner=me MODE=x"
    );
}

/// Texts of few letters, in which replacements meet and overlap.
fn short_text() -> impl Strategy<Value = String> {
    "[ab$/é]{0,12}"
}

/// Replacement as the guide words it: from the left, each place once, nothing is read twice.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(c) = rest.chars().next() {
        match rest.strip_prefix(from) {
            Some(after) => {
                out.push_str(to);
                rest = after;
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn without_options_a_key_is_its_path(path in "\\PC{1,300}") {
        let expected = match path.len() {
            _ if path == "SIGNATURE" => return Ok(()),
            ..=KEY_BYTES_MAX => Target::Key(path.clone()),
            _ => Target::Failed(Verdict::key_too_long()),
        };
        let import = import("", &[], &[]);
        prop_assert_eq!(target_of(&import, path.as_bytes()), expected);
    }

    #[test]
    fn a_key_is_the_prefix_and_path_with_every_pair_replaced_in_turn(
        prefix in short_text(),
        path in "[ab$/é]{1,12}",
        pairs in prop::collection::vec(("[ab$é]{1,3}", short_text()), 0..4),
    ) {
        let borrowed: Vec<_> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let expected = borrowed
            .iter()
            .fold(format!("{prefix}{path}"), |key, (from, to)| replaced(&key, from, to));
        let expected = match expected.len() {
            0 => Target::Failed(Verdict::invalid_substitution()),
            1..=KEY_BYTES_MAX => Target::Key(expected),
            _ => Target::Failed(Verdict::key_too_long()),
        };
        let import = import(&prefix, &borrowed, &[]);
        prop_assert_eq!(target_of(&import, path.as_bytes()), expected);
    }

    #[test]
    fn any_bytes_have_a_target_and_a_key_always_fits(
        path in prop::collection::vec(any::<u8>(), 0..1100),
        to in "[ab]{0,9}",
    ) {
        let import = import("p", &[("a", &to), ("p", "")], &["^b"]);
        match target_of(&import, &path) {
            Target::Key(key) => prop_assert!((1..=KEY_BYTES_MAX).contains(&key.len())),
            Target::Ignored(_) => prop_assert!(path.starts_with(b"b")),
            Target::Failed(verdict) => {
                let utf8 = std::str::from_utf8(&path).is_ok();
                prop_assert_eq!(verdict == Verdict::invalid_name(), !utf8);
            }
        }
    }

    #[test]
    fn a_quoted_pattern_is_found_where_its_text_is(text in "[a.*+\\[(^$b]{1,4}", path in "[a.*+\\[(^$b/]{0,16}") {
        let quoted = format!("\\Q{text}\\E");
        let patterns = IgnorePatterns::compile(&[&quoted]).unwrap();
        prop_assert_eq!(patterns.find(&path).is_some(), path.contains(&text));
    }

    #[test]
    fn a_type_depends_on_the_name_and_never_on_its_folder(folder in "[a-z./]{0,12}", name in "[a-zA-Z.]{0,12}") {
        let headers = ObjectHeaders::default();
        let there = content(&headers, &format!("{folder}/{name}"), b"");
        prop_assert_eq!(there, content(&headers, &name, b""));
    }

    #[test]
    fn no_name_of_metadata_stands_twice(
        fixed in prop::collection::btree_set("mtime|MODE|uid|x", 0..4),
        time_key in prop::option::of("gid|T|y"),
    ) {
        let headers = ObjectHeaders {
            static_metadata: fixed.into_iter().map(|name| (name, String::new())).collect(),
            disk_timestamp_metadata_key: time_key,
            ..Default::default()
        };
        let preserving = Extensions { preserve_metadata: true, ..Default::default() };
        let file = FileFacts {
            modified: Some(jiff::Timestamp::UNIX_EPOCH),
            mode: Some(0),
            owner: Some((0, 0)),
        };
        let given = metadata(&headers, &preserving, &file);
        let mut names: Vec<_> = given.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), given.len());
    }
}
