//! Paths, selection, room and the next manifest: examples of the guide, and rules for every key.

use proptest::prelude::*;

use super::*;
use crate::bucket::BucketName;
use crate::manifest::{ExportOperation, FileSystem, S3Export};
use crate::mapping::Substitutions;

const ALL: [FileSystem; 5] = [
    FileSystem::Ntfs,
    FileSystem::Ext4,
    FileSystem::Ext3,
    FileSystem::Ext2,
    FileSystem::Fat32,
];

fn operation() -> ExportOperation {
    ExportOperation {
        export_bucket: BucketName::parse("starwars").unwrap(),
        prefix: String::new(),
        begin_marker: None,
        end_marker: None,
        target_directory: None,
    }
}

fn export(file_system: FileSystem, pairs: &[(&str, &str)]) -> S3Export {
    let pairs = pairs
        .iter()
        .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
    S3Export {
        file_system,
        operations: vec![operation()],
        recovery_directory: "EXPORT-RECOVERY".to_owned(),
        substitutions: Substitutions(pairs.collect()),
    }
}

fn place(export: &S3Export, key: &str) -> Result<String, Misfit> {
    Layout::new(export)
        .unwrap()
        .place(&export.operations[0], key)
}

#[test]
fn a_key_is_a_path_below_its_bucket() {
    let ext4 = export(FileSystem::Ext4, &[]);
    assert_eq!(
        place(&ext4, "images/jedi.jpg").unwrap(),
        "starwars/images/jedi.jpg"
    );
    assert_eq!(place(&ext4, "a:b\\c \n?").unwrap(), "starwars/a:b\\c \n?");
    let ntfs = export(FileSystem::Ntfs, &[]);
    assert_eq!(place(&ntfs, "a:b\\c?/d.. .").unwrap(), "starwars/abc/d");
    let mut moved = export(FileSystem::Ntfs, &[(":", "-"), ("x", "/..")]);
    moved.operations[0].target_directory = Some("films/old".to_owned());
    assert_eq!(place(&moved, "a:b").unwrap(), "films/old/a-b");
    assert_eq!(place(&moved, "x").unwrap_err(), Misfit::EmptyName);
}

#[test]
fn what_cannot_be_a_path_says_why() {
    use FileSystem::{Ext4, Fat32, Ntfs};
    let long = "x".repeat(256);
    let deep = "d/".repeat(1020) + "f";
    for (file_system, key, expected) in [
        (Ext4, "a/", Misfit::EmptyName),
        (Ext4, "/a", Misfit::EmptyName),
        (Ext4, "a//b", Misfit::EmptyName),
        (Ext4, "\0", Misfit::EmptyName),
        (Ntfs, "a/ ./b", Misfit::EmptyName),
        (Ext4, "../../etc/passwd", Misfit::DotName),
        (Ext4, "a/./b", Misfit::DotName),
        (Ext4, ".\0.", Misfit::DotName),
        (Ntfs, "con", Misfit::ReservedName),
        (Ntfs, "a/Com1.txt", Misfit::ReservedName),
        (Ntfs, "LPT²", Misfit::ReservedName),
        (Ntfs, "aux .tar.gz", Misfit::ReservedName),
        (Fat32, "PROGRA~1.EXE", Misfit::ReservedName),
        (Ext4, long.as_str(), Misfit::NameTooLong),
    ] {
        let export = export(file_system, &[]);
        assert_eq!(
            place(&export, key).unwrap_err(),
            expected,
            "{file_system:?} {key}"
        );
    }
    let mut far = export(Ext4, &[("d", "dddd")]);
    assert_eq!(place(&far, &deep).unwrap_err(), Misfit::PathTooLong);
    for (folder, key) in [
        ("PACKHORSE", "objects.jsonl"),
        ("EXPORT-RECOVERY", "0000/0000"),
    ] {
        far.operations[0].target_directory = Some(folder.to_owned());
        assert_eq!(place(&far, key).unwrap_err(), Misfit::ReservedPath);
    }
    let mut windows = export(Ntfs, &[]);
    windows.operations[0].target_directory = Some("packHorse".to_owned());
    assert_eq!(place(&windows, "x").unwrap_err(), Misfit::ReservedPath);
    windows.operations[0].target_directory = Some("$mft".to_owned());
    assert_eq!(place(&windows, "x").unwrap_err(), Misfit::ReservedName);
    for fine in ["COM", "COM10", "CONSOLE", "x.con", "null"] {
        assert!(place(&export(Ntfs, &[]), fine).is_ok(), "{fine}");
    }
}

#[test]
fn the_recovery_directory_counts_in_ten_thousands_and_must_be_a_folder() {
    let ext4 = export(FileSystem::Ext4, &[]);
    let layout = Layout::new(&ext4).unwrap();
    let at = |number| layout.recovered(number);
    assert_eq!(at(0).unwrap(), "EXPORT-RECOVERY/0000/0000");
    assert_eq!(at(9_999).unwrap(), "EXPORT-RECOVERY/0000/9999");
    assert_eq!(at(10_000).unwrap(), "EXPORT-RECOVERY/0001/0000");
    assert_eq!(at(RECOVERED_MAX - 1).unwrap(), "EXPORT-RECOVERY/9999/9999");
    assert_eq!(at(RECOVERED_MAX), None);
    let mut bad = export(FileSystem::Ntfs, &[]);
    for directory in ["a/CON", "PACKHORSE", "SIGNATURE/x"] {
        bad.recovery_directory = directory.to_owned();
        assert!(Layout::new(&bad).is_err(), "{directory}");
    }
}

#[test]
fn markers_are_exclusive_and_inclusive() {
    let mut operation = operation();
    operation.prefix = "images/".to_owned();
    operation.begin_marker = Some("images/b".to_owned());
    operation.end_marker = Some("images/d".to_owned());
    let selection = Selection::of(&operation);
    assert_eq!(selection.start_after(), Some("images/b"));
    for (key, taken) in [
        ("images/b", false),
        ("images/b0", true),
        ("images/d", true),
        ("images/d.jpg", false),
        ("html/c", false),
    ] {
        assert_eq!(selection.takes(key), taken, "{key}");
    }
    assert!(selection.is_past("images/d.jpg") && !selection.is_past("images/d"));
    operation.end_marker = Some("foo".to_owned());
    assert!(Selection::of(&operation).is_past("images/c"));
}

const MANIFEST: &str = "manifestVersion: 2.0\ndeviceId: 1\nlogBucket: logs\nfileSystem: NTFS\n\
    trueCryptPassword: geheim\n# what I want\noperations:\n- exportBucket: one-bucket\n\
    - exportBucket: two-bucket\n  prefix: x\n  # more\n  endMarker: z\n\nreturnAddress:\n  \
    name: N\n  street1: S\n  city: C\n  stateOrProvince: WA\n  postalCode: 98101\n  \
    phoneNumber: 1\n  country: USA\n";

fn read(text: &str) -> S3Export {
    let reading = crate::manifest::read(text, crate::job::JobType::Export).unwrap();
    reading.manifest.into_s3_export().unwrap().kind
}

#[test]
fn the_next_manifest_goes_on_after_the_last_key() {
    let export = read(MANIFEST);
    let rest = Rest {
        operation: 1,
        after: Some("x \"quoted\" \\ \u{1F40E} é#:x".to_owned()),
    };
    let text = next_manifest(MANIFEST, &export, &rest);
    assert!(!text.contains("geheim"), "{text}");
    let filled_in = |text: &str| text.replace("(redacted)", "neu");
    let next = read(&filled_in(&text));
    assert_eq!(next.operations, rest.operations(&export));
    assert_eq!(next.operations[0].end_marker.as_deref(), Some("z"));
    let fresh = Rest {
        operation: 0,
        after: None,
    };
    assert_eq!(
        read(&filled_in(&next_manifest(MANIFEST, &export, &fresh))).operations,
        export.operations
    );
}

#[test]
fn a_split_export_is_manifests_that_meet_without_gap() {
    let split = MANIFEST.to_owned() + "packhorse:\n  # three disks\n  split: 3 x 4TB\n";
    let export = read(&split);
    let rest = Rest {
        operation: 1,
        after: Some("b".to_owned()),
    };
    let (first, second) = (rest.operations_before(&export), rest.operations(&export));
    assert_eq!(first.len(), 2);
    assert_eq!(first[1].end_marker, second[0].begin_marker);
    assert_eq!(second[0].end_marker, export.operations[1].end_marker);
    for operations in [first, second] {
        let part = part_manifest(&split, &operations).unwrap();
        assert_eq!(read(&part).operations, operations);
        assert!(
            !part.contains("split:") && !part.contains("packhorse:"),
            "{part}"
        );
    }
    let both = split.replace("  split", "  removeDeleted: yes\n  split");
    let part = part_manifest(&both, &export.operations).unwrap();
    assert!(
        part.contains("packhorse:\n") && part.contains("removeDeleted: yes"),
        "{part}"
    );
    let flow = MANIFEST.to_owned() + "packhorse: {split: 3 x 4TB}\n";
    assert!(part_manifest(&flow, &export.operations).is_some());
    let more = flow.replace("{split", "{removeDeleted: yes, split");
    let lost = "nothing else of the manifest is lost on the way";
    assert_eq!(part_manifest(&more, &export.operations), None, "{lost}");
    let fresh = Rest {
        operation: 1,
        after: None,
    };
    assert_eq!(fresh.operations_before(&export), export.operations[..1]);
}

#[test]
fn a_manifest_that_cannot_be_edited_gives_the_operations_alone() {
    let text = MANIFEST.replace(
        "operations:\n",
        "operations: [{exportBucket: one-bucket}]\nx:\n",
    );
    let text = format!("{{{}}}", text.lines().next().unwrap());
    let export = read(MANIFEST);
    let rest = Rest {
        operation: 1,
        after: None,
    };
    let next = next_manifest(&text, &export, &rest);
    assert!(
        next.contains("in place of its operations") && next.contains("two-bucket"),
        "{next}"
    );
}

#[test]
fn md5sum_gets_its_own_spelling_of_awkward_names() {
    assert_eq!(md5_line("d4", "a b"), "d4  a b\n");
    assert_eq!(md5_line("d4", "a\\b\nc"), "\\d4  a\\\\b\\nc\n");
}

#[test]
fn a_small_device_has_little_room_and_a_tiny_one_none() {
    for file_system in ALL {
        assert!(Space::of_device(file_system, 1 << 20).is_err());
        let mut before = 0;
        for shift in 26..43 {
            let space = Space::of_device(file_system, 1 << shift).unwrap();
            let free = space.free();
            assert!(free > before, "{file_system:?} {shift}");
            assert!(free < 1 << shift, "{file_system:?} {shift}");
            assert!(
                shift < 30 || free > (1 << shift) / 10 * 8,
                "{file_system:?} {shift} {free}"
            );
            before = free;
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("/".to_owned()),
        Just("\\".to_owned()),
        Just("\0".to_owned()),
        Just("CON".to_owned()),
        Just("C:".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_key_leaves_the_device(key in key(), folder in key(), from in key(), to in key()) {
        for file_system in ALL {
            let mut export = export(file_system, &[(from.as_str(), to.as_str())]);
            export.substitutions.0.retain(|(from, _)| !from.is_empty());
            export.operations[0].target_directory = Some(folder.clone());
            let Ok(layout) = Layout::new(&export) else { continue };
            let Ok(path) = layout.place(&export.operations[0], &key) else { continue };
            prop_assert!(path.len() <= PATH_BYTES_MAX);
            prop_assert!(!path.contains('\0'));
            for name in path.split('/') {
                prop_assert!(!name.is_empty() && name != "." && name != ".." && name.len() <= 255);
                if matches!(file_system, FileSystem::Ntfs | FileSystem::Fat32) {
                    prop_assert!(!name.contains(['\\', ':', '*', '?', '"', '<', '>', '|']));
                    prop_assert!(!name.ends_with(['.', ' ']));
                }
            }
            let root = layout.fold(path.split('/').next().unwrap());
            prop_assert!(!["PACKHORSE", "SIGNATURE", "EXPORT-RECOVERY"].contains(&root.as_str()));
        }
    }

    #[test]
    fn on_ext4_a_plain_key_keeps_every_letter(key in "[^/\0]{1,60}(/[^/\0]{1,60}){0,3}") {
        prop_assume!(key.split('/').all(|name| name != "." && name != ".." && name.len() <= 255));
        let path = place(&export(FileSystem::Ext4, &[]), &key).unwrap();
        prop_assert_eq!(path, format!("starwars/{key}"));
    }

    #[test]
    fn names_that_fold_alike_are_what_upper_and_lower_case_make(name in "[a-zA-Zäöüéß]{1,20}") {
        let ntfs = export(FileSystem::Ntfs, &[]);
        let layout = Layout::new(&ntfs).unwrap();
        let simple = |name: &str| name.replace('ß', "");
        prop_assert_eq!(layout.fold(&simple(&name)), layout.fold(&simple(&name).to_uppercase()));
        let ext4 = export(FileSystem::Ext4, &[]);
        prop_assert_eq!(Layout::new(&ext4).unwrap().fold(&name), name);
    }
}
