//! The configuration of every command: flag, then environment, then file, then default.
//!
//! This is the only place that reads the environment. Commands apply their flags on top of what
//! [`Config::load`] gives. A key nobody knows is an error that names the nearest one.

mod environment;
mod rate;
mod redacted;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

pub(crate) use environment::Environment;
pub(crate) use rate::Rate;
pub(crate) use redacted::{HiddenUrl, Password};

use crate::output::Hint;

/// A configuration file is a few hundred bytes; more than this is another file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// A name this similar (Jaro-Winkler) is worth proposing.
const SIMILAR_ENOUGH: f64 = 0.8;

/// Everything that can be configured. `[section]` `key` in the file,
/// `PACKHORSE_SECTION__KEY` in the environment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// `[server]`
    pub(crate) server: Server,
    /// `[database]`
    pub(crate) database: Database,
    /// `[object_store]`
    pub(crate) object_store: ObjectStore,
    /// `[facility]`
    pub(crate) facility: Facility,
    /// `[limits]`
    pub(crate) limits: Limits,
    /// `[mail]`
    pub(crate) mail: Mail,
    /// `[station]`
    pub(crate) station: Station,
}

/// `[server]`: what `packhorse serve` listens on and where it keeps things.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Folder of the database, the master key and the embedded object store.
    /// `PACKHORSE_SERVER__DATA_DIR`; no default.
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the API and the desk. `PACKHORSE_SERVER__LISTEN`; 127.0.0.1:8080.
    pub(crate) listen: SocketAddr,
    /// The URL under which clients reach the API, when it is not `listen`.
    /// `PACKHORSE_SERVER__PUBLIC_URL`; no default.
    pub(crate) public_url: Option<String>,
    /// Regions that signatures of version 4 may be made for. `PACKHORSE_SERVER__REGIONS`; none: any.
    pub(crate) regions: Vec<String>,
    /// Address of the embedded object store. `PACKHORSE_SERVER__S3_LISTEN`; 127.0.0.1:9000.
    pub(crate) s3_listen: SocketAddr,
    /// Address of `/metrics`. `PACKHORSE_SERVER__METRICS_LISTEN`; none.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Certificate chain (PEM). `PACKHORSE_SERVER__TLS_CERT`; none: plain HTTP.
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key (PEM). `PACKHORSE_SERVER__TLS_KEY`; none.
    pub(crate) tls_key: Option<PathBuf>,
    /// Whether plain HTTP may be spoken on addresses that other machines reach.
    /// `PACKHORSE_SERVER__ALLOW_PLAIN_HTTP`; false.
    pub(crate) allow_plain_http: bool,
    /// Seconds for which a server that was told to stop still answers, while `/readyz` says no.
    /// `PACKHORSE_SERVER__DRAIN_SECONDS`; 0.
    pub(crate) drain_seconds: u16,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            data_dir: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            regions: Vec::new(),
            s3_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
            metrics_listen: None,
            tls_cert: None,
            tls_key: None,
            allow_plain_http: false,
            drain_seconds: 0,
        }
    }
}

/// `[database]`: where jobs and accounts are kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// `sqlite://PATH` or `postgres://…`. `PACKHORSE_DATABASE__URL`; absent: SQLite under the data
    /// folder.
    pub(crate) url: Option<HiddenUrl>,
}

/// Whose key a transfer uses at the object store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CredentialsOf {
    /// The job owner's.
    #[default]
    Owner,
    /// One configured key.
    Service,
}

/// `[object_store]`: the S3-compatible store that disks are loaded into.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ObjectStore {
    /// URL of the store. `PACKHORSE_OBJECT_STORE__ENDPOINT`; absent: the embedded store.
    pub(crate) endpoint: Option<String>,
    /// Region in signatures. `PACKHORSE_OBJECT_STORE__REGION`; us-east-1.
    pub(crate) region: String,
    /// Bucket in the path instead of the host name. `PACKHORSE_OBJECT_STORE__PATH_STYLE`; true.
    pub(crate) path_style: bool,
    /// `owner` or `service`. `PACKHORSE_OBJECT_STORE__CREDENTIALS`; owner.
    pub(crate) credentials: CredentialsOf,
    /// Key for `service`. `PACKHORSE_OBJECT_STORE__ACCESS_KEY_ID`; none.
    pub(crate) access_key_id: Option<String>,
    /// Its secret. `PACKHORSE_OBJECT_STORE__SECRET_ACCESS_KEY`; none.
    pub(crate) secret_access_key: Option<Password>,
}

impl Default for ObjectStore {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: "us-east-1".to_owned(),
            path_style: true,
            credentials: CredentialsOf::Owner,
            access_key_id: None,
            secret_access_key: None,
        }
    }
}

/// `[facility]`: the address customers ship to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Facility {
    /// `PACKHORSE_FACILITY__NAME`
    pub(crate) name: Option<String>,
    /// `PACKHORSE_FACILITY__STREET1`
    pub(crate) street1: Option<String>,
    /// `PACKHORSE_FACILITY__STREET2`
    pub(crate) street2: Option<String>,
    /// `PACKHORSE_FACILITY__CITY`
    pub(crate) city: Option<String>,
    /// `PACKHORSE_FACILITY__STATE_OR_PROVINCE`
    pub(crate) state_or_province: Option<String>,
    /// `PACKHORSE_FACILITY__POSTAL_CODE`
    pub(crate) postal_code: Option<String>,
    /// `PACKHORSE_FACILITY__COUNTRY`
    pub(crate) country: Option<String>,
    /// `PACKHORSE_FACILITY__PHONE_NUMBER`
    pub(crate) phone_number: Option<String>,
}

/// `[limits]`: what one account may ask of the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Jobs an account may create in 24 hours. `PACKHORSE_LIMITS__JOBS_PER_DAY`; 50, the
    /// original's.
    pub(crate) jobs_per_day: u32,
    /// Days after which a job without a device expires. `PACKHORSE_LIMITS__EXPIRY_DAYS`; 30, the
    /// original's.
    pub(crate) expiry_days: u32,
    /// Days for which GetStatus still answers for a canceled or expired job.
    /// `PACKHORSE_LIMITS__CLOSED_JOB_DAYS`; 90.
    pub(crate) closed_job_days: u32,
    /// Requests an access key may send in a second to one server.
    /// `PACKHORSE_LIMITS__REQUESTS_PER_SECOND`; none: any number.
    pub(crate) requests_per_second: Option<NonZeroU32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            jobs_per_day: 50,
            expiry_days: 30,
            closed_job_days: 90,
            requests_per_second: None,
        }
    }
}

/// `[mail]`: how notifications leave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    /// `PACKHORSE_MAIL__SMTP_URL`
    pub(crate) smtp_url: Option<HiddenUrl>,
    /// `PACKHORSE_MAIL__FROM`
    pub(crate) from: Option<String>,
}

/// `[station]`: the machine at the dock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Station {
    /// URL of the server. `PACKHORSE_STATION__SERVER`; no default.
    pub(crate) server: Option<String>,
    /// Station key. `PACKHORSE_STATION__KEY` or `PACKHORSE_STATION_KEY`; no default.
    pub(crate) key: Option<Password>,
    /// Folder of the job ledgers. `PACKHORSE_STATION__STATE_DIR`; default:
    /// `$XDG_STATE_HOME/packhorse/station` or `~/.local/state/packhorse/station`.
    pub(crate) state_dir: Option<PathBuf>,
    /// Bytes of file contents held in memory at once. `PACKHORSE_STATION__MEMORY_BYTES`; 48 MiB.
    pub(crate) memory_bytes: u64,
    /// Device paths that `station run` watches, patterns with `*`, `?`, `[…]` and `**`.
    /// `PACKHORSE_STATION__DEVICES`; none.
    pub(crate) devices: Vec<PathBuf>,
    /// Whether `station run` loads disks that are plugged in. `PACKHORSE_STATION__HOTPLUG`; true.
    pub(crate) hotplug: bool,
    /// Devices that `station run` loads at once. `PACKHORSE_STATION__BAYS`; 3.
    pub(crate) bays: NonZeroU32,
    /// Seconds without a change after which a file is complete. `PACKHORSE_STATION__SETTLE_SECONDS`;
    /// 10.
    pub(crate) settle_seconds: u64,
    /// Seconds after which `station run` tries again what may work later.
    /// `PACKHORSE_STATION__RETRY_SECONDS`; 60.
    pub(crate) retry_seconds: u64,
    /// Whether the manifest's deviceId must be the serial number of the disk: `ignore`, `warn` or
    /// `require`. `PACKHORSE_STATION__DEVICE_ID`; `warn`.
    pub(crate) device_id: packhorse_station::DeviceIdPolicy,
    /// Bytes of memory that the header of an encrypted volume may ask for.
    /// `PACKHORSE_STATION__UNLOCK_MEMORY_BYTES`; 1 GiB.
    pub(crate) unlock_memory_bytes: u64,
    /// Seconds of trying passwords on one device. `PACKHORSE_STATION__UNLOCK_SECONDS`; 300.
    pub(crate) unlock_seconds: u64,
    /// How fast contents may leave, also by the hour. `PACKHORSE_STATION__LIMIT_RATE`; none.
    pub(crate) limit_rate: Option<Rate>,
    /// Bytes of memory that the process which reads a device may use beside file contents.
    /// `PACKHORSE_STATION__WORKER_MEMORY_BYTES`; 2 GiB.
    pub(crate) worker_memory_bytes: u64,
    /// Files and connections that it may have open. `PACKHORSE_STATION__WORKER_OPEN_FILES`; 4096.
    pub(crate) worker_open_files: u64,
    /// Seconds without an entry, a byte or a further read after which it hangs.
    /// `PACKHORSE_STATION__WORKER_STALL_SECONDS`; 900.
    pub(crate) worker_stall_seconds: u64,
    /// Whether devices are read on a kernel without Landlock: `best` or `require`.
    /// `PACKHORSE_STATION__SANDBOX`; `best`.
    pub(crate) sandbox: packhorse_station::SandboxPolicy,
}

impl Default for Station {
    fn default() -> Self {
        Self {
            server: None,
            key: None,
            state_dir: None,
            memory_bytes: 48 * 1024 * 1024,
            devices: Vec::new(),
            hotplug: true,
            bays: NonZeroU32::MIN.saturating_add(2),
            settle_seconds: 10,
            retry_seconds: 60,
            device_id: packhorse_station::DeviceIdPolicy::default(),
            unlock_memory_bytes: packhorse_media::UNLOCK_MEMORY_BYTES,
            unlock_seconds: packhorse_media::UNLOCK_TIME.as_secs(),
            limit_rate: None,
            worker_memory_bytes: 2 * 1024 * 1024 * 1024,
            worker_open_files: 4096,
            worker_stall_seconds: 900,
            sandbox: packhorse_station::SandboxPolicy::default(),
        }
    }
}

impl Facility {
    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        let keys = [
            &self.name,
            &self.street1,
            &self.street2,
            &self.city,
            &self.state_or_province,
            &self.postal_code,
            &self.country,
            &self.phone_number,
        ];
        keys.iter().all(|key| key.is_none())
    }
}

impl Config {
    /// The configuration before flags: defaults, then `file`, then the environment.
    pub(crate) fn load(file: Option<&Path>, environment: &Environment) -> anyhow::Result<Self> {
        let mut table = match file {
            Some(path) => read_file(path)?,
            None => toml::Table::new(),
        };
        for (name, section, key, text) in environment.settings() {
            let known = name_known(&section, &key);
            known.map_err(|unknown| unknown.into_error(&format!("environment variable {name}")))?;
            let value = value_of(&section, &key, &text)
                .with_context(|| format!("read environment variable {name}"))?;
            let section = table
                .entry(section)
                .or_insert_with(|| toml::Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.insert(key, value);
            }
        }
        let mut config: Self = table.try_into().context("read the configuration")?;
        if config.station.key.is_none() {
            config.station.key = environment.get("PACKHORSE_STATION_KEY").map(Password::from);
        }
        Ok(config)
    }

    /// The configuration as TOML, without secrets.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string_pretty(self).context("write the configuration as TOML")
    }

    /// Keys that are set and that this version does not act upon.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        [
            (
                self.server.metrics_listen.is_some(),
                "server.metrics_listen",
            ),
            (
                self.mail.smtp_url.is_some() || self.mail.from.is_some(),
                "mail",
            ),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect()
    }
}

/// Reads the file and checks its keys.
fn read_file(path: &Path) -> anyhow::Result<toml::Table> {
    let name = path.display();
    let text = read_text(path).with_context(|| format!("read {name}"))?;
    let table: toml::Table = text
        .parse()
        .with_context(|| format!("read {name} as TOML"))?;
    for (section, keys) in &table {
        let keys = match keys {
            toml::Value::Table(keys) => keys.keys().map(String::as_str).collect(),
            _ => vec![""],
        };
        for key in keys {
            name_known(section, key).map_err(|unknown| unknown.into_error(&name.to_string()))?;
        }
    }
    // Values are judged here, where the error can show the line.
    toml::from_str::<Config>(&text).with_context(|| format!("read {name}"))?;
    Ok(table)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::metadata(path)?.len();
    if bytes > FILE_BYTES_MAX {
        bail!("it has {bytes} bytes, which no configuration file has");
    }
    Ok(std::fs::read_to_string(path)?)
}

/// A key nobody knows.
#[derive(Debug, PartialEq)]
struct UnknownKey {
    name: String,
    nearest: Option<String>,
}

impl UnknownKey {
    fn into_error(self, origin: &str) -> anyhow::Error {
        let error = anyhow::anyhow!("unknown configuration key {} in {origin}", self.name);
        match self.nearest {
            Some(nearest) => error.context(Hint(format!("did you mean {nearest}?"))),
            None => error.context(Hint(
                "`packhorse config check` prints the known keys".into(),
            )),
        }
    }
}

/// Every `section.key` there is, read off the defaults.
fn known_names() -> Vec<String> {
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let sections = defaults.as_object().into_iter().flatten();
    sections
        .flat_map(|(section, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, _)| format!("{section}.{key}"))
        })
        .collect()
}

fn name_known(section: &str, key: &str) -> Result<(), UnknownKey> {
    let name = format!("{section}.{key}");
    let known = known_names();
    // An empty section of the file has no keys to be wrong about.
    let whole_section = key.is_empty() && known.iter().any(|k| k.starts_with(&name));
    if whole_section || known.contains(&name) {
        return Ok(());
    }
    let nearest = known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&candidate, &name), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILAR_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate);
    Err(UnknownKey { name, nearest })
}

/// The TOML value that `text` stands for: the text itself where the key takes text, else what TOML
/// makes of it (numbers, booleans, lists).
fn value_of(section: &str, key: &str, text: &str) -> anyhow::Result<toml::Value> {
    let fits = |value: &toml::Value| {
        let keys = toml::Table::from_iter([(key.to_owned(), value.clone())]);
        let sections = toml::Table::from_iter([(section.to_owned(), keys.into())]);
        sections.try_into::<Config>().map(|_| ())
    };
    let plain = toml::Value::String(text.to_owned());
    let Err(not_text) = fits(&plain) else {
        return Ok(plain);
    };
    let parsed: Option<toml::Value> = format!("value = {text}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut table| table.remove("value"));
    match parsed {
        Some(value) => fits(&value).map(|()| value).map_err(Into::into),
        None => Err(not_text.into()),
    }
}

#[cfg(test)]
mod tests;
