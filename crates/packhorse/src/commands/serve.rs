//! `packhorse serve`.

use std::net::SocketAddr;

use serde::Serialize;

use crate::config::Config;
use crate::exit::Exit;
use crate::output;
use crate::serving::Serving;
use crate::signal::StopSignals;
use crate::storage::StorageArgs;

use super::Context;
use super::config::warn_without_effect;

/// Run the server: API for customers, desk for stations, and an object store
///
/// When it accepts connections it prints one line of JSON on standard output; log lines go to
/// standard error (PACKHORSE_LOG chooses them: error, warn, info, debug). Without an object store in
/// the configuration, the embedded one is served on --s3-listen; it takes the accounts' keys and keeps
/// its objects in the data folder. SIGTERM or Ctrl-C lets the requests in flight finish and ends with
/// 0.
#[derive(clap::Args)]
#[command(after_help = "\
EXAMPLES:
  packhorse serve --data-dir /var/lib/packhorse
  packhorse serve --data-dir ./data --listen 127.0.0.1:0 --s3-listen 127.0.0.1:0
  packhorse serve --config /etc/packhorse.toml
  PACKHORSE_OBJECT_STORE__ENDPOINT=https://s3.example.com packhorse serve --data-dir ./data

READY LINE:
  {\"event\":\"ready\",\"api\":\"http://127.0.0.1:8080\",\"console\":\"http://127.0.0.1:8080/console/\",\"s3\":\"http://127.0.0.1:9000\"}")]
pub(crate) struct Args {
    #[command(flatten)]
    storage: StorageArgs,
    /// Address of API, desk and console [env: PACKHORSE_SERVER__LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Address of the embedded object store [env: PACKHORSE_SERVER__S3_LISTEN] [default:
    /// 127.0.0.1:9000]
    #[arg(long, value_name = "ADDR")]
    s3_listen: Option<SocketAddr>,
}

impl Args {
    fn apply(self, config: &mut Config) {
        self.storage.apply(config);
        if let Some(address) = self.listen {
            config.server.listen = address;
        }
        if let Some(address) = self.s3_listen {
            config.server.s3_listen = address;
        }
    }
}

/// The line that says that connections are accepted.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    api: &'a str,
    console: String,
    s3: &'a str,
}

pub(super) async fn run(args: Args, ctx: &Context) -> anyhow::Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let mut config = ctx.config()?;
    args.apply(&mut config);
    warn_without_effect(&config);
    let mut serving = Serving::start(&config, &ctx.environment).await?;
    let external = config.object_store.endpoint.as_deref().unwrap_or_default();
    output::json(&Ready {
        event: "ready",
        api: serving.api(),
        console: format!("{}/console/", serving.api()),
        s3: serving.s3().unwrap_or(external),
    })?;
    tracing::info!(api = serving.api(), s3 = serving.s3(), "ready");
    tokio::select! {
        () = signals.received() => {}
        broken = serving.broken() => return Err(broken),
    }
    tracing::info!("stopping: requests in flight may finish; a second signal ends at once");
    tokio::select! {
        stopped = serving.stop() => stopped.map(|()| Exit::Success),
        () = signals.received() => Ok(Exit::Failed),
    }
}
