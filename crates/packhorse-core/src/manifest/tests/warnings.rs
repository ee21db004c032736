//! What is accepted with a word to the customer, and what no word may repeat.

use super::*;

#[test]
fn unknown_options_are_warnings_with_the_place_they_belong() {
    let text =
        with("colour: red\nstorageclass: STANDARD\nskipJunk: yes\ncity: X\nfileSystem: NTFS\n");
    let (_, warnings) = accept(text);
    let expected = [
        "line 14, column 1: colour: is not known and is ignored",
        "line 15, column 1: storageclass: is not known and is ignored; did you mean `storageClass`?",
        "line 16, column 1: skipJunk: is ignored here; it belongs under `packhorse:`, as `  skipJunk: …`",
        "line 17, column 1: city: is ignored here; indent it below `returnAddress:`, as `  city: …`",
        "line 18, column 1: fileSystem: is an option of S3 exports and is ignored in an S3 import",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn a_crowd_of_warnings_is_cut_but_never_that_the_device_is_erased() {
    let crowd: String = (0..200).map(|n| format!("  odd{n}: x\n")).collect();
    let (_, warnings) = accept(changed("eraseDevice: no", "eraseDevice: yes") + &crowd);
    assert_eq!(warnings.len(), 52);
    assert_eq!(warnings[0], ERASE_WARNING);
    assert_eq!(warnings[51], "and 150 more warnings");
}

#[test]
fn doubtful_values_are_warnings() {
    for (line, said) in [
        (
            "contentTypes:\n  .jpg: image",
            "line 15, column 3: contentTypes..jpg: matches no file: write the extension without a dot, `jpg`",
        ),
        (
            "prefix: null",
            "line 14, column 9: prefix: is taken as the text `null`; to give no value, write none",
        ),
        (
            "customs:\n  colour: red",
            "line 15, column 3: customs.colour: is not known and is ignored",
        ),
    ] {
        assert_eq!(accept(with(line)).1[0], said);
    }
    let (_, warnings) = accept(changed("123 Any Street", "P.O. Box 7"));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("line 8, column 12: returnAddress.street1: looks like a post"));
    let metadata = format!(
        "staticMetadata: {{a: {0}, b: {0}, c: {0}}}",
        "x".repeat(1000)
    );
    let (_, warnings) = accept(with(&metadata));
    assert!(
        warnings[0].contains("has 3003 bytes together"),
        "{warnings:?}"
    );
}

#[test]
fn what_looks_right_and_is_not_is_a_warning_and_an_error_when_strict() {
    let strict = Options {
        strict: true,
        ..Options::default()
    };
    for (line, said) in [
        (
            "prefix: “in/”",
            "line 14, column 9: prefix: the curly quote `“` does not quote: it is taken as a part \
             of the text; write straight quotes, ' or \"",
        ),
        (
            "‘acl’: private",
            "line 14, column 1: ‘acl’: the curly quote `‘` does not quote",
        ),
        (
            "ignore:\n  - “\\.psd$”",
            "line 15, column 5: ignore[0]: the curly quote `“` does not quote",
        ),
        (
            "defaultContentType: nonsense",
            "line 14, column 21: defaultContentType: `nonsense` is not of the form `type/subtype`",
        ),
        (
            "contentTypes: {jpg: image}",
            "line 14, column 21: contentTypes.jpg: `image` is not of the form `type/subtype`",
        ),
        (
            "expires: Tue, 01 Dec 2031 16:00:00 GMT",
            "line 14, column 10: expires: `Tue, 01 Dec 2031 16:00:00 GMT` is not a date as HTTP",
        ),
        (
            "ignore: ['.*']",
            "line 14, column 10: ignore[0]: `.*` is found in every path, so no file at all",
        ),
        (
            "staticMetadata: {a: ~}",
            "line 14, column 21: staticMetadata.a: is taken as the text `~`; to give no value, \
             write none",
        ),
        (
            "staticMetadata: {pinCode: 12}",
            "line 14, column 18: staticMetadata.pinCode: is stored with every object",
        ),
        (
            "prefix: a\u{200b}b",
            "line 14, column 10: the character U+200B cannot be seen: it is taken as a part of the \
             text in `prefix: a\\u{200b}b`; delete it, or write it as \"\\u200B\" between double \
             quotes if it is meant",
        ),
        (
            "prefix: \u{202e}a\u{202e}",
            "line 14, column 9: the character U+202E (2 times) cannot be seen",
        ),
        (
            "prefix: in/\u{a0}",
            "line 14, column 12: the character U+00A0 looks like a blank and is none",
        ),
        (
            "password: 'x y'",
            "line 14, column 1: password: is not known and is ignored; did you mean \
             `trueCryptPassword` (without indentation)?",
        ),
    ] {
        let (_, warnings) = accept(with(line));
        assert!(warnings[0].starts_with(said), "{line}: {warnings:#?}");
        assert!(!warnings.iter().any(|w| w.contains("x y")), "{warnings:?}");
        let refused = read_with(with(line), JobType::Import, &strict).unwrap_err();
        assert!(refused[0].is_error(), "{line}");
    }
    let (_, warnings) = accept(changed("WA", "ZZ"));
    let said = "line 10, column 20: returnAddress.stateOrProvince: `ZZ` is no state or province of \
                United States of America; write its two letters, such as `WA`";
    assert_eq!(warnings, [said]);
    for line in [
        "prefix: Jane’s",
        "prefix: \"a\\u200Bb\"",
        "# a\u{200b}b",
        "generator: 'a\u{a0}b'",
        "prefix: '“in/”'",
        "staticMetadata: {pincode: '110001', state: (redacted)}",
        "expires: Mon, 01 Dec 2031 16:00:00 GMT",
        "defaultContentType: text/plain; charset=utf-8",
    ] {
        assert_eq!(accept(with(line)).1, [""; 0], "{line}");
    }
}

#[test]
fn what_the_service_shows_for_a_secret_is_no_value() {
    for (line, field) in [
        ("pinCode: (redacted)", "pinCode"),
        ("pinCode: '(redacted)'", "pinCode"),
        ("password: (redacted)", "password"),
        ("generator: (redacted)", "generator"),
        (
            "customs: {dataDescription: (redacted)}",
            "customs.dataDescription",
        ),
    ] {
        let problems = refuse(with(line));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].field, field);
        assert!(
            problems[0].message.ends_with("write the value itself"),
            "{line}"
        );
    }
    let said = "line 15, column 5: ignore[0]: has no value: write a regular expression, or delete \
                the line (a pattern that is a `~` is written between quotes)";
    assert_eq!(lines(&refuse(with("ignore:\n  - ~\n")))[0], said);
}

#[test]
fn of_each_kind_some_are_named_and_all_are_counted() {
    let twice: String = (0..70).map(|_| "  a: x\n").collect();
    let problems = refuse(with(&format!("substitutions:\n{twice}")));
    assert_eq!(problems.len(), 51);
    assert_eq!(
        problems[50].message,
        "and 19 more invalid options or values"
    );
    assert_eq!(problems[50].kind, ProblemKind::InvalidField);
}

#[test]
fn no_message_repeats_a_secret() {
    for line in [
        "pinCode: zqx[vw",
        "pinCode: \"zqx\\nvw\"",
        "pinCode:\n  - zqxvw",
        "pinCode: {zqxvw: 1}",
        "pinCode: %zqxvw",
        "pinCode: *zqxvw",
        "pinCode: zqxvw: 1",
        "pinCode:\tzqxvw",
        "pinCode:zqxvw\nbucket: b",
        "pincode: zqxvw",
        "TrueCryptPasword:zqxvw",
        "acl: {pinCode:zqxvw}",
        "acl: 'x pinCode:zqxvw'",
        "acl: x\n  pinCode:zqxvw",
        "pinCode: 1\npinCode: zqxvw",
        "  pinCode: zqxvw",
        "\tpinCode: zqxvw",
        "trueCryptPassword: zqxvw\u{7}",
        "pinCode: zqxvw,é\\",
    ] {
        let text = with(line);
        let mut bytes = text.clone().into_bytes();
        let problems = match read(&text, JobType::Import) {
            Ok(reading) => reading.warnings,
            Err(problems) => problems,
        };
        bytes.push(0xe9);
        let latin = read(bytes, JobType::Import).unwrap_err();
        for problem in problems.iter().chain(&latin) {
            assert!(!problem.to_string().contains("zqx"), "{line}: {problem}");
        }
        assert!(!redact(&text).contains("zqx"), "{line}: {}", redact(&text));
    }
}
