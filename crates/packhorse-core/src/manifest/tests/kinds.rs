//! Exports, EBS and Glacier imports.

use super::*;

const ADDRESS: &str = "returnAddress: {name: J, street1: S, city: C, stateOrProvince: WA, \
                       postalCode: 98101, phoneNumber: 1, country: USA}\n";

/// The guide's example with four sets, the cut-off value completed.
fn export(lines: &str) -> String {
    format!(
        "manifestVersion: 2.0\ndeviceId: 1\nfileSystem: NTFS\nlogBucket: my-log\n{ADDRESS}\
         trueCryptPassword: p\n{lines}"
    )
}

const SETS: &str = "\
operations:
  - exportBucket: mybucket
    prefix: images
    beginMarker: images/starwars/jedi.jpg
    endMarker: images/starwars/masterwindoo.jpg
  - exportBucket: mybucket
    prefix: html
  - exportBucket: lost
  - exportBucket: threescompany
    targetDirectory: three/company/
";

fn image(destination: &str, lines: &str) -> String {
    format!(
        "manifestVersion: 3.0\ndeviceId: 1\neraseDevice: no\nlogBucket: my-log\n{ADDRESS}\
         operations:\n  - destination: {destination}\n    source: device\n    region: us-east-1\n\
         {lines}"
    )
}

const ARCHIVE: &str = "    vaultName: 2012-07_archive\n    archiveComment: Photos\n";

/// Everything wrong with an export, as a person sees it.
fn said(text: &str, job_type: JobType) -> Vec<String> {
    let mut problems = read(text, job_type).unwrap_err();
    problems.retain(Problem::is_error);
    lines(&problems)
}

#[test]
fn reads_the_guides_export() {
    let text = export(SETS) + "recoveryDirectory: lost\nsubstitutions: {':': _}\n";
    let (manifest, warnings) = accept_as(text, JobType::Export);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(manifest.common.log_bucket.as_str(), "my-log");
    assert!(manifest.common.true_crypt_password.is_some());
    let Kind::S3Export(export) = manifest.kind else {
        panic!("{:?}", manifest.kind)
    };
    assert_eq!(export.file_system, FileSystem::Ntfs);
    assert_eq!(export.recovery_directory, "lost");
    assert_eq!(export.substitutions.0, [(":".to_owned(), "_".to_owned())]);
    let sets = export.operations;
    assert_eq!(sets.len(), 4);
    assert_eq!(sets[0].prefix, "images");
    let end = sets[0].end_marker.as_deref();
    assert_eq!(end, Some("images/starwars/masterwindoo.jpg"));
    assert_eq!(sets[1].begin_marker, None);
    assert_eq!(sets[2].export_bucket.as_str(), "lost");
    assert_eq!(sets[3].target_directory.as_deref(), Some("three/company"));
}

#[test]
fn an_export_is_checked_option_by_option() {
    for (lines, expected) in [
        (
            "",
            "operations: is missing; write what is to be done, as a list of indented lines that \
             begin with `- `",
        ),
        (
            "operations: []",
            "line 7, column 13: operations: must have at least one entry, in lines that begin with \
             `- `",
        ),
        (
            "operations:\n  - prefix: a",
            "line 8, column 5: operations[0].exportBucket: is missing; write the name of the bucket \
             the objects come from",
        ),
        (
            "operations:\n  - exportBucket: b!",
            "line 8, column 19: operations[0].exportBucket: `b!` cannot be a bucket: a bucket name \
             has 3 to 255 characters of letters, digits, '.', '-' and '_'",
        ),
        (
            "operations:\n  - text",
            "line 8, column 5: operations[0]: must be a mapping (indented lines of the form `name: \
             value` below it), not a single value",
        ),
        (
            "operations:\n  - {exportBucket: abc, targetDirectory: ../x}",
            "line 8, column 42: operations[0].targetDirectory: `../x` must not have empty names, \
             `.` or `..` in it",
        ),
        (
            "operations:\n  - {exportBucket: abc, targetDirectory: /x}",
            "line 8, column 42: operations[0].targetDirectory: `/x` must not begin with a slash: it \
             is a path below the root of the device",
        ),
        (
            "operations: [{exportBucket: abc}]\nrecoveryDirectory: a\\b",
            "line 8, column 20: recoveryDirectory: `a\\b` must have `/`, not `\\`, between names",
        ),
        (
            "operations: [{exportBucket: abc}]\npackhorse: {skipJunk: yes}",
            "line 8, column 13: packhorse.skipJunk: is for S3 imports; known in an S3 export: \
             removeDeleted, split",
        ),
        (
            "operations: [{exportBucket: abc}]\npackhorse: {split: 3 of 4TB}",
            "line 8, column 20: packhorse.split: `3 of 4TB` must be a number of devices from 1 to \
             1000 and the size of each, such as `3 x 4TB`",
        ),
    ] {
        assert_eq!(said(&export(lines), JobType::Export), [expected], "{lines}");
    }
    let wrong = export(SETS).replace("NTFS", "ntfs");
    let problems = read(wrong, JobType::Export).unwrap_err();
    assert_eq!(problems[0].kind, ProblemKind::InvalidFileSystem);
    let expected = "line 3, column 13: fileSystem: `ntfs` is not allowed; allowed: NTFS, EXT4, \
                    EXT3, EXT2, FAT32; did you mean `NTFS`?";
    assert_eq!(lines(&problems), [expected]);
    let key = "k".repeat(1025);
    let long = export(&format!(
        "operations:\n  - exportBucket: abc\n    prefix: {key}\n"
    ));
    let expected = "line 9, column 13: operations[0].prefix: has 1025 bytes, at most 1024 are \
                    allowed";
    assert_eq!(said(&long, JobType::Export), [expected]);
}

#[test]
fn an_export_is_worth_a_warning_when_it_takes_nothing_or_is_not_encrypted() {
    let text = export("operations:\n  - {exportBucket: abc, beginMarker: b, endMarker: a}\n")
        .replace("trueCryptPassword: p\n", "eraseDevice: yes\n");
    let (_, warnings) = accept_as(text, JobType::Export);
    let expected = [
        "the data will travel unencrypted: neither trueCryptPassword nor pinCode is given",
        "line 6, column 1: eraseDevice: is an option of S3 imports, EBS imports, Glacier \
         imports and is ignored in an S3 export",
        "line 8, column 52: operations[0].endMarker: is not after beginMarker, so this entry \
         exports nothing",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn versions_belong_to_kinds() {
    for (version, fits) in [
        ("1.0", false),
        ("1.2", true),
        ("1.3", true),
        ("2.0", true),
        ("3.0", false),
    ] {
        let text = export(SETS).replace(
            "manifestVersion: 2.0",
            &format!("manifestVersion: {version}"),
        );
        assert_eq!(read(&text, JobType::Export).is_ok(), fits, "{version}");
    }
    let old = export(SETS).replace("2.0", "1.3") + "substitutions: {a: b}\n";
    let expected =
        "line 17, column 1: substitutions: is only available with `manifestVersion: 2.0`";
    assert_eq!(said(&old, JobType::Export), [expected]);
}

#[test]
fn reads_images() {
    let (manifest, warnings) = accept(image("ebs", ""));
    assert_eq!(warnings, [""; 0]);
    let Kind::EbsImport(ebs) = manifest.kind else {
        panic!("{:?}", manifest.kind)
    };
    assert_eq!(
        (ebs.region.as_str(), ebs.erase_device),
        ("us-east-1", false)
    );
    let (manifest, _) = accept(image("glacier", ARCHIVE));
    let Kind::GlacierImport(glacier) = manifest.kind else {
        panic!("{:?}", manifest.kind)
    };
    assert_eq!(glacier.vault_name, "2012-07_archive");
    assert_eq!(glacier.archive_comment, "Photos");
    assert_eq!(manifest.common.version, ManifestVersion::V3_0);
}

#[test]
fn images_are_checked_option_by_option() {
    let comment = |count: usize| {
        let text = ARCHIVE.replace("Photos", &"é".repeat(count));
        image("glacier", &text)
    };
    assert!(read(comment(997), JobType::Import).is_ok());
    for (text, expected) in [
        (
            comment(998),
            vec![
                "line 11, column 21: operations[0].archiveComment: has 998 characters, at most 997 \
                 are allowed",
            ],
        ),
        (
            image("glacier", ""),
            vec![
                "line 7, column 5: operations[0].vaultName: is missing; write the name of the vault \
                 the archive goes to",
                "line 7, column 5: operations[0].archiveComment: is missing; write the description \
                 of the archive",
            ],
        ),
        (
            image("tape", ""),
            vec![
                "line 7, column 18: operations[0].destination: `tape` is not allowed; allowed: ebs, \
                 glacier",
            ],
        ),
        (
            image("ebs", "").replace("us-east-1", "'us east'"),
            vec![
                "line 9, column 13: operations[0].region: `us east` is not made of letters, digits, \
                 -, _ and .",
            ],
        ),
        (
            image("ebs", "").replace("logBucket: my-log\n", ""),
            vec!["logBucket: is missing; write the name of the bucket the report is written to"],
        ),
    ] {
        assert_eq!(said(&text, JobType::Import), expected, "{text}");
    }
    let two = said(&image("ebs", "  - destination: ebs\n"), JobType::Import);
    assert_eq!(two.len(), 1, "{two:?}");
    assert!(
        two[0].ends_with("operations: has 2 entries, at most 1 are allowed"),
        "{two:?}"
    );
    let (_, warnings) = accept(image(
        "ebs",
        "prefix: a\nignore: [b]\ntrueCryptPassword: c\n",
    ));
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(
        warnings
            .iter()
            .all(|warning| warning.contains("is ignored in an EBS import"))
    );
}

#[test]
fn sets_that_can_hold_nothing_and_keys_of_yaml_are_warned_of() {
    for (lines, said) in [
        (
            "    prefix: a/\n    beginMarker: b/x\n",
            "operations[0].beginMarker: comes after every key that begins with prefix",
        ),
        (
            "    prefix: b/\n    endMarker: a/x\n",
            "operations[0].endMarker: comes before every key that begins with prefix",
        ),
        (
            "<<: {}\n",
            "<<: is ignored: merge keys of YAML are not read",
        ),
        (
            "deviсeId: x\n",
            "did you mean `deviceId`?; `с` in it is U+0441, not a to z",
        ),
    ] {
        let text = export(&format!("operations:\n  - exportBucket: abc\n{lines}"));
        let (_, warnings) = accept_as(text, JobType::Export);
        assert!(
            warnings.iter().any(|warning| warning.contains(said)),
            "{warnings:?}"
        );
    }
    let fine = "operations:\n  - exportBucket: abc\n    prefix: a/\n    beginMarker: a\n    endMarker: b\n";
    let (_, warnings) = accept_as(export(fine), JobType::Export);
    assert!(
        !warnings.iter().any(|warning| warning.contains("Marker")),
        "{warnings:?}"
    );
}

#[test]
fn a_split_is_for_those_who_make_the_jobs() {
    let text = export("operations: [{exportBucket: abc}]\npackhorse:\n  split: 3 x 4TB\n");
    let split = read(&text, JobType::Export)
        .unwrap()
        .manifest
        .extensions
        .split;
    let expected = Split {
        devices: 3,
        bytes: 4_000_000_000_000,
    };
    assert_eq!(split, Some(expected));
    let options = Options {
        facility: Some(Facility::default()),
        ..Options::default()
    };
    let problems = read_with(&text, JobType::Export, &options).unwrap_err();
    let said = lines(&problems).join("\n");
    assert!(
        said.contains("packhorse.split: is for `packhorse job create`"),
        "{said}"
    );
    let image = said_of_image();
    assert_eq!(image, ["packhorse: has no options for an EBS import"]);
}

fn said_of_image() -> Vec<String> {
    let problems = read(
        image("ebs", "packhorse: {verify: reread}\n"),
        JobType::Import,
    );
    let problems = problems.unwrap_err().into_iter();
    let told = problems.filter(|problem| problem.field == "packhorse");
    told.map(|problem| format!("{}: {}", problem.field, problem.message))
        .collect()
}

#[test]
fn a_facility_without_a_target_for_images_names_the_option() {
    let options = Options {
        facility: Some(Facility::default()),
        ..Options::default()
    };
    let problems = read_with(image("glacier", ARCHIVE), JobType::Import, &options).unwrap_err();
    assert_eq!(problems[0].kind, ProblemKind::InvalidField);
    let expected = "line 7, column 18: operations[0].destination: this facility has no target for \
                    Glacier imports; it takes S3 imports and exports (`manifestVersion: 2.0`)";
    assert_eq!(lines(&problems), [expected]);
    let has_targets = Options {
        facility: Some(Facility {
            has_image_targets: true,
            ..Facility::default()
        }),
        ..Options::default()
    };
    assert!(read_with(image("ebs", ""), JobType::Import, &has_targets).is_ok());
}
