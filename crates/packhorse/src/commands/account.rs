//! `packhorse account …`: accounts and their keys, straight on the database.

use anyhow::Context as _;
use packhorse_core::secret::Secret;
use packhorse_store::{AccessKey, Account, KeyPair};
use serde::Serialize;

use crate::clock;
use crate::exit::Exit;
use crate::output::{self, Format, OutputArgs};
use crate::storage::{self, IfAbsent, Storage, StorageArgs};

use super::Context;

/// Create, list, disable and enable accounts, rotate their keys
///
/// Works straight on the database, also while a server runs. An account's key is good for the API and
/// for the embedded object store.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse account create alice --data-dir /var/lib/packhorse
  packhorse account list --data-dir /var/lib/packhorse
  packhorse account rotate alice --data-dir /var/lib/packhorse
  packhorse account disable alice --data-dir /var/lib/packhorse
  packhorse account enable alice --data-dir /var/lib/packhorse")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Create(CreateArgs),
    List(ListArgs),
    Disable(DisableArgs),
    Enable(EnableArgs),
    Rotate(RotateArgs),
}

/// Create an account with one access key
///
/// The key is random unless both halves are given, as when the object store knows the customer
/// already: transfers use the same key there. The secret is printed here and nowhere else.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse account create alice --data-dir /var/lib/packhorse
  packhorse account create alice --data-dir /var/lib/packhorse --output json
  packhorse account create bob --data-dir /var/lib/packhorse \\
      --access-key-id AKIAIOSFODNN7EXAMPLE --secret-access-key \"$SECRET\"")]
struct CreateArgs {
    /// Name of the account
    name: String,
    /// Public half of the key to use
    #[arg(long, value_name = "K", requires = "secret_access_key")]
    access_key_id: Option<String>,
    /// Secret half of the key to use
    // A secret may begin with a hyphen; one in 64 of our own does.
    #[arg(
        long,
        value_name = "S",
        requires = "access_key_id",
        allow_hyphen_values = true
    )]
    secret_access_key: Option<String>,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// List the accounts and their keys, without secrets
///
/// With --output json each account is one line.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse account list --data-dir /var/lib/packhorse
  packhorse account list --data-dir /var/lib/packhorse --output json | jq -r .name")]
struct ListArgs {
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Disable an account: its keys stop working at once, its jobs stay
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse account disable alice --data-dir /var/lib/packhorse")]
struct DisableArgs {
    #[command(flatten)]
    account: NameArgs,
}

/// Enable a disabled account: its keys work again
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse account enable alice --data-dir /var/lib/packhorse")]
struct EnableArgs {
    #[command(flatten)]
    account: NameArgs,
}

/// One account.
#[derive(clap::Args)]
struct NameArgs {
    /// Name of the account
    name: String,
    #[command(flatten)]
    storage: StorageArgs,
}

/// Give an account a new key and disable its old ones
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse account rotate alice --data-dir /var/lib/packhorse --output json")]
struct RotateArgs {
    /// Name of the account
    name: String,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A key with its secret, as `create` and `rotate` print it.
#[derive(Serialize)]
struct KeyPrinted {
    account: String,
    access_key_id: String,
    secret_access_key: String,
}

/// An account, as `list` prints it.
#[derive(Serialize)]
struct AccountPrinted {
    name: String,
    enabled: bool,
    created_at: String,
    keys: Vec<KeySummaryPrinted>,
}

#[derive(Serialize)]
struct KeySummaryPrinted {
    access_key_id: String,
    enabled: bool,
    created_at: String,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    match args.command {
        Command::Create(args) => create(args, ctx).await,
        Command::List(args) => list(args, ctx).await,
        Command::Disable(args) => disable(args.account, ctx).await,
        Command::Enable(args) => enable(args.account, ctx).await,
        Command::Rotate(args) => rotate(args, ctx).await,
    }
}

async fn create(args: CreateArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let mut config = ctx.config()?;
    args.storage.apply(&mut config);
    let made = storage::is_absent(&config);
    let storage = storage::open(&config, &ctx.environment, IfAbsent::Create).await?;
    if made {
        let folder = storage::data_dir(&config)?.display().to_string();
        output::say(&format!(
            "note: {} had no database; a new one was made (a server that runs elsewhere does not \
             know this account)",
            output::visible(&folder)
        ));
    }
    let given = args.access_key_id.zip(args.secret_access_key);
    let pair = given.map(|(access_key_id, secret)| KeyPair {
        access_key_id,
        secret: Secret::new(secret),
    });
    let key = storage
        .store
        .create_account(&args.name, pair, clock::now())
        .await;
    print_key(
        args.output,
        key.with_context(|| format!("create account {}", args.name))?,
    )
}

async fn rotate(args: RotateArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let storage = open(args.storage, ctx, IfAbsent::Refuse).await?;
    let key = storage.store.rotate_account(&args.name, clock::now()).await;
    print_key(
        args.output,
        key.with_context(|| format!("rotate account {}", args.name))?,
    )
}

async fn disable(args: NameArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let storage = open(args.storage, ctx, IfAbsent::Refuse).await?;
    let disabled = storage.store.disable_account(&args.name).await;
    disabled.with_context(|| format!("disable account {}", args.name))?;
    output::say(&format!("account {} is disabled", args.name));
    Ok(Exit::Success)
}

async fn enable(args: NameArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let storage = open(args.storage, ctx, IfAbsent::Refuse).await?;
    let enabled = storage.store.enable_account(&args.name).await;
    enabled.with_context(|| format!("enable account {}", args.name))?;
    output::say(&format!("account {} is enabled", args.name));
    Ok(Exit::Success)
}

async fn list(args: ListArgs, ctx: &Context) -> anyhow::Result<Exit> {
    let storage = open(args.storage, ctx, IfAbsent::Refuse).await?;
    let accounts = storage.store.list_accounts().await?;
    let accounts: Vec<_> = accounts.into_iter().map(printed).collect();
    match args.output.output {
        Format::Json => accounts.iter().try_for_each(output::json)?,
        Format::Text => {
            let rows: Vec<_> = accounts.iter().flat_map(rows).collect();
            output::data(&output::table(
                ["ACCOUNT", "STATE", "ACCESS KEY", "SINCE"],
                &rows,
            ))?;
        }
    }
    Ok(Exit::Success)
}

async fn open(args: StorageArgs, ctx: &Context, if_absent: IfAbsent) -> anyhow::Result<Storage> {
    let mut config = ctx.config()?;
    args.apply(&mut config);
    storage::open(&config, &ctx.environment, if_absent).await
}

fn print_key(args: OutputArgs, key: AccessKey) -> anyhow::Result<Exit> {
    let printed = KeyPrinted {
        account: key.account_name,
        access_key_id: key.id,
        secret_access_key: key.secret.expose().to_owned(),
    };
    output::print(args.output, &printed, |key| {
        format!(
            "account            {}\naccess key id      {}\nsecret access key  {}",
            key.account, key.access_key_id, key.secret_access_key,
        )
    })?;
    Ok(Exit::Success)
}

fn printed(account: Account) -> AccountPrinted {
    let keys = account.keys.into_iter().map(|key| KeySummaryPrinted {
        access_key_id: key.id,
        enabled: key.enabled,
        created_at: clock::whole_seconds(key.created_at),
    });
    AccountPrinted {
        name: account.name,
        enabled: account.enabled,
        created_at: clock::whole_seconds(account.created_at),
        keys: keys.collect(),
    }
}

/// One line for each key.
fn rows(account: &AccountPrinted) -> Vec<[String; 4]> {
    let row = |key: &KeySummaryPrinted| {
        let state = if account.enabled && key.enabled {
            "enabled"
        } else {
            "disabled"
        };
        [&account.name, state, &key.access_key_id, &key.created_at].map(str::to_owned)
    };
    account.keys.iter().map(row).collect()
}
