//! `--print-curl`: what is printed does what the command would have done.

use std::process::Command;

use crate::support::{Account, Server, manifest, run};

/// Prints the command for these arguments, runs it as a shell would, and gives its answer.
fn printed_and_run(account: &Account, arguments: &[&str]) -> String {
    let mut all = vec!["job"];
    all.extend(arguments);
    all.push("--print-curl");
    let printed = account.run(&all).expect(0).stdout;
    let secret = &account.secret_access_key;
    assert!(!printed.contains(secret) && !printed.contains(&account.access_key_id));
    let ran = Command::new("sh")
        .args(["-c", &printed])
        .env("AWS_ACCESS_KEY_ID", &account.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .output()
        .unwrap();
    let answer = String::from_utf8(ran.stdout).unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{printed}\n{answer}{said}");
    answer
}

fn progress(account: &Account, id: &str) -> String {
    let status = account.run(&["job", "status", id, "--output", "json"]);
    let status = status.expect(0).json();
    status["progress_code"].as_str().unwrap().to_owned()
}

#[test]
fn the_printed_commands_do_what_they_say() {
    let server = Server::start();
    let alice = server.account("alice");
    alice.bucket("photos");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("it's = $HOME & more.yaml");
    std::fs::write(&file, manifest("photos") + "prefix: \"é日📦/\"\r\n").unwrap();
    let file = file.to_str().unwrap();

    let create = ["create", file, "--type", "import"];
    let created = printed_and_run(&alice, &create);
    let (_, id) = created.split_once("<JobId>").unwrap();
    let id = id.split('<').next().unwrap().to_owned();
    let status = printed_and_run(&alice, &["status", &id]);
    assert!(status.contains("é日📦/\"&#13;"), "{status}");
    assert!(printed_and_run(&alice, &["watch", &id]).contains("<ProgressCode>Pending<"));

    std::fs::write(file, manifest("photos") + "prefix: later/\n").unwrap();
    printed_and_run(&alice, &["update", &id, file, "--type", "import"]);
    assert!(printed_and_run(&alice, &["status", &id]).contains("later/"));

    let second = alice.job("photos", None);
    let listed = printed_and_run(&alice, &["list", "--limit", "1"]);
    assert!(
        listed.contains(&second) && !listed.contains(&id),
        "{listed}"
    );

    assert!(printed_and_run(&alice, &["cancel", &id]).contains("<Success>true<"));
    assert_eq!(progress(&alice, &id), "Canceled");
    assert_eq!(progress(&alice, &second), "Pending");
}

#[test]
fn printing_sends_nothing_and_needs_no_key() {
    let elsewhere = "http://192.0.2.1:9";
    for command in ["cancel", "label"] {
        let job = ["job", command, "4K7PQ2XB"];
        let print = ["--print-curl", "--endpoint", elsewhere];
        let printed = run(&[job, print].concat()).expect(0).stdout;
        assert!(printed.ends_with("http://192.0.2.1:9/\n"), "{printed}");
    }
}

#[test]
fn what_cannot_be_printed_is_refused() {
    let server = Server::start();
    let alice = server.account("alice");
    let refused = |arguments: &[&str], status, text: &str| {
        alice.run(arguments).expect(status).says(text);
    };
    let id = "4K7PQ2XB";
    let update = ["job", "update", id, "x", "--print-curl"];
    refused(&update, 2, "--type");
    let json = ["job", "status", id, "--print-curl", "--output", "json"];
    refused(&json, 2, "cannot be used with");
    let absent = [
        "job",
        "create",
        "absent",
        "--type",
        "import",
        "--print-curl",
    ];
    refused(&absent, 1, "read manifest absent");
    let device = ["job", "create", "x", "--type", "import", "--device", "."];
    let device = [&device[..], &["--print-curl"]].concat();
    refused(&device, 2, "cannot be used with");
    let password = "http://me:hush@127.0.0.1:9";
    let ran = alice.run(&["job", "list", "--print-curl", "--endpoint", password]);
    let ran = ran.expect(1);
    ran.says("not printed");
    assert!(!ran.stderr.contains("hush"), "{}", ran.stderr);
}
