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
    assert_eq!(warnings[51], "150 more problems are not listed");
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
