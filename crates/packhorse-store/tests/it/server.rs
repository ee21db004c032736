//! A PostgreSQL server for tests: its own folder with a socket in it, gone at the end.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// Where Debian puts what it keeps apart by version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// What the programs say, in the server's folder.
const LOG: &str = "log";
/// A server that is slower than this to start will not.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server. Dropping it ends it, also when a test panics.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    process: Mutex<Child>,
    databases: AtomicU32,
}

impl Server {
    /// The server that the tests of this binary share; the last of them ends it.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Makes and starts one.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().unwrap();
        if let Some((user, group)) = other_user() {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let made = run_as_user(&programs.join("initdb"), folder.path())
            .args(["--no-sync", "--auth=trust", "--username=packhorse"])
            .args(["--encoding=UTF8", "--locale=C.UTF-8", "--pgdata"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        let log = std::fs::read_to_string(folder.path().join(LOG)).unwrap();
        assert!(made.status.success(), "initdb: {log}");
        let process = Mutex::new(spawn(&programs, folder.path()));
        let server = Self {
            folder,
            programs,
            process,
            databases: AtomicU32::new(0),
        };
        server.wait_until_ready();
        server
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let asked = Command::new(self.programs.join("pg_isready"))
                .arg("--quiet")
                .arg("--host")
                .arg(self.folder.path())
                .status()
                .unwrap();
            if asked.success() {
                return;
            }
            let ended = self.process.lock().unwrap().try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.path().join(LOG));
                panic!("postgres does not start: {}", log.unwrap());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it without letting it tidy up, and starts it again.
    pub(crate) fn crash_and_restart(&self) {
        self.end("SIGQUIT");
        let again = spawn(&self.programs, self.folder.path());
        *self.process.lock().unwrap() = again;
        self.wait_until_ready();
    }

    fn end(&self, signal: &str) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let id = process.id().to_string();
        let _ = Command::new("kill").args(["-s", signal, &id]).status();
        let _ = process.wait();
    }

    /// The URL of a new database.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.admin(&format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// Runs a statement beside the store.
    pub(crate) async fn admin(&self, sql: &str) {
        run(&self.url("postgres"), sql).await;
    }

    fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres://packhorse@localhost/{database}?host={folder}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end("SIGINT");
    }
}

/// Runs a statement on the database at `url`.
pub(crate) async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap();
}

fn spawn(programs: &Path, folder: &Path) -> Child {
    // Only the machine itself could lose what is not synced, and it stays up.
    let options = [
        "fsync=off",
        "full_page_writes=off",
        "shared_buffers=16MB",
        "max_connections=90",
        "listen_addresses=",
    ];
    run_as_user(&programs.join("postgres"), folder)
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(options.iter().flat_map(|option| ["-c", option]))
        .spawn()
        .unwrap()
}

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn run_as_user(program: &Path, folder: &Path) -> Command {
    let log = std::fs::File::options();
    let log = log
        .clone()
        .append(true)
        .create(true)
        .open(folder.join(LOG))
        .unwrap();
    let mut command = Command::new(program);
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    command
}

fn other_user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let answer = Command::new("id").args(arguments).output().unwrap();
        let text = String::from_utf8(answer.stdout).unwrap();
        text.trim().parse::<u32>().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let both = id(&["-u", "postgres"]).zip(id(&["-g", "postgres"]));
    Some(both.expect("no user `postgres`: run scripts/setup.sh, which installs PostgreSQL"))
}

/// The folder of the newest PostgreSQL on this machine.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let folder = entry.path().join("bin");
            folder.join("initdb").exists().then_some((version, folder))
        })
        .max();
    let missing =
        "no PostgreSQL server in /usr/lib/postgresql: run scripts/setup.sh, which installs it";
    newest.expect(missing).1
}
