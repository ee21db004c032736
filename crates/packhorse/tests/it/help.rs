//! `--help`.

use crate::support::{packhorse, run};

const COMMANDS: &[&str] = &[
    "",
    "quickstart",
    "serve",
    "account",
    "account create",
    "account list",
    "account disable",
    "account rotate",
    "station-key",
    "station-key create",
    "station",
    "station load",
    "station resume",
    "station scan",
    "station ls",
    "station cat",
    "job",
    "job create",
    "job update",
    "job cancel",
    "job status",
    "job list",
    "job label",
    "job unlock",
    "job watch",
    "job plan",
    "device",
    "device prepare",
    "device verify",
    "manifest",
    "manifest check",
    "manifest new",
    "config",
    "config check",
];

#[test]
fn every_command_explains_itself_with_examples() {
    for command in COMMANDS {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let help = run(&arguments).expect(0).stdout;
        assert!(help.contains("EXAMPLES:"), "{command}: {help}");
        assert!(
            help.contains(&format!("packhorse {command}")),
            "{command}: {help}"
        );
    }
}

#[test]
fn commands_that_print_data_offer_json() {
    for command in COMMANDS {
        let silent = ["serve", "account disable", "manifest new", "station cat"];
        let silent = silent.contains(command);
        let group = [
            "",
            "account",
            "station-key",
            "station",
            "job",
            "device",
            "manifest",
            "config",
        ];
        if silent || group.contains(command) {
            continue;
        }
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let help = run(&arguments).expect(0).stdout;
        assert!(help.contains("--output <FORMAT>"), "{command}: {help}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    run(&["load"])
        .expect(2)
        .says("error: unrecognized subcommand");
    run(&["manifest", "check", "x"]).expect(2).says("--type");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = packhorse()
        .args(["manifest", "new"])
        .stdout(writer)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
