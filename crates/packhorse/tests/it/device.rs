//! `device prepare` and `device check`.

use crate::support::{Ran, Server, manifest, packhorse, run};

#[test]
fn writes_the_signature_of_a_job_into_a_folder() {
    let server = Server::start();
    let alice = server.account("alice");
    alice.bucket("photos");
    let id = alice.job("photos", None);
    let device = tempfile::tempdir().unwrap();
    let path = device.path().to_str().unwrap();
    alice
        .run(&["device", "prepare", path, "--job", &id])
        .expect(0);
    let text = std::fs::read_to_string(device.path().join("SIGNATURE")).unwrap();
    assert!(text.contains(&id), "{text}");
    let wrong = alice
        .run(&["device", "prepare", path, "--job", "ZZZZZZZ9"])
        .expect(1);
    wrong.says("InvalidJobIdException");
    assert_eq!(
        std::fs::read_to_string(device.path().join("SIGNATURE")).unwrap(),
        text
    );
}

#[test]
fn an_image_is_refused_before_the_server_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("disk.img");
    std::fs::write(&image, "").unwrap();
    let ran = crate::support::run(&["device", "prepare", image.to_str().unwrap(), "--job", "X"]);
    ran.expect(4)
        .says("is not a folder")
        .says("hint: mount its file system");
}

#[test]
fn a_check_says_what_a_load_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    for name in ["a_1", "a-1", "x.psd", "page.html"] {
        std::fs::write(disk.join(name), name).unwrap();
    }
    let check = |options: &str, arguments: &[&str]| {
        let text = manifest("photos") + options;
        std::fs::write(folder.path().join("m.yaml"), text).unwrap();
        let mut command = packhorse();
        command
            .current_dir(folder.path())
            .args(["device", "check", "disk", "--manifest", "m.yaml"])
            .args(arguments);
        Ran::of(&mut command)
    };
    let fine = check("ignore:\n  - \\.psd$\n", &[]).expect(0);
    for line in [
        "device     folder",
        "SIGNATURE  none yet",
        "listed     4 entries, 20 B",
        "to store   3 files, 15 B",
        "ignore \\.psd$",
        "content-type: text/html",
        "at 100MiB/s",
        "would store everything",
    ] {
        assert!(fine.stdout.contains(line), "{line}: {fine:?}");
    }
    let colliding = check("substitutions:\n  _: '-'\n", &["--sample", "0"]).expect(3);
    assert!(
        colliding.stdout.contains("409 KeyCollision")
            && colliding.stdout.contains("a_1 (a-1 has its key)"),
        "{colliding:?}"
    );
    let wrong = check("acl: everybody\n", &[]).expect(4);
    assert!(
        wrong.stdout.starts_with("m.yaml:13:6: error: acl: "),
        "{wrong:?}"
    );
    wrong.says("error: the manifest would be refused");
    let counted = check("substitutions:\n  _: '-'\n", &["--examples", "0"]).expect(3);
    assert!(
        counted.stdout.contains("409 KeyCollision") && !counted.stdout.contains("more"),
        "{counted:?}"
    );
}

#[test]
fn only_the_manifest_of_an_import_can_be_rehearsed() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, said) in [
        ("s3-export", "another kind of job: S3 export"),
        ("glacier-import", "another kind of job: Glacier import"),
    ] {
        let template = run(&["manifest", "new", "--type", kind]).expect(0).stdout;
        let text = template.replace("eraseDevice: yes", "eraseDevice: no");
        std::fs::write(folder.path().join("m.yaml"), text).unwrap();
        let mut command = packhorse();
        command
            .current_dir(folder.path())
            .args(["device", "check", ".", "--manifest", "m.yaml"]);
        let refused = Ran::of(&mut command).expect(4);
        refused
            .says(said)
            .says("hint: only S3 imports can be rehearsed");
        assert_eq!(refused.stdout, "", "{refused:?}");
    }
}
