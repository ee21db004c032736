//! Where values come from, what is refused, and that secrets stay hidden.

use super::*;

fn load(file: &str, environment: &Environment) -> anyhow::Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packhorse.toml");
    std::fs::write(&path, file).unwrap();
    Config::load(Some(&path), environment)
}

fn failure(file: &str, environment: &Environment) -> String {
    format!("{:#}", load(file, environment).unwrap_err())
}

#[test]
fn environment_beats_file_and_file_beats_default() {
    let file = "[server]\nlisten = '127.0.0.1:1'\npublic_url = 'http://file'\n";
    let environment = Environment::from(&[("PACKHORSE_SERVER__LISTEN", "127.0.0.1:2")][..]);
    let config = load(file, &environment).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.public_url.as_deref(), Some("http://file"));
    assert_eq!(config.server.s3_listen.port(), 9000);
}

#[test]
fn environment_text_becomes_what_the_key_takes() {
    let environment = Environment::from(
        &[
            ("PACKHORSE_OBJECT_STORE__PATH_STYLE", "false"),
            ("PACKHORSE_OBJECT_STORE__ACCESS_KEY_ID", "12345"),
            ("PACKHORSE_LIMITS__JOBS_PER_DAY", "7"),
            ("PACKHORSE_STATION__DEVICES", "['/dev/sdb', '/dev/sdc']"),
            ("PACKHORSE_STATION_KEY", "short form"),
        ][..],
    );
    let config = Config::load(None, &environment).unwrap();
    assert!(!config.object_store.path_style);
    assert_eq!(config.object_store.access_key_id.as_deref(), Some("12345"));
    assert_eq!(config.limits.jobs_per_day, 7);
    assert_eq!(config.station.devices.len(), 2);
    assert!(config.station.key.unwrap().secret().matches("short form"));
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest() {
    let none = Environment::default();
    for (file, words) in [
        (
            "[server]\nlissten = 'x'",
            ["server.lissten", "server.listen"],
        ),
        ("[sever]\nlisten = 'x'", ["sever.listen", "server.listen"]),
        ("data_dir = 'x'", ["data_dir.", "known keys"]),
    ] {
        let message = failure(file, &none);
        for word in words {
            assert!(message.contains(word), "{message}");
        }
    }
    let environment = Environment::from(&[("PACKHORSE_SERVER__DATADIR", "/x")][..]);
    let message = failure("", &environment);
    assert!(message.contains("PACKHORSE_SERVER__DATADIR"), "{message}");
    assert!(message.contains("server.data_dir"), "{message}");
}

#[test]
fn a_wrong_value_is_an_error_that_says_where() {
    let none = Environment::default();
    assert!(failure("[server]\nlisten = 'nowhere'", &none).contains("line 2"));
    let environment = Environment::from(&[("PACKHORSE_LIMITS__JOBS_PER_DAY", "many")][..]);
    assert!(failure("", &environment).contains("PACKHORSE_LIMITS__JOBS_PER_DAY"));
}

#[test]
fn secrets_are_not_written_out() {
    let file = "[station]\nkey = 'swordfish'\n[object_store]\nsecret_access_key = 'swordfish'\n\
                [database]\nurl = 'postgres://me:swordfish@db/x'\n";
    let config = load(file, &Environment::default()).unwrap();
    let printed = config.to_toml().unwrap() + &format!("{config:?}");
    assert!(!printed.contains("swordfish"), "{printed}");
    assert!(printed.contains("(hidden)"), "{printed}");
}

#[test]
fn every_known_key_has_two_parts() {
    let names = known_names();
    assert_eq!(names.len(), 48, "{names:?}");
    assert!(names.iter().all(|name| name.split('.').count() == 2));
}
