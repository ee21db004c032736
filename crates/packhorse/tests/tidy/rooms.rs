//! Which room may use which (the table of docs/ARCHITECTURE.md), and what some rooms must not know.

use crate::read;

/// Room, and the rooms it may use.
const EDGES: [(&str, &[&str]); 10] = [
    ("packhorse-core", &[]),
    ("packhorse-wire", &["core"]),
    ("packhorse-store", &["core"]),
    ("packhorse-objects", &["core", "wire"]),
    ("packhorse-media", &["core"]),
    ("packhorse-transfer", &["core", "objects", "media"]),
    ("packhorse-paper", &[]),
    (
        "packhorse-server",
        &["core", "wire", "store", "objects", "paper"],
    ),
    (
        "packhorse-station",
        &["core", "wire", "objects", "media", "transfer"],
    ),
    (
        "packhorse",
        &[
            "core", "wire", "store", "objects", "media", "transfer", "server", "station",
        ],
    ),
];

/// What a room must be able to do without: purity, privilege, weight.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    (
        "packhorse-core",
        &[
            "tokio", "sqlx", "rusqlite", "hyper", "axum", "reqwest", "rustix",
        ],
    ),
    (
        "packhorse-wire",
        &[
            "tokio", "sqlx", "rusqlite", "hyper", "axum", "reqwest", "rustix",
        ],
    ),
    (
        "packhorse-paper",
        &[
            "tokio", "sqlx", "rusqlite", "hyper", "axum", "reqwest", "rustix",
        ],
    ),
    (
        "packhorse-media",
        &["tokio", "sqlx", "rusqlite", "hyper", "axum", "reqwest"],
    ),
    ("packhorse-transfer", &["sqlx", "axum", "reqwest"]),
    ("packhorse-station", &["sqlx", "rusqlite", "axum"]),
];

/// The names in `[dependencies]` of a room's Cargo.toml; development dependencies are free.
fn dependencies(room: &str) -> Vec<String> {
    let text = read(&format!("crates/{room}/Cargo.toml"));
    let table: toml::Table = text.parse().unwrap();
    let found = table.get("dependencies").and_then(toml::Value::as_table);
    found
        .into_iter()
        .flat_map(toml::Table::keys)
        .cloned()
        .collect()
}

#[test]
fn every_folder_of_crates_is_a_room_of_the_table() {
    let folders = std::fs::read_dir(crate::root().join("crates")).unwrap();
    let mut folders: Vec<_> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut rooms = EDGES.map(|(room, _)| room.to_owned()).to_vec();
    rooms.sort();
    assert_eq!(folders, rooms);
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    for (room, allowed) in EDGES {
        for used in dependencies(room)
            .iter()
            .filter_map(|name| name.strip_prefix("packhorse-"))
        {
            assert!(
                allowed.contains(&used),
                "{room} must not use packhorse-{used}"
            );
        }
    }
}

#[test]
fn rooms_do_without_what_is_not_theirs() {
    for (room, forbidden) in FORBIDDEN {
        for name in dependencies(room) {
            assert!(
                !forbidden.contains(&name.as_str()),
                "{room} must not use {name}"
            );
        }
    }
}
