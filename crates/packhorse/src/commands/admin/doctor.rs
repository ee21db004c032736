//! `packhorse admin doctor`: everything a server needs, looked at one by one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::config::Config;
use crate::exit::Exit;
use crate::output::{self, OutputArgs};
use crate::storage::{self, IfAbsent, StorageArgs};

use super::{Context, disk, objects};

/// Check configuration, keys, database, object store, clock and disk space, and say what to fix
///
/// One line for each check: ok, warn or fail, and what to do. Runs beside a server; opening the
/// database brings its tables up to date, as every command does. Exit code 1 when a check fails.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse admin doctor --config /etc/packhorse.toml
  packhorse admin doctor --data-dir /var/lib/packhorse --output json | jq '.[] | select(.level!=\"ok\")'")]
pub(super) struct Args {
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Works, but is not as it should be.
    Warn,
    /// Does not work.
    Fail,
}

/// What a check found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            level: Level::Ok,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn warn(check: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self {
            level: Level::Warn,
            advice: Some(advice.to_owned()),
            ..Self::ok(check, found)
        }
    }

    pub(super) fn fail(check: &'static str, found: impl Into<String>, advice: &str) -> Self {
        Self {
            level: Level::Fail,
            advice: Some(advice.to_owned()),
            ..Self::ok(check, found)
        }
    }

    fn text(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        let advice = self.advice.iter();
        let advice: String = advice
            .map(|advice| format!("\n      -> {advice}"))
            .collect();
        format!(
            "{level}  {}: {}{advice}",
            self.check,
            output::visible(&self.found)
        )
    }
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let mut findings = vec![configuration(&config), address(&config), facility(&config)];
    findings.extend(config.server.data_dir.as_deref().map(data_dir));
    let key = master_key(&config, ctx);
    let key_usable = key.level != Level::Fail;
    findings.push(key);
    if key_usable {
        findings.push(database(&config, ctx).await);
    }
    findings.extend(objects::check(&config).await);
    findings.extend(config.server.data_dir.as_deref().map(disk::check));
    output::print(args.output.output, &findings, |findings| {
        let lines: Vec<_> = findings.iter().map(Finding::text).collect();
        lines.join("\n")
    })?;
    let failed = findings.iter().any(|finding| finding.level == Level::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Success })
}

fn configuration(config: &Config) -> Finding {
    const CHECK: &str = "configuration";
    let vain = config.without_effect();
    match vain.is_empty() {
        true => Finding::ok(CHECK, "every key is known and acted upon"),
        false => Finding::warn(
            CHECK,
            format!("set without effect: {}", vain.join(", ")),
            "take these keys out: this version does not act upon them",
        ),
    }
}

fn address(config: &Config) -> Finding {
    const CHECK: &str = "address";
    let listen = config.server.listen;
    match &config.server.public_url {
        Some(url) if url.starts_with("https://") => Finding::ok(CHECK, url.clone()),
        Some(url) => Finding::warn(
            CHECK,
            format!("clients are sent to {url}, without TLS"),
            "put a proxy that speaks TLS in front and set server.public_url to its https address",
        ),
        None if listen.ip().is_loopback() => {
            Finding::ok(CHECK, format!("{listen}, this machine only"))
        }
        None if config.server.tls_cert.is_some() => Finding::ok(CHECK, format!("{listen}, TLS")),
        None => Finding::warn(
            CHECK,
            format!("{listen} is open to the network, without TLS and server.public_url"),
            "set server.tls_cert and server.tls_key, or put a proxy that speaks TLS in front; and set \
             server.public_url",
        ),
    }
}

fn facility(config: &Config) -> Finding {
    const CHECK: &str = "facility";
    match &config.facility.name {
        Some(name) => Finding::ok(CHECK, name.clone()),
        None => Finding::warn(
            CHECK,
            "no address that customers ship to: there are no shipping labels",
            "fill the [facility] section",
        ),
    }
}

/// Bits of a folder's mode that let others in.
const OTHERS: u32 = 0o077;

fn data_dir(path: &Path) -> Finding {
    const CHECK: &str = "data folder";
    let name = path.display();
    match std::fs::metadata(path) {
        Err(error) => Finding::fail(
            CHECK,
            format!("{name}: {error}"),
            "`packhorse serve` makes it; run this as the user that the server runs as",
        ),
        Ok(found) if !found.is_dir() => Finding::fail(
            CHECK,
            format!("{name} is no folder"),
            "set server.data_dir to a folder",
        ),
        Ok(found) if found.permissions().mode() & OTHERS != 0 => Finding::warn(
            CHECK,
            format!("{name} is open to other users"),
            &format!("chmod 700 {name}"),
        ),
        Ok(_) => Finding::ok(CHECK, name.to_string()),
    }
}

fn master_key(config: &Config, ctx: &Context) -> Finding {
    const CHECK: &str = "master key";
    match storage::existing_master_key(config, &ctx.environment) {
        Ok(place) => Finding::ok(CHECK, place),
        Err(error) => Finding::fail(
            CHECK,
            format!("{error:#}"),
            "the first `packhorse serve` makes it; all servers of one database need the same one, \
             which nobody but their user may read",
        ),
    }
}

async fn database(config: &Config, ctx: &Context) -> Finding {
    const CHECK: &str = "database";
    let name = match &config.database.url {
        Some(url) => format!("{url:?}"),
        None => "SQLite in the data folder".to_owned(),
    };
    let answer = async {
        let storage = storage::open(config, &ctx.environment, IfAbsent::Refuse).await?;
        let asked = Instant::now();
        storage.store.ping().await?;
        anyhow::Ok(asked.elapsed())
    };
    match answer.await {
        Ok(time) => Finding::ok(
            CHECK,
            format!("{name} answers in {:.1} ms", time.as_secs_f64() * 1000.0),
        ),
        Err(error) => Finding::fail(
            CHECK,
            format!("{name}: {error:#}"),
            "start the database, or correct database.url",
        ),
    }
}
