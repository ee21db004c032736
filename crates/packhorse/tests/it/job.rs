//! The AWS API from the command line, against a real server.

use crate::support::{Ran, Server, manifest, packhorse};

#[test]
fn a_job_is_created_shown_listed_updated_and_canceled() {
    let server = Server::start();
    let alice = server.account("alice");
    alice.bucket("photos");
    let device = tempfile::tempdir().unwrap();
    let id = alice.job("photos", Some(device.path()));
    let signature = std::fs::read_to_string(device.path().join("SIGNATURE")).unwrap();
    assert!(signature.contains(&format!("jobId:{id}\n")), "{signature}");

    let status = alice
        .run(&["job", "status", &id, "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(status["progress_code"], "Pending");
    assert_eq!(status["location_code"], "NotReceived");
    assert_eq!(status["error_count"], 0);
    assert_eq!(status["current_manifest"], manifest("photos"));
    assert_eq!(status["signature_file_contents"], signature);
    let text = alice
        .run(&["job", "status", &id.to_lowercase()])
        .expect(0)
        .stdout;
    assert!(text.contains("progress  Pending"), "{text}");

    let file = device.path().join("new.yaml");
    std::fs::write(&file, manifest("photos") + "prefix: new/\n").unwrap();
    let file = file.to_str().unwrap();
    alice
        .run(&["job", "update", &id, file, "--validate-only"])
        .expect(0);
    let manifest_now = |id: &str| {
        let status = alice
            .run(&["job", "status", id, "--output", "json"])
            .expect(0)
            .json();
        status["current_manifest"].as_str().unwrap().to_owned()
    };
    assert!(!manifest_now(&id).contains("prefix"));
    let updated = alice
        .run(&["job", "update", &id, file, "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(updated["success"], true);
    assert!(manifest_now(&id).contains("prefix: new/"));

    let second = alice.job("photos", None);
    let listed = alice
        .run(&["job", "list", "--output", "json"])
        .expect(0)
        .stdout;
    let ids: Vec<String> = listed
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|job| job["job_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, [second.clone(), id.clone()]);
    let one = alice.run(&["job", "list", "--limit", "1"]).expect(0).stdout;
    assert!(one.contains(&second) && !one.contains(&id), "{one}");

    alice.run(&["job", "cancel", &id]).expect(0);
    alice
        .run(&["job", "cancel", &id])
        .expect(1)
        .says("CanceledJobIdException");
    let watched = alice.run(&["job", "watch", &id]).expect(4).stdout;
    assert!(watched.contains("Canceled"), "{watched}");
    let listed = alice.run(&["job", "list"]).expect(0).stdout;
    assert!(listed.contains("canceled"), "{listed}");
}

#[test]
fn a_dry_run_creates_nothing() {
    let server = Server::start();
    let alice = server.account("alice");
    alice.bucket("photos");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    std::fs::write(&file, manifest("photos")).unwrap();
    let file = file.to_str().unwrap();
    let arguments = ["job", "create", file, "--type", "Import", "--validate-only"];
    let valid = alice.run(&arguments).expect(0).stdout;
    assert!(
        valid.contains("MANIFEST VALID") && valid.contains("-VALIDATE-ONLY"),
        "{valid}"
    );
    let listed = alice
        .run(&["job", "list", "--output", "json"])
        .expect(0)
        .stdout;
    assert_eq!(listed, "");
    // The text goes to a file of any name.
    let path = folder.path().join("kept");
    let arguments = [
        "job",
        "create",
        file,
        "--type",
        "import",
        "--signature-file",
    ];
    let created = alice
        .run(&[&arguments[..], &[path.to_str().unwrap()]].concat())
        .expect(0);
    assert!(created.stdout.contains("JOB CREATED"), "{created:?}");
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("version:2.0\n")
    );
}

#[test]
fn no_job_is_created_when_its_signature_has_no_place() {
    let server = Server::start();
    let alice = server.account("alice");
    alice.bucket("photos");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    std::fs::write(&file, manifest("photos")).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let create = |option: &str, target: &str| {
        let file = file.to_str().unwrap();
        alice.run(&["job", "create", file, "--type", "import", option, target])
    };
    create("--device", &path("missing"))
        .expect(1)
        .says("look at");
    create("--device", &path("m.yaml"))
        .expect(1)
        .says("is not a folder");
    create("--signature-file", &path("missing/S"))
        .expect(1)
        .says("write to");
    create("--signature-file", folder.path().to_str().unwrap())
        .expect(1)
        .says("exists and is not a file");
    create("--signature-file", &path("m.yaml"))
        .expect(1)
        .says("is no SIGNATURE of a job")
        .says("hint: move it away");
    let jobs = || {
        alice
            .run(&["job", "list", "--output", "json"])
            .expect(0)
            .stdout
    };
    assert_eq!(jobs(), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), manifest("photos"));

    // A disk that waits for another job keeps its SIGNATURE until that job is over.
    let device = tempfile::tempdir().unwrap();
    let target = device.path().to_str().unwrap();
    let first = alice.job("photos", Some(device.path()));
    let signature = || std::fs::read_to_string(device.path().join("SIGNATURE")).unwrap();
    let before = signature();
    create("--device", target)
        .expect(1)
        .says(&format!(
            "is the SIGNATURE of job {first}, which is Pending"
        ))
        .says("hint: change that job");
    assert_eq!((signature(), jobs().lines().count()), (before, 1));
    alice.run(&["job", "cancel", &first]).expect(0);
    create("--device", target).expect(0);
    assert!(!signature().contains(&first));
    assert_eq!(jobs().lines().count(), 2);
}

#[test]
fn refusals_carry_the_services_code_and_a_hint() {
    let server = Server::start();
    let alice = server.account("alice");
    let bob = server.account("bob");
    alice.bucket("photos");
    let id = alice.job("photos", None);
    let own = bob.run(&["job", "status", &id]).expect(1);
    let unknown = bob.run(&["job", "status", "ZZZZZZZ9"]).expect(1);
    own.says("InvalidJobIdException");
    assert_eq!(
        own.stderr.replace(&id, "ID"),
        unknown.stderr.replace("ZZZZZZZ9", "ID")
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.yaml");
    std::fs::write(
        &file,
        manifest("photos").replace("eraseDevice: no", "eraseDevice: maybe"),
    )
    .unwrap();
    let arguments = ["job", "create", file.to_str().unwrap(), "--type", "import"];
    let refused = alice.run(&arguments).expect(1);
    refused
        .says("InvalidManifestFieldException")
        .says("hint: `packhorse manifest check");

    let mut wrong = packhorse();
    wrong
        .args(["job", "list", "--endpoint", &server.api])
        .env("AWS_ACCESS_KEY_ID", &alice.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", "not-the-secret");
    let refused = Ran::of(&mut wrong).expect(1);
    refused.says("SignatureDoesNotMatch");
    assert!(!refused.stderr.contains("not-the-secret"));
}

#[test]
fn profiles_and_endpoints_are_found_as_aws_tools_find_them() {
    let server = Server::start();
    let alice = server.account("alice");
    let home = tempfile::tempdir().unwrap();
    let aws = home.path().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    let keys = (&alice.access_key_id, &alice.secret_access_key);
    let credentials = format!(
        "[dock]\naws_access_key_id={}\naws_secret_access_key={}\n",
        keys.0, keys.1
    );
    std::fs::write(aws.join("credentials"), credentials).unwrap();
    let config = format!(
        "[profile dock]\nservices = local\n[services local]\nimportexport =\n  endpoint_url = {}\n",
        server.api
    );
    std::fs::write(aws.join("config"), config).unwrap();
    let list = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = packhorse();
        command
            .args(["job", "list"])
            .args(arguments)
            .env("HOME", home.path());
        Ran::of(command.envs(variables.iter().copied()))
    };
    list(&["--profile", "dock"], &[]).expect(0);
    list(&[], &[("AWS_PROFILE", "dock")]).expect(0);
    list(&["--profile", "nobody"], &[])
        .expect(1)
        .says("no profile nobody");
    list(&[], &[])
        .expect(1)
        .says("no access key is configured")
        .says("hint: set AWS_ACCESS_KEY_ID");
}

#[test]
fn a_server_that_is_not_there_or_no_api_is_a_clear_error() {
    let server = Server::start();
    let alice = server.account("alice");
    let other = ["job", "list", "--endpoint", &server.s3];
    alice
        .run(&other)
        .expect(1)
        .says("not as this API does")
        .says("hint: --endpoint");
    alice
        .run(&["job", "list", "--endpoint", "nonsense"])
        .expect(1)
        .says("not an http");
    let gone = Server::start();
    let api = gone.api.clone();
    gone.terminate();
    alice
        .run(&["job", "list", "--endpoint", &api])
        .expect(1)
        .says("error: reach the API at");
}
