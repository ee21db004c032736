//! Each wrong thing with its place and the words a customer reads.

use super::*;

/// One manifest, and all that is said about it.
fn check(text: &str, expected: &[&str]) {
    assert_eq!(lines(&refuse(text)), expected, "{text}");
}

/// One option with a wrong value, in line 14.
fn check_line(line: &str, expected: &str) {
    check(&with(line), &[expected]);
}

#[test]
fn what_is_no_manifest_is_malformed() {
    for (text, said) in [
        (
            "INVALID MANIFEST",
            "line 1, column 1: the manifest must be lines of the form `option: value`",
        ),
        (
            "",
            "the manifest is empty: it must be YAML lines of the form `option: value`",
        ),
        (
            "# nothing\n\n",
            "the manifest is empty: it must be YAML lines of the form `option: value`",
        ),
        (
            "---\n",
            "line 2, column 1: the manifest must be lines of the form `option: value`",
        ),
        (
            "- a\n- b",
            "line 1, column 1: the manifest must be lines of the form `option: value`",
        ),
        (
            "file:///x",
            "line 1, column 1: this looks like a path, `file:///x`, not like a manifest: send the \
             text of the file (with the AWS CLI: `--manifest file://` and the path)",
        ),
        (
            "a: 1\n---\nb: 2",
            "line 2, column 1: a second document begins here: a manifest is one YAML document",
        ),
        (
            "a\u{0}b",
            "line 1, column 2: the character U+0000 cannot be in a manifest; it must be plain text",
        ),
        (
            "[a, b]: c",
            "line 1, column 1: a list or mapping cannot be the name of an option",
        ),
        (
            "a: 'x\nb: y",
            "line 1, column 4: the quote that begins here does not end, or its lines are not indented",
        ),
    ] {
        let problems = refuse(text);
        assert_eq!(problems[0].kind, ProblemKind::Malformed, "{text}");
        check(text, &[said]);
    }
}

#[test]
fn what_is_not_yaml_is_explained() {
    for (line, column, said) in [
        ("a b", 1, "this line or the one before is not of the form"),
        (
            "prefix: \"\\.psd\"",
            9,
            "between double quotes `\\` begins an escape",
        ),
        ("prefix: \"a", 9, "the quote does not end"),
        ("prefix: \"a\" b", 13, "or something follows it"),
        ("prefix: [a", 1, "between brackets a comma is missing"),
        (
            "ignore: [a b: c: d]",
            16,
            "between brackets a comma is missing",
        ),
        (
            " prefix: a",
            2,
            "the line is not aligned with its neighbours",
        ),
        ("prefix: @a", 9, "a value cannot begin with this character"),
    ] {
        let problems = refuse(with(line));
        assert_eq!(problems.len(), 1, "{line}: {problems:?}");
        let place = Position { line: 14, column };
        assert_eq!(problems[0].position(), Some(place), "{line}: {problems:?}");
        assert!(problems[0].message.contains(said), "{line}: {problems:?}");
    }
}

#[test]
fn constructs_that_can_hide_a_bomb_are_refused() {
    let aliases = "a value that begins with `&` or `*` is an anchor or alias of YAML, which a \
                   manifest cannot have; put the text between single quotes";
    let tags = "a value that begins with `!` is a tag of YAML, which a manifest cannot have; put \
                the text between single quotes";
    for (line, column, said) in [
        ("prefix: &a x", 9, aliases),
        ("prefix: *a", 9, aliases),
        ("ignore:\n  - *.psd", 5, aliases),
        ("prefix: !!binary x", 9, tags),
        ("prefix: !x", 9, tags),
    ] {
        let line_number = 13 + line.lines().count();
        check_line(
            line,
            &format!("line {line_number}, column {column}: {said}"),
        );
    }
    let deep = format!("a: {}", "[".repeat(33));
    check(
        &deep,
        &["line 1, column 35: lists and mappings are nested more than 32 deep"],
    );
}

#[test]
fn everything_missing_is_said_at_once_and_first() {
    let problems = read("foo: bar", JobType::Import).unwrap_err();
    let expected = [
        "manifestVersion: is missing; write `manifestVersion: 2.0`",
        "bucket: is missing; write the name of the bucket the files go to",
        "deviceId: is missing; write the serial number on the device",
        "eraseDevice: is missing; write `yes` or `no`: whether the device is erased before it is \
         returned",
        "returnAddress: is missing; write the address the device goes back to, in indented lines \
         below it",
        "line 1, column 1: foo: is not known and is ignored",
    ];
    assert_eq!(lines(&problems), expected);
    assert_eq!(problems[0].kind, ProblemKind::MissingField);
}

#[test]
fn a_misspelt_required_option_is_named() {
    check(
        &changed("bucket:", "buckt:"),
        &[
            "bucket: is missing; write the name of the bucket the files go to (line 2 has `buckt` \
           instead)",
        ],
    );
    check(
        &changed("eraseDevice: no", "eraseDevice:"),
        &[
            "line 5, column 1: eraseDevice: has no value; write `yes` or `no`: whether the device \
           is erased before it is returned",
        ],
    );
}

#[test]
fn wrong_values_are_said_in_source_order() {
    let text = changed("2.0", "1.1")
        .replace("Anytown", "''")
        .replace(": no", ": maybe")
        + "acl: x";
    check(
        &text,
        &[
            "line 1, column 18: manifestVersion: `1.1` is not known; allowed: 1.0, 1.2, 1.3, 2.0, \
             3.0",
            "line 5, column 14: eraseDevice: must be yes or no, not `maybe`",
            "line 9, column 9: returnAddress.city: must not be blank",
            "line 14, column 6: acl: `x` is not allowed; allowed: private, public-read, \
             public-read-write, authenticated-read",
        ],
    );
}

#[test]
fn options_are_checked() {
    for (line, said) in [
        (
            "acl: Public-Read",
            "line 14, column 6: acl: `Public-Read` is not allowed; allowed: private, public-read, public-read-write, authenticated-read; did you mean `public-read`?",
        ),
        (
            "storageClass: standard",
            "line 14, column 15: storageClass: `standard` is not allowed; allowed: STANDARD, REDUCED_REDUNDANCY; did you mean `STANDARD`?",
        ),
        (
            "serviceLevel: fast",
            "line 14, column 15: serviceLevel: `fast` is not allowed; allowed: standard, expeditedShipping",
        ),
        (
            "logBucket: a/b",
            "line 14, column 12: logBucket: `a/b` cannot be a bucket: a bucket name has 3 to 255 characters of letters, digits, '.', '-' and '_'",
        ),
        (
            "logBucket: s3://logs/of/us",
            "line 14, column 12: logBucket: `s3://logs/of/us` cannot be a bucket: a bucket name has 3 to 255 characters of letters, digits, '.', '-' and '_'; write the name alone: `logs`",
        ),
        (
            "logBucket: my-bucкet",
            "line 14, column 12: logBucket: `my-bucкet` cannot be a bucket: a bucket name has 3 to 255 characters of letters, digits, '.', '-' and '_'; `к` in it is U+043A, not a to z",
        ),
        (
            "notificationEmail: a@example.com, b@example.com",
            "line 14, column 20: notificationEmail: `a@example.com, b@example.com` is not a mail address; separate several addresses by `;`",
        ),
        (
            "notificationEmail: ';'",
            "line 14, column 20: notificationEmail: must be 1 to 50 mail addresses separated by `;`",
        ),
        (
            "cacheControl: \"a\\r\\nx: y\"",
            "line 14, column 15: cacheControl: contains the control character \\r",
        ),
        (
            "contentDisposition: é",
            "line 14, column 21: contentDisposition: contains `é`, but a header can only carry ASCII",
        ),
        (
            "contentTypes:\n  jpg: \"a\\u0000\"",
            "line 15, column 8: contentTypes.jpg: contains the control character \\u{0}",
        ),
        (
            "staticMetadata:\n  a b: c",
            "line 15, column 3: staticMetadata.a b: cannot be a name of metadata: it becomes a part of a header's name, so it is letters, digits and any of !#$%&'*+-.^_|~",
        ),
        (
            "staticMetadata: {a: b, A: c}",
            "line 14, column 24: staticMetadata.A: stands twice: names of metadata do not differ by case",
        ),
        (
            "prefix: [a]",
            "line 14, column 9: prefix: must be a text, not a list",
        ),
        (
            "substitutions: x",
            "line 14, column 16: substitutions: must be a mapping (indented lines of the form `name: value` below it), not a single value",
        ),
        (
            "substitutions:\n  '': x",
            "line 15, column 3: substitutions.: the text to be replaced must not be empty",
        ),
        (
            "customs: yes",
            "line 14, column 10: customs: must be a mapping (indented lines of the form `name: value` below it), not a single value",
        ),
        (
            "customs:\n  deviceValue: much",
            "line 15, column 16: customs.deviceValue: must be the value in US dollars, such as `250.00`",
        ),
        (
            "pinCode: [1]",
            "line 14, column 10: pinCode: must be a text; put it between single quotes",
        ),
        (
            "prefix: a: b",
            "line 14, column 10: `: ` may not stand inside a value without quotes, and an option must begin in the same column as its neighbours; put the value between single quotes or correct the indentation",
        ),
        (
            "prefix: %a",
            "line 14, column 9: a value cannot begin with this character; put the text between single quotes",
        ),
        (
            "bucket: other",
            "line 14, column 1: `bucket` stands twice, in line 2 and in line 14; keep one",
        ),
    ] {
        check_line(line, said);
    }
}

#[test]
fn metadata_names_of_two_options_do_not_meet() {
    let text = with("staticMetadata: {mtime: x}\ndiskTimestampMetadataKey: Mtime");
    check(
        &text,
        &["line 15, column 27: diskTimestampMetadataKey: staticMetadata has `Mtime` too"],
    );
}

#[test]
fn patterns_are_refused_at_the_character() {
    for (pattern, place, said) in [
        ("a(?=b)", "line 15, column 6", "lookahead"),
        ("'é(?<!b)'", "line 15, column 7", "lookbehind"),
        (
            "\"(a)\\\\1\"",
            "line 15, column 5",
            "(character 4 of the value)",
        ),
        ("a*+", "line 15, column 7", "possessive"),
        ("(?>a)", "line 15, column 5", "atomic"),
        ("'*.psd'", "line 15, column 6", "not a regular expression"),
        (
            "''",
            "line 15, column 5",
            "an empty pattern would ignore every file",
        ),
    ] {
        let problems = lines(&refuse(with(&format!("ignore:\n  - {pattern}"))));
        assert_eq!(problems.len(), 1);
        let start = format!("{place}: ignore[0]: ");
        assert!(problems[0].starts_with(&start), "{problems:?}");
        assert!(problems[0].contains(said), "{problems:?}");
    }
    let (manifest, warnings) = accept(with("ignore: \\.psd$"));
    assert!(s3_import(manifest.kind).ignore.find("a.psd").is_some());
    let said = "line 14, column 9: ignore: is taken as a list of one; write it in lines below \
                `ignore:` that begin with `- `";
    assert_eq!(warnings, [said]);
}

#[test]
fn addresses_are_checked() {
    for (from, to, said) in [
        (
            "  city: Anytown\n",
            "",
            "line 6, column 1: returnAddress.city: is missing; write it as a part of the return address",
        ),
        (
            "  stateOrProvince: WA\n",
            "",
            "line 6, column 1: returnAddress.stateOrProvince: is missing; write it as a part of the return address",
        ),
        (
            "91111",
            "2134",
            "line 11, column 15: returnAddress.postalCode: `2134` is no postal code of the USA: five digits, or five and four with a dash",
        ),
        (
            "555-555-0100",
            "none",
            "line 12, column 16: returnAddress.phoneNumber: `none` has no digits",
        ),
        (
            "country: USA",
            "country: [USA]",
            "line 13, column 12: returnAddress.country: must be a text, not a list",
        ),
    ] {
        check(&changed(from, to), &[said]);
    }
    for country in ["US", "U.S.A.", "united states", "CAN", "Canada"] {
        let text = changed("USA", country).replace("  stateOrProvince: WA\n", "");
        assert_eq!(
            refuse(text)[0].field,
            "returnAddress.stateOrProvince",
            "{country}"
        );
    }
    let abroad = changed("USA", "Germany").replace("  stateOrProvince: WA\n", "");
    assert_eq!(import(&abroad).bucket.as_str(), "myawsbucket");
    let kinds = [
        ("Anytown", "''", ProblemKind::InvalidAddress),
        ("  city: Anytown\n", "", ProblemKind::MissingField),
    ];
    for (from, to, kind) in kinds {
        assert_eq!(refuse(changed(from, to))[0].kind, kind);
    }
}

#[test]
fn versions_decide() {
    for (written, version) in [
        ("1.0", ManifestVersion::V1_0),
        ("1", ManifestVersion::V1_0),
        ("'1.2'", ManifestVersion::V1_2),
        ("1.3", ManifestVersion::V1_3),
        ("2", ManifestVersion::V2_0),
        ("\"2.0\"", ManifestVersion::V2_0),
    ] {
        let (manifest, _) = accept(changed("2.0", written));
        assert_eq!(manifest.common.version, version, "{written}");
    }
    let old = changed("2.0", "1.3") + "substitutions:\n  a: b";
    check(
        &old,
        &["line 14, column 1: substitutions: is only available with `manifestVersion: 2.0`"],
    );
    let images = changed("2.0", "3.0").replace(": 3QD0T87T", ":");
    check(
        &images,
        &[
            "line 1, column 18: manifestVersion: is not a version of S3 imports; write \
             `manifestVersion: 2.0`",
            "line 4, column 1: deviceId: has no value; write the serial number on the device",
        ],
    );
}

#[test]
fn lengths_are_limited() {
    let fits = "x".repeat(1024 - 19);
    assert_eq!(
        accept(with(&format!("logPrefix: {fits}")))
            .0
            .common
            .log_prefix,
        fits
    );
    check_line(
        &format!("logPrefix: {fits}é"),
        "line 14, column 12: logPrefix: has 1007 bytes, at most 1005 are allowed: the report's \
         key is logPrefix, `import-log-` or `export-log-`, and the job id, together at most 1024 \
         bytes",
    );
    check_line(
        &format!("prefix: {}", "x".repeat(1024)),
        "line 14, column 9: prefix: has 1024 bytes; a key has at most 1024, so no file could be \
         stored",
    );
    let long = "x".repeat(MANIFEST_BYTES_MAX + 1);
    check(
        &long,
        &["the manifest has 1048577 bytes, at most 1048576 are allowed"],
    );
    let shown = &lines(&refuse(with(&format!("acl: {}", "x".repeat(200)))))[0];
    assert!(shown.contains(&format!("`{}…`", "x".repeat(80))), "{shown}");
}

#[test]
fn extensions_are_never_guessed() {
    let text = with("packhorse:\n  skipjunk: yes\n  verify: all");
    let expected = [
        "line 15, column 3: packhorse.skipjunk: is not known; known: skipJunk, preserveMetadata, \
         serverSideEncryption, verify, onConflict, unlock, volume, \
         restoreExport; did you mean `skipJunk`?",
        "line 16, column 11: packhorse.verify: `all` is not allowed; allowed: checksum, reread",
    ];
    check(&text, &expected);
    check_line(
        "packhorse: yes",
        "line 14, column 12: packhorse: must be a mapping (indented lines of the form `name: \
         value` below it), not a single value",
    );
}
