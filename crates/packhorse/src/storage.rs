//! Opens the job store that the configuration names, for the server and for the administration
//! commands that work on the database straight.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use packhorse_store::{Error, MasterKey, Seal, Store};

use crate::config::{Config, Environment, HiddenUrl};
use crate::output::Hint;

/// The database in the data folder.
const DATABASE_FILE: &str = "packhorse.db";
/// The master key in the data folder.
const MASTER_KEY_FILE: &str = "master.key";
/// Holds the master key instead of the file: 64 hex digits.
const MASTER_KEY_VARIABLE: &str = "PACKHORSE_MASTER_KEY";
/// Everything in the data folder is the operator's alone.
const DATA_DIR_MODE: u32 = 0o700;

/// `--data-dir` and `--database`, for commands that work on the database.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StorageArgs {
    /// Folder of the database, the master key and the embedded object store
    /// [env: PACKHORSE_SERVER__DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Database as sqlite://PATH or postgres://USER@HOST/NAME (password: PGPASSWORD or ~/.pgpass);
    /// default: SQLite in the data folder
    /// [env: PACKHORSE_DATABASE__URL]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl StorageArgs {
    /// Lays the flags over the configuration.
    pub(crate) fn apply(self, config: &mut Config) {
        if let Some(path) = self.data_dir {
            config.server.data_dir = Some(path);
        }
        if let Some(url) = self.database {
            config.database.url = Some(HiddenUrl::from(url));
        }
    }
}

/// Whether a store that is not there yet is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfAbsent {
    /// Make folder, key and database.
    Create,
    /// Refuse: on a mistyped path there is nothing to list.
    Refuse,
}

/// The job store and the keys that SIGNATURE files and links are signed with.
pub(crate) struct Storage {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// Signs and checks SIGNATURE files.
    pub(crate) signature_key: [u8; 32],
    /// Signs and checks links to artifacts.
    pub(crate) artifact_key: [u8; 32],
    /// Seals the sessions of the console.
    pub(crate) console_seal: Seal,
}

/// Opens the configured store.
pub(crate) async fn open(
    config: &Config,
    environment: &Environment,
    if_absent: IfAbsent,
) -> anyhow::Result<Storage> {
    let url = url(config, if_absent)?;
    let master_key = master_key(config, environment)?;
    let (signature_key, artifact_key) = (master_key.signature_key(), master_key.artifact_key());
    let console_seal = master_key.console_seal();
    let store = packhorse_store::open(&url, master_key).await;
    let store = store.map_err(|error| match hint(&error) {
        Some(hint) => anyhow!(error).context(Hint(hint.into())),
        None => error.into(),
    });
    let store = store.context("open the database")?;
    Ok(Storage {
        store,
        signature_key,
        artifact_key,
        console_seal,
    })
}

/// Whether the configured data folder has no database yet.
pub(crate) fn is_absent(config: &Config) -> bool {
    let folder = config.server.data_dir.as_deref();
    config.database.url.is_none() && folder.is_some_and(|path| !path.join(DATABASE_FILE).exists())
}

fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::WrongMasterKey => Some(
            "all servers of one database need the same master key: copy master.key from the first, \
             or set PACKHORSE_MASTER_KEY",
        ),
        Error::Moved => Some("set [database] url, or --database, to where it is now"),
        Error::Database(_) | Error::TimedOut if error.is_retryable() => {
            Some("is the database running, and does database.url name it?")
        }
        _ => None,
    }
}

/// The URL of the configured database.
pub(crate) fn url(config: &Config, if_absent: IfAbsent) -> anyhow::Result<String> {
    if let Some(url) = &config.database.url {
        return Ok(url.expose().to_owned());
    }
    let folder = data_dir(config)?;
    let path = folder.join(DATABASE_FILE);
    if if_absent == IfAbsent::Refuse && !path.exists() {
        let missing = anyhow!("there is no database in {}", folder.display());
        let hint = "`packhorse serve` or `account create` makes one";
        return Err(missing.context(Hint(hint.into())));
    }
    let path = path.to_str();
    let path = path.ok_or_else(|| anyhow!("the data folder's name is not UTF-8"))?;
    Ok(format!("sqlite://{path}"))
}

/// The configured data folder.
pub(crate) fn data_dir(config: &Config) -> anyhow::Result<&Path> {
    config.server.data_dir.as_deref().ok_or_else(|| {
        anyhow!("no data folder is configured").context(Hint(
            "give --data-dir DIR, set PACKHORSE_SERVER__DATA_DIR or [server] data_dir".into(),
        ))
    })
}

/// Makes the data folder if it is not there.
pub(crate) fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(DATA_DIR_MODE)
        .create(path)
        .with_context(|| format!("make the data folder {}", path.display()))
}

/// The master key from the environment, or from its file, which is made when it is not there.
pub(crate) fn master_key(config: &Config, environment: &Environment) -> anyhow::Result<MasterKey> {
    if let Some(text) = environment.get(MASTER_KEY_VARIABLE) {
        let key = MasterKey::from_hex(text);
        return key.with_context(|| format!("read {MASTER_KEY_VARIABLE}"));
    }
    let path = master_key_file(config)?;
    make_data_dir(data_dir(config)?)?;
    MasterKey::load_or_create(&path).with_context(|| format!("read {}", path.display()))
}

/// Where the master key is, if it is there and can be used; makes none.
pub(crate) fn existing_master_key(
    config: &Config,
    environment: &Environment,
) -> anyhow::Result<String> {
    let place = match environment.get(MASTER_KEY_VARIABLE) {
        Some(_) => MASTER_KEY_VARIABLE.to_owned(),
        None => {
            let path = master_key_file(config)?;
            std::fs::metadata(&path).with_context(|| format!("read {}", path.display()))?;
            path.display().to_string()
        }
    };
    master_key(config, environment).map(|_| place)
}

fn master_key_file(config: &Config) -> anyhow::Result<PathBuf> {
    let folder = data_dir(config)
        .with_context(|| format!("find the master key: {MASTER_KEY_VARIABLE} is not set either"))?;
    Ok(folder.join(MASTER_KEY_FILE))
}
