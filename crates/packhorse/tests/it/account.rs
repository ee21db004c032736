//! Accounts and station keys, while a server runs on the same database.

use crate::support::{Account, Server, run};

#[test]
fn a_new_account_works_at_once_and_a_disabled_one_no_more_until_it_is_enabled() {
    let server = Server::start();
    let alice = server.account("alice");
    alice.run(&["job", "list"]).expect(0);
    server
        .admin(&["account", "disable", "alice"])
        .expect(0)
        .says("alice is disabled");
    let refused = alice.run(&["job", "list"]).expect(1);
    refused
        .says("InvalidClientTokenId")
        .says("hint: check AWS_ACCESS_KEY_ID");
    server
        .admin(&["account", "enable", "alice"])
        .expect(0)
        .says("alice is enabled");
    alice.run(&["job", "list"]).expect(0);
}

#[test]
fn rotation_gives_a_new_key_and_stops_the_old_one() {
    let server = Server::start();
    let old = server.account("alice");
    let rotated = server
        .admin(&["account", "rotate", "alice", "--output", "json"])
        .expect(0);
    let new = Account::of(&server, &rotated.json());
    new.run(&["job", "list"]).expect(0);
    old.run(&["job", "list"]).expect(1);
}

#[test]
fn accounts_are_listed_without_their_secrets() {
    let server = Server::start();
    let given = [
        "--access-key-id",
        "AKIAEXAMPLE12345",
        "--secret-access-key",
        "secret-of-bob-0123456789",
    ];
    server
        .admin(&[&["account", "create", "bob"], &given[..]].concat())
        .expect(0);
    let alice = server.account("alice");
    server.admin(&["account", "disable", "alice"]).expect(0);
    let listed = server
        .admin(&["account", "list", "--output", "json"])
        .expect(0);
    assert!(!listed.stdout.contains(&alice.secret_access_key));
    assert!(!listed.stdout.contains("secret-of-bob"));
    let lines: Vec<serde_json::Value> = listed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["name"], &lines[0]["enabled"]),
        (&"alice".into(), &false.into())
    );
    assert_eq!(lines[1]["keys"][0]["access_key_id"], "AKIAEXAMPLE12345");
    let table = server.admin(&["account", "list"]).expect(0).stdout;
    assert!(table.starts_with("ACCOUNT"), "{table}");
    assert!(table.contains("AKIAEXAMPLE12345"), "{table}");
}

#[test]
fn what_cannot_be_done_is_an_error_that_names_the_account() {
    let server = Server::start();
    server.account("alice");
    let again = server.admin(&["account", "create", "alice"]).expect(1);
    again
        .says("error: create account alice")
        .says("exists already");
    server
        .admin(&["account", "disable", "nobody"])
        .expect(1)
        .says("there is no account");
    let half = [
        "account",
        "create",
        "carol",
        "--access-key-id",
        "AKIAEXAMPLE12345",
    ];
    server.admin(&half).expect(2).says("--secret-access-key");
}

#[test]
fn who_makes_a_new_database_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("new");
    let create = |name: &str| {
        run(&[
            "account",
            "create",
            name,
            "--data-dir",
            place.to_str().unwrap(),
        ])
        .expect(0)
    };
    create("alice").says("/new had no database; a new one was made");
    assert_eq!(create("bob").stderr, "");
}

#[test]
fn a_mistyped_folder_is_not_made_into_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let typo = folder.path().join("typo");
    let ran = run(&["account", "list", "--data-dir", typo.to_str().unwrap()]);
    ran.expect(1).says("there is no database").says("hint:");
    assert!(!typo.exists());
    run(&["account", "list"])
        .expect(1)
        .says("no data folder")
        .says("--data-dir");
}

#[test]
fn a_station_key_is_given_once() {
    let server = Server::start();
    assert_eq!(server.station_key("dock1").len(), 64);
    let again = server.admin(&["station-key", "create", "dock1"]).expect(1);
    again.says("create station dock1").says("exists already");
}
