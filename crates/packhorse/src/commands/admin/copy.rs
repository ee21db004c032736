//! `packhorse admin migrate`, `export` and `import`.

use std::io::{BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use packhorse_store::{DumpError, Error, Sum};
use serde::Serialize;

use crate::config::HiddenUrl;
use crate::exit::Exit;
use crate::output::{self, Hint, OutputArgs};
use crate::storage::{self, IfAbsent, StorageArgs};

use super::Context;

/// Move the SQLite database into PostgreSQL, with nothing lost
///
/// Stop every server and command that uses the database first; this is checked. All rows go into the
/// empty target in one transaction, are read back and compared, and every job's chain of events is
/// followed, before anything is kept. Afterwards the SQLite file refuses to be opened, so that nobody
/// works on the wrong one. The master key stays the same.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse admin migrate --data-dir /var/lib/packhorse --to postgres://packhorse@db/packhorse
  PGPASSWORD=… packhorse admin migrate --data-dir /var/lib/packhorse \\
      --to 'postgres://packhorse@db.example/packhorse?sslmode=verify-full'")]
pub(super) struct MigrateArgs {
    /// Database to fill; a password is better given as PGPASSWORD or in ~/.pgpass
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Write the whole database as JSON Lines to standard output
///
/// As it is at one moment, also while servers run. Secrets and manifests stay sealed under the master
/// key, which is not in the dump.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse admin export --data-dir /var/lib/packhorse > packhorse.jsonl
  packhorse admin export --database postgres://packhorse@db/packhorse | zstd > packhorse.jsonl.zst")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    storage: StorageArgs,
}

/// Fill an empty database from a dump
///
/// In one transaction, which is kept only when the dump is whole, what was written is what it says
/// and every job's chain of events holds. Takes the master key that the dump was made under.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse admin import packhorse.jsonl --data-dir /var/lib/packhorse
  zstd -dc packhorse.jsonl.zst | packhorse admin import - --database postgres://packhorse@db/packhorse")]
pub(super) struct ImportArgs {
    /// The dump; - for standard input
    file: PathBuf,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// What is printed.
#[derive(Serialize)]
struct Copied {
    rows: std::collections::BTreeMap<&'static str, u64>,
    sha256_xor: String,
}

impl From<Sum> for Copied {
    fn from(sum: Sum) -> Self {
        Self {
            rows: sum.rows().collect(),
            sha256_xor: sum.digest(),
        }
    }
}

impl Copied {
    fn text(&self) -> String {
        let lines = self.rows.iter();
        let mut lines: Vec<_> = lines
            .map(|(table, rows)| format!("{table:12} {rows:>9}"))
            .collect();
        lines.push(
            "all rows were read back and are the same; every chain of events holds".to_owned(),
        );
        lines.join("\n")
    }
}

pub(super) async fn migrate(args: MigrateArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let from = storage::url(&config, IfAbsent::Refuse)?;
    let key = storage::master_key(&config, &ctx.environment)?;
    let to = HiddenUrl::from(args.to);
    let moved = packhorse_store::migrate(&from, to.expose(), &key).await;
    let moved = moved.map_err(|error| match advice(&error) {
        Some(hint) => anyhow!(error).context(Hint(hint.into())),
        None => error.into(),
    });
    let copied = Copied::from(moved.with_context(|| format!("move the database to {to:?}"))?);
    output::print(args.output.output, &copied, Copied::text)?;
    output::say(&format!(
        "the database is in {to:?} now: set [database] url to it and start the servers again"
    ));
    Ok(Exit::Success)
}

fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::NotEmpty => Some("make a new database (createdb) or drop and make this one again"),
        Error::NotMovable => Some("for other databases: `admin export`, then `admin import`"),
        Error::Database(_) if error.is_retryable() => {
            Some("is the target there? is a server or command still using the SQLite file? stop it")
        }
        _ => None,
    }
}

pub(super) async fn export(args: ExportArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let url = storage::url(&config, IfAbsent::Refuse)?;
    let key = storage::master_key(&config, &ctx.environment)?;
    let mut out = BufWriter::new(std::io::stdout());
    let written = packhorse_store::export(&url, &key, &mut out).await;
    let flushed = out.flush();
    let sum = written.context("export the database")?;
    flushed.context("write to standard output")?;
    let rows: u64 = sum.rows().map(|(_, rows)| rows).sum();
    output::say(&format!("{rows} rows were exported"));
    Ok(Exit::Success)
}

pub(super) async fn import(args: ImportArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let url = storage::url(&config, IfAbsent::Create)?;
    let key = storage::master_key(&config, &ctx.environment)?;
    let name = args.file.display();
    let sum = match args.file.as_os_str() == "-" {
        true => {
            let mut dump = BufReader::new(std::io::stdin());
            packhorse_store::import(&url, &key, &mut dump).await
        }
        false => {
            let file = std::fs::File::open(&args.file).with_context(|| format!("open {name}"))?;
            packhorse_store::import(&url, &key, &mut BufReader::new(file)).await
        }
    };
    let sum = sum.map_err(|error| match &error {
        DumpError::Store(Error::NotEmpty) => {
            let hint = "import into a database that nothing was put into yet";
            anyhow!(error).context(Hint(hint.into()))
        }
        _ => error.into(),
    });
    let copied = Copied::from(sum.with_context(|| format!("import {name}"))?);
    output::print(args.output.output, &copied, Copied::text)?;
    Ok(Exit::Success)
}
