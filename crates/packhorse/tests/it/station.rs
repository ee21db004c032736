//! Loading a device through a server, each in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use crate::support::{Account, Ran, Server, object, packhorse};

struct Dock {
    server: Server,
    alice: Account,
    key: String,
    state: tempfile::TempDir,
}

impl Dock {
    fn open() -> Self {
        let server = Server::start();
        let alice = server.account("alice");
        alice.bucket("photos");
        let key = server.station_key("dock1");
        Self {
            server,
            alice,
            key,
            state: tempfile::tempdir().unwrap(),
        }
    }

    fn station(&self, arguments: &[&str]) -> Ran {
        let mut command = packhorse();
        command
            .arg("station")
            .args(arguments)
            .args([
                "--server",
                &self.server.api,
                "--output",
                "json",
                "--state-dir",
            ])
            .arg(self.state.path())
            .env("PACKHORSE_STATION_KEY", &self.key);
        Ran::of(&mut command)
    }

    fn load(&self, device: &Path) -> Ran {
        self.station(&["load", device.to_str().unwrap()])
    }
}

fn device() -> tempfile::TempDir {
    let device = tempfile::tempdir().unwrap();
    std::fs::create_dir(device.path().join("2009")).unwrap();
    std::fs::write(device.path().join("2009/a.txt"), "one").unwrap();
    std::fs::write(device.path().join("empty"), "").unwrap();
    device
}

#[test]
fn a_signed_device_is_loaded_once() {
    let dock = Dock::open();
    let device = device();
    let id = dock.alice.job("photos", Some(device.path()));
    let loaded = dock.load(device.path()).expect(0).json();
    assert_eq!(loaded["job_id"], id.as_str());
    assert_eq!(loaded["progress"], "Complete");
    assert_eq!(
        (&loaded["stored"], &loaded["ignored"]),
        (&2.into(), &1.into())
    );
    assert_eq!(object(&dock.alice, "photos", "2009/a.txt"), b"one");
    assert_eq!(object(&dock.alice, "photos", "empty"), b"");
    let report = object(&dock.alice, "photos", &format!("import-log-{id}"));
    assert_eq!(String::from_utf8(report).unwrap().lines().count(), 4);
    let watched = dock.alice.run(&["job", "watch", &id]).expect(0).stdout;
    assert!(watched.contains("Complete"), "{watched}");

    dock.load(device.path())
        .expect(4)
        .says("error: the desk refuses the device")
        .says("hint:");
    let resumed = dock.station(&["resume"]).expect(0);
    resumed.says("nothing to resume");
}

#[test]
fn file_errors_end_with_3_and_are_in_the_status() {
    let dock = Dock::open();
    let device = device();
    std::os::unix::fs::symlink("empty", device.path().join("link")).unwrap();
    let id = dock.alice.job("photos", Some(device.path()));
    let loaded = dock.load(device.path()).expect(3).json();
    assert_eq!(loaded["failed"], 1);
    let status = dock
        .alice
        .run(&["job", "status", &id, "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(status["error_count"], 1);
    assert_eq!(status["progress_code"], "SuccessWithErrors");
    assert_eq!(status["log_bucket"], "photos");
    dock.alice.run(&["job", "watch", &id]).expect(3);
}

#[test]
fn a_device_without_a_usable_signature_is_refused() {
    let dock = Dock::open();
    let device = device();
    dock.load(device.path()).expect(4).says("no SIGNATURE file");
    let id = dock.alice.job("photos", None);
    let signature = device.path().join("SIGNATURE");
    std::fs::write(&signature, "version:2.0\n").unwrap();
    dock.load(device.path()).expect(4).says("SIGNATURE file");
    let other = format!(
        "version:2.0\nsigningMethod:HmacSHA1\njobId:{id}\nsignature:{}",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    );
    std::fs::write(&signature, other).unwrap();
    dock.load(device.path()).expect(4);
    // Anybody can write a job's id into a file: the job is none the worse for it.
    let status = dock
        .alice
        .run(&["job", "status", &id, "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(status["progress_code"], "Pending");
}

#[test]
fn a_signature_on_paper_is_read_from_a_file() {
    let dock = Dock::open();
    let device = device();
    let folder = tempfile::tempdir().unwrap();
    dock.alice.job("photos", Some(folder.path()));
    let signature = folder.path().join("SIGNATURE");
    let arguments = ["load", device.path().to_str().unwrap(), "--signature-file"];
    let loaded = dock.station(&[&arguments[..], &[signature.to_str().unwrap()]].concat());
    assert_eq!(loaded.expect(0).json()["stored"], 2);
    assert!(!device.path().join("SIGNATURE").exists());
}

#[test]
fn what_may_work_later_ends_with_1() {
    let dock = Dock::open();
    let device = device();
    dock.alice.job("photos", Some(device.path()));
    dock.load(Path::new("/nonexistent"))
        .expect(1)
        .says("caused by: no such device");
    let path = device.path().to_str().unwrap();
    let wrong_key = dock
        .station(&["load", path, "--station-key", "wrong"])
        .expect(1);
    wrong_key
        .says("does not know this station key")
        .says("hint: make one with");
    let mut nowhere = packhorse();
    nowhere
        .args(["station", "load", path, "--state-dir"])
        .arg(dock.state.path());
    Ran::of(&mut nowhere)
        .expect(1)
        .says("no server is configured")
        .says("hint: give --server");
}

/// Begins to load `device`, sends `signal` once bytes are on their way, and waits.
fn interrupt(dock: &Dock, arguments: &[&str], signal: rustix::process::Signal) -> ExitStatus {
    let mut child = packhorse()
        .args(["station", "load"])
        .args(arguments)
        .args(["--server", &dock.server.api, "--state-dir"])
        .arg(dock.state.path())
        .env("PACKHORSE_STATION_KEY", &dock.key)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains(" of 1.00 GiB"), "{first}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, signal).unwrap();
    // Read to the end, so that the child never waits for us.
    assert!(lines.all(|line| line.is_ok()));
    child.wait().unwrap()
}

/// A device whose one file takes a while, though it takes no room.
fn large_device() -> tempfile::TempDir {
    let device = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(device.path().join("large.bin")).unwrap();
    file.set_len(1 << 30).unwrap();
    device
}

#[test]
fn a_killed_load_is_resumed_even_with_its_signature_on_paper() {
    let dock = Dock::open();
    let device = large_device();
    let paper = tempfile::tempdir().unwrap();
    let id = dock.alice.job("photos", Some(paper.path()));
    let signature = paper.path().join("SIGNATURE");
    let path = device.path().to_str().unwrap();
    let arguments = [path, "--signature-file", signature.to_str().unwrap()];
    let killed = interrupt(&dock, &arguments, rustix::process::Signal::KILL);
    assert_eq!(killed.signal(), Some(9), "{killed}");
    let status = dock
        .alice
        .run(&["job", "status", &id, "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(status["progress_code"], "InProgress");

    let resumed = dock.station(&["resume"]).expect(0);
    resumed.says(&format!("resuming job {id}"));
    assert_eq!(resumed.json()["stored_bytes"], 1_u64 << 30);
    dock.alice.run(&["job", "watch", &id]).expect(0);
    dock.station(&["resume"])
        .expect(0)
        .says("nothing to resume");
}

#[test]
fn a_stopped_load_ends_with_1_and_goes_on_when_loaded_again() {
    let dock = Dock::open();
    let device = large_device();
    dock.alice.job("photos", Some(device.path()));
    let path = device.path().to_str().unwrap();
    let stopped = interrupt(&dock, &[path], rustix::process::Signal::TERM);
    assert_eq!(stopped.code(), Some(1), "{stopped}");
    dock.load(device.path()).expect(0);
}
