//! Rules of every source file.

use crate::{files, root};

/// Files longer than this have more than one subject.
const LINES_MAX: usize = 600;

fn offenders(endings: &[&str], is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let folders = ["crates", "clients", "bench", "scripts"];
    let paths: Vec<_> = folders
        .iter()
        .flat_map(|folder| files(folder, endings))
        .collect();
    assert!(!paths.is_empty(), "no {endings:?} files");
    let wrong = paths
        .into_iter()
        .filter(|path| is_wrong(&std::fs::read_to_string(path).unwrap()));
    wrong
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .collect()
}

#[test]
fn every_source_file_starts_by_saying_what_it_is_for() {
    assert_eq!(
        offenders(&[".rs"], |text| !text.starts_with("//! ")),
        Vec::<String>::new()
    );
    assert_eq!(
        offenders(&[".py"], |text| !text.starts_with("\"\"\"")),
        Vec::<String>::new()
    );
}

#[test]
fn no_source_file_holds_a_leftover_marker() {
    // Put together here, so that this file does not find itself.
    let markers = [
        ["to", "do!("],
        ["unimpl", "emented!("],
        ["FIX", "ME"],
        ["TO", "DO"],
        ["XX", "X:"],
    ];
    let markers = markers.map(|halves| halves.concat());
    let marked = |text: &str| markers.iter().any(|marker| text.contains(marker.as_str()));
    assert_eq!(
        offenders(&[".rs", ".py", ".sh"], marked),
        Vec::<String>::new()
    );
}

#[test]
fn no_rust_test_is_switched_off() {
    let switched_off = ["#[ig", "nore"].concat();
    assert_eq!(
        offenders(&[".rs"], |text| text.contains(&switched_off)),
        Vec::<String>::new()
    );
}

#[test]
fn no_source_file_grows_out_of_hand() {
    assert_eq!(
        offenders(&[".rs", ".py"], |text| text.lines().count() > LINES_MAX),
        Vec::<String>::new()
    );
}
