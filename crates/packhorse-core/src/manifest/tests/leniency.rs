//! What is accepted although it is not quite YAML, and what is not.

use super::*;

/// A manifest that means the same as the minimal one, and the one warning about it.
fn check(text: impl AsRef<[u8]>, warning: &str) {
    let (manifest, warnings) = accept(text);
    assert_eq!(warnings, [warning]);
    assert_eq!(
        manifest.common.return_address,
        accept(MINIMAL).0.common.return_address
    );
}

#[test]
fn marks_and_line_ends_of_windows_are_accepted() {
    check(
        format!("\u{feff}{MINIMAL}"),
        "line 1, column 1: the invisible byte order mark in front of `manifestVersion: 2.0` is \
         ignored; save the file as UTF-8 without it",
    );
    let said = "line 1, column 1: lines end with CR, as Windows programs write them; read as \
                `manifestVersion: 2.0`";
    check(MINIMAL.replace('\n', "\r\n"), said);
    check(MINIMAL.replace('\n', "\r"), said);
}

#[test]
fn tabs_that_indent_are_accepted_when_nothing_else_indents() {
    check(
        MINIMAL.replace("\n  ", "\n\t"),
        "line 7, column 1: a tab indents the line, which YAML does not allow; read as `  name: \
         Amazon.com ATTN Joe Random` (and 6 more lines like it)",
    );
    let mixed = changed("  city", "\tcity");
    let said = "line 9, column 1: the line is indented with a tab, others with blanks, so what \
                belongs together cannot be told; indent with blanks only: `  city: Anytown`";
    assert_eq!(lines(&refuse(mixed)), [said]);
    check(
        changed("bucket: ", "bucket:\t"),
        "line 2, column 7: a tab stands behind the colon; read as `bucket: myawsbucket`",
    );
}

#[test]
fn places_are_those_of_the_text_as_sent() {
    let text = MINIMAL
        .replace("\n  ", "\n\t")
        .replace(": ", ":")
        .replace("91111", "9");
    let said = "line 11, column 13: returnAddress.postalCode: `9` is no postal code of the USA: \
                five digits, or five and four with a dash";
    assert_eq!(lines(&refuse(text)), [said]);
    let text = MINIMAL.replace("\n  ", "\n").replace("91111", "9");
    assert_eq!(lines(&refuse(text)), [said]);
}

#[test]
fn members_with_free_names_need_no_blank_either() {
    let (manifest, warnings) = accept(with("contentTypes:\n  jpg:image/jpeg\n  log: a/b+c\n"));
    let import = s3_import(manifest.kind);
    let types = import.headers.content_types;
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(types, [pair("jpg", "image/jpeg"), pair("log", "a/b+c")]);
    let said =
        "line 15, column 6: a blank is missing behind the colon; read as `  jpg: image/jpeg`";
    assert_eq!(warnings, [said]);
}

#[test]
fn long_values_are_not_touched() {
    let text = with("generator: |\n  bucket:x\nignore:\n  - bucket:x\n  - 'a\n    city:x'\n");
    let problems = lines(&refuse(text));
    assert_eq!(problems.len(), 1, "{problems:?}");
    let import = import(&with("ignore:\n  - bucket:x\n  - 'a\n    city:x'\n"));
    assert_eq!(import.ignore.find("bucket:x"), Some("bucket:x"));
    assert_eq!(import.ignore.find("a city:x"), Some("a city:x"));
}

#[test]
fn a_semicolon_behind_a_word_is_ignored_and_behind_a_text_it_is_text() {
    let (manifest, warnings) = accept(changed("no", "no;"));
    let import = s3_import(manifest.kind);
    assert!(!import.erase_device);
    let said = "line 5, column 14: eraseDevice: the `;` is ignored; write `eraseDevice: no`";
    assert_eq!(warnings, [said]);
    let (manifest, warnings) = accept(with("prefix: a;"));
    let import = s3_import(manifest.kind);
    assert_eq!((import.prefix.as_str(), warnings.len()), ("a;", 0));
}

#[test]
fn bytes_of_latin_1_are_refused_with_the_line_as_it_should_be() {
    let text = changed("Joe Random", "José").replace('é', "#");
    let bytes: Vec<u8> = text
        .bytes()
        .map(|b| if b == b'#' { 0xe9 } else { b })
        .collect();
    let said = "line 7, column 28: the manifest is not UTF-8 from here on; save it as UTF-8 (if \
                it was written as Latin-1 or Windows-1252, the line is `  name: Amazon.com ATTN \
                José`)";
    assert_eq!(lines(&refuse(bytes)), [said]);
    let said = "line 1, column 1: the manifest is saved as UTF-16 (`Unicode`); save it as UTF-8";
    assert_eq!(lines(&refuse(b"\xff\xfea\0")), [said]);
}

#[test]
fn words_are_read_in_every_spelling_of_yaml() {
    for (word, erase) in [
        ("yes", true),
        ("TRUE", true),
        ("'Yes'", true),
        ("No", false),
        ("false", false),
    ] {
        let (manifest, _) = accept(changed(": no", &format!(": {word}")));
        let import = s3_import(manifest.kind);
        assert_eq!(import.erase_device, erase, "{word}");
    }
}

#[test]
fn texts_are_taken_as_written() {
    for (written, text) in [
        ("0x1F", "0x1F"),
        ("007", "007"),
        ("1e3", "1e3"),
        ("yes", "yes"),
        ("2012-01-01", "2012-01-01"),
        ("'~'", "~"),
        ("\"\"", ""),
        ("a # comment", "a"),
        ("a\n  b", "a b"),
    ] {
        let (manifest, _) = accept(with(&format!("generator: {written}")));
        assert_eq!(
            manifest.common.generator.as_deref(),
            Some(text),
            "{written}"
        );
    }
    assert_eq!(accept(with("generator: ~")).0.common.generator, None);
}

#[test]
fn a_manifest_in_json_is_yaml_too() {
    let json = "{\"manifestVersion\":\"2.0\",\"bucket\":\"my-bucket\",\"deviceId\":1,\
                \"eraseDevice\":false,\"returnAddress\":{\"name\":\"J\",\"street1\":\"S\",\
                \"city\":\"C\",\"postalCode\":\"10115\",\"phoneNumber\":\"1\",\"country\":\"DE\"}}";
    assert_eq!(import(json).bucket.as_str(), "my-bucket");
    let pretty = "{\n\t\"manifestVersion\": 2.0,\n\t\"bucket\": \"my-bucket\",\n\t\"deviceId\": \
                  \"1\",\n\t\"eraseDevice\": false,\n\t\"returnAddress\": {\n\t\t\"name\": \"J\",\
                  \n\t\t\"street1\": \"S\",\n\t\t\"city\": \"C\",\n\t\t\"postalCode\": 10115,\n\t\t\
                  \"phoneNumber\": 1,\n\t\t\"country\": \"DE\"\n\t}\n}\n";
    assert_eq!(import(pretty).bucket.as_str(), "my-bucket");
}
