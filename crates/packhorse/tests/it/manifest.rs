//! `manifest check` and `manifest new`.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Ran, manifest, packhorse, run};

fn check(text: &str, arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    std::fs::write(&file, text).unwrap();
    let mut command = packhorse();
    command
        .args(["manifest", "check", "m.yaml", "--type", "import"])
        .args(arguments);
    Ran::of(command.current_dir(folder.path()))
}

#[test]
fn the_template_is_valid() {
    let template = run(&["manifest", "new"]).expect(0).stdout;
    let ran = check(&template, &[]).expect(0);
    assert!(!ran.stdout.contains("error"), "{ran:?}");
}

#[test]
fn a_manifest_of_the_other_type_is_told_so() {
    let export = run(&["manifest", "new", "--type", "export"])
        .expect(0)
        .stdout;
    check(&export, &[]).expect(1).says("use `--type export`");
}

#[test]
fn what_nobody_sees_is_spelt_out() {
    let text = manifest("photos") + "prefix: a\u{202e}b\u{200b}\ncolo\u{202e}ur: red\n";
    let ran = check(&text, &[]).expect(0);
    assert!(
        ran.stdout.contains("U+202E (2 times) cannot be seen"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("| prefix: a\\u{202e}b\\u{200b}"),
        "{ran:?}"
    );
    assert!(!ran.stdout.contains(['\u{202e}', '\u{200b}']), "{ran:?}");
    check(&text, &["--strict"]).expect(1);
}

#[test]
fn every_problem_has_its_place() {
    let text = manifest("b/d").replace("eraseDevice: no", "eraseDevice: maybe");
    let ran = check(&text, &[]).expect(1);
    let blocks: Vec<Vec<&str>> = ran
        .stdout
        .split("\n\n")
        .map(|block| block.lines().collect())
        .collect();
    let [bucket, erase] = blocks.as_slice() else {
        panic!("{ran:?}")
    };
    assert!(
        bucket[0].starts_with("m.yaml:2:9: error: bucket: "),
        "{ran:?}"
    );
    assert_eq!(bucket[1..], ["  |", "2 | bucket: b/d", "  |         ^^^"]);
    assert!(
        erase[0].starts_with("m.yaml:4:14: error: eraseDevice: "),
        "{ran:?}"
    );
    assert_eq!(
        erase[1..],
        ["  |", "4 | eraseDevice: maybe", "  |              ^^^^^"]
    );
    let json = check(&text, &["--output", "json"]).expect(1).json();
    assert_eq!(json["valid"], false);
    assert_eq!(json["problems"][1]["line"], 4);
    assert_eq!(json["problems"][1]["field"], "eraseDevice");
    assert_eq!(json["problems"][1]["end_column"], 19);
}

#[test]
fn warnings_are_shown_and_do_not_fail() {
    let text = manifest("bucket") + "colour: red\n";
    let ran = check(&text, &[]).expect(0);
    assert!(ran.stdout.contains("m.yaml:13:1: warning: "), "{ran:?}");
    ran.says("m.yaml is valid");
}

#[test]
fn what_is_tolerated_is_refused_when_strict() {
    let text = manifest("bucket") + "colour: red\n";
    let ran = check(&text, &["--strict"]).expect(1);
    assert!(ran.stdout.contains("m.yaml:13:1: error: colour"), "{ran:?}");
    let unquoted = manifest("bucket").replace("bucket: ", "bucket:");
    check(&unquoted, &[]).expect(0);
    check(&unquoted, &["--strict"]).expect(1);
}

#[test]
fn every_kind_has_a_template() {
    for kind in [
        "s3-import",
        "s3-export",
        "ebs-import",
        "glacier-import",
        "Export",
    ] {
        let template = run(&["manifest", "new", "--type", kind]).expect(0).stdout;
        assert!(template.contains("returnAddress:"), "{kind}: {template}");
    }
    run(&["manifest", "new", "--type", "tape"])
        .expect(2)
        .says("s3-export");
}

#[test]
fn the_schema_is_json_and_knows_the_options() {
    let schema = run(&["manifest", "schema"]).expect(0).json();
    assert!(schema.to_string().contains("trueCryptPassword"));
}

#[test]
fn an_interview_needs_a_terminal() {
    let ran = run(&["manifest", "new", "--interactive"]).expect(1);
    ran.says("no terminal")
        .says("hint: leave out --interactive");
}

#[test]
fn standard_input_is_read_with_a_dash() {
    let mut command = packhorse();
    command.args(["manifest", "check", "-", "--type", "import"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"[not a mapping]")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("<stdin>:1:1: error: "), "{stdout}");
}

#[test]
fn what_is_no_manifest_at_all_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, vec![b'a'; 2 << 20]).unwrap();
    let check = |path: &str| run(&["manifest", "check", path, "--type", "import"]).expect(1);
    check(file.to_str().unwrap()).says("has more than 1048576 bytes");
    check("/nonexistent").says("error: read manifest /nonexistent");
    std::fs::write(&file, b"\xff\xfe").unwrap();
    let ran = check(file.to_str().unwrap());
    assert!(ran.stdout.contains("UTF-16"), "{ran:?}");
}
