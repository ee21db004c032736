//! Runs the binary, alone or as a server, and looks at what it says.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use packhorse_core::secret::Secret;
use packhorse_objects::client::Client;
use packhorse_wire::desk::{Credentials, ObjectStore};
use serde_json::Value;
use tempfile::TempDir;

/// The binary in an empty environment: nothing of the developer's own settings counts.
pub(crate) fn packhorse() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packhorse"));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// Runs the binary with these arguments.
pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Ran {
    Ran::of(packhorse().args(arguments))
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        Self {
            code: status.code(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Fails unless the command ended so.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Fails unless standard error has these words.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "no {words:?} in {self:#?}");
        self
    }
}

/// A running `packhorse serve` with its own data folder.
pub(crate) struct Server {
    child: Child,
    pub(crate) api: String,
    pub(crate) console: String,
    pub(crate) s3: String,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut child = packhorse()
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--s3-listen",
                "127.0.0.1:0",
            ])
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}\n{}", log()));
        assert_eq!(ready["event"], "ready");
        let url = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            child,
            api: url("api"),
            console: url("console"),
            s3: url("s3"),
            folder,
        }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a command on the server's database.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Ran {
        Ran::of(
            packhorse()
                .args(arguments)
                .arg("--data-dir")
                .arg(self.data_dir()),
        )
    }

    /// Creates an account.
    pub(crate) fn account(&self, name: &str) -> Account {
        let created = self
            .admin(&["account", "create", name, "--output", "json"])
            .expect(0)
            .json();
        Account::of(self, &created)
    }

    /// Makes a station known and gives its key.
    pub(crate) fn station_key(&self, name: &str) -> String {
        let created = self.admin(&["station-key", "create", name, "--output", "json"]);
        created.expect(0).json()["key"].as_str().unwrap().to_owned()
    }

    /// Sends SIGTERM and waits.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            eprintln!("the server's log:\n{}", log.unwrap_or_default());
        }
    }
}

/// A customer of a server.
pub(crate) struct Account {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    api: String,
    s3: String,
}

impl Account {
    pub(crate) fn of(server: &Server, created: &Value) -> Self {
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        Self {
            access_key_id: text("access_key_id"),
            secret_access_key: text("secret_access_key"),
            api: server.api.clone(),
            s3: server.s3.clone(),
        }
    }

    /// Runs a command with this customer's key.
    pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(&self, arguments: &[A]) -> Ran {
        Ran::of(
            packhorse()
                .args(arguments)
                .env("PACKHORSE_ENDPOINT", &self.api)
                .env("AWS_ACCESS_KEY_ID", &self.access_key_id)
                .env("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
        )
    }

    /// An S3 client with this customer's key.
    pub(crate) fn s3(&self) -> Client {
        let store = ObjectStore {
            endpoint: self.s3.clone(),
            region: "us-east-1".into(),
            path_style: true,
        };
        let credentials = Credentials {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: Secret::new(self.secret_access_key.clone()),
        };
        Client::new(&store, &credentials).unwrap()
    }

    /// Makes a bucket.
    pub(crate) fn bucket(&self, name: &str) {
        wait(self.s3().create_bucket(name)).unwrap();
    }

    /// Writes a manifest for a bucket and creates a job with it, the SIGNATURE going to `device` if
    /// there is one; gives the job's id.
    pub(crate) fn job(&self, bucket: &str, device: Option<&Path>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("manifest.yaml");
        std::fs::write(&file, manifest(bucket)).unwrap();
        let mut arguments = vec!["job".into(), "create".into(), file.into_os_string()];
        arguments.extend(["--type", "import", "--output", "json"].map(Into::into));
        if let Some(device) = device {
            arguments.extend(["--device".into(), device.as_os_str().to_owned()]);
        }
        let created = self.run(&arguments).expect(0).json();
        created["job_id"].as_str().unwrap().to_owned()
    }
}

/// A manifest with what it must have.
pub(crate) fn manifest(bucket: &str) -> String {
    format!(
        "manifestVersion: 2.0\nbucket: {bucket}\ndeviceId: D1\neraseDevice: no\n\
         returnAddress:\n  name: A\n  street1: B\n  city: C\n  stateOrProvince: WA\n  \
         postalCode: 98101\n  phoneNumber: 555-0100\n  country: USA\n"
    )
}

/// Waits for a future of the S3 client.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// An object's bytes.
pub(crate) fn object(account: &Account, bucket: &str, key: &str) -> Vec<u8> {
    wait(async {
        let object = account.s3().get_object(bucket, key, None).await.unwrap();
        object.body.collect(1 << 20).await.unwrap().to_vec()
    })
}
