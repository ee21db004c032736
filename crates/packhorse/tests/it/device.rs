//! `device prepare`.

use crate::support::Server;

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
