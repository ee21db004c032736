//! Where settings come from, and what is wrong with them.

use std::path::Path;

use crate::support::{Ran, packhorse};

fn makes_a_database(folder: &Path) -> bool {
    folder.join("packhorse.db").exists()
}

#[test]
fn flag_beats_environment_beats_file() {
    let folder = tempfile::tempdir().unwrap();
    let [file, variable, flag] = ["file", "variable", "flag"].map(|name| folder.path().join(name));
    let config = folder.path().join("packhorse.toml");
    std::fs::write(
        &config,
        format!("[server]\ndata_dir = {:?}\n", file.to_str().unwrap()),
    )
    .unwrap();
    let create = |name: &str, variables: &[(&str, &Path)], flags: &[&Path]| {
        let mut command = packhorse();
        command
            .args(["account", "create", name, "--config"])
            .arg(&config);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        for value in flags {
            command.arg("--data-dir").arg(value);
        }
        Ran::of(&mut command).expect(0);
    };
    create("a", &[], &[]);
    assert!(makes_a_database(&file) && !makes_a_database(&variable));
    let in_environment = [("PACKHORSE_SERVER__DATA_DIR", variable.as_path())];
    create("b", &in_environment, &[]);
    assert!(makes_a_database(&variable) && !makes_a_database(&flag));
    create("c", &in_environment, &[&flag]);
    assert!(makes_a_database(&flag));
}

#[test]
fn an_unknown_key_is_an_error_with_a_proposal() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("packhorse.toml");
    std::fs::write(&config, "[object_store]\nendpont = \"http://x\"\n").unwrap();
    let ran = Ran::of(
        packhorse()
            .args(["config", "check", "--config"])
            .arg(&config),
    )
    .expect(1);
    ran.says("error: unknown configuration key object_store.endpont")
        .says("hint: did you mean object_store.endpoint?");
    let mut command = packhorse();
    command
        .args(["config", "check"])
        .env("PACKHORSE_SERVER__LISTN", "x");
    Ran::of(&mut command)
        .expect(1)
        .says("PACKHORSE_SERVER__LISTN")
        .says("server.listen");
}

#[test]
fn the_configuration_is_shown_without_secrets() {
    let mut command = packhorse();
    command
        .args(["config", "check"])
        .env("PACKHORSE_STATION_KEY", "swordfish")
        .env("PACKHORSE_OBJECT_STORE__SECRET_ACCESS_KEY", "swordfish")
        .env(
            "PACKHORSE_DATABASE__URL",
            "postgres://me:swordfish@db/packhorse",
        )
        .env("PACKHORSE_LIMITS__EXPIRY_DAYS", "7");
    let ran = Ran::of(&mut command).expect(0);
    assert!(!ran.stdout.contains("swordfish"), "{ran:?}");
    assert!(
        ran.stdout.contains("postgres://(hidden)@db/packhorse"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("expiry_days = 7"), "{ran:?}");
    let json = Ran::of(command.args(["--output", "json"])).expect(0).json();
    assert_eq!(json["station"]["key"], "(hidden)");
}

#[test]
fn a_missing_file_is_an_error() {
    let ran = crate::support::run(&["config", "check", "--config", "/nonexistent/x.toml"]);
    ran.expect(1)
        .says("error: read /nonexistent/x.toml")
        .says("caused by: No such file");
}
