//! Server and embedded object store, running: what `serve` and `quickstart` start alike.

mod keys;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use packhorse_objects::embedded::{Embedded, OpenError};
use packhorse_server::Server;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config::{Config, Environment};
use crate::output::Hint;
use crate::storage::{self, IfAbsent, Storage};
use keys::AccountKeys;

/// The embedded store's folder in the data folder.
const OBJECTS_FOLDER: &str = "objects";

/// A running service.
pub(crate) struct Serving {
    storage: Storage,
    api: String,
    s3: Option<String>,
    stop: CancellationToken,
    api_task: JoinHandle<anyhow::Result<()>>,
    s3_task: Option<JoinHandle<()>>,
}

impl Serving {
    /// Binds, opens and starts everything that the configuration names. When it returns, both
    /// addresses accept connections.
    pub(crate) async fn start(config: &Config, environment: &Environment) -> anyhow::Result<Self> {
        settings::refuse_unsupported(config)?;
        let tls = settings::tls(config)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = bind(config.server.listen, "--listen").await?;
        let listening = listener.local_addr()?;
        let api = match &config.server.public_url {
            Some(url) => settings::checked_url(url)?,
            None => settings::reachable_url(scheme, listening, None),
        };
        let s3_listener = match config.object_store.endpoint {
            Some(_) => None,
            None => Some(bind(config.server.s3_listen, "--s3-listen").await?),
        };
        let s3 = match &s3_listener {
            Some(listener) => {
                let public = config.server.public_url.as_deref();
                Some(settings::reachable_url(
                    "http",
                    listener.local_addr()?,
                    public,
                ))
            }
            None => None,
        };
        let settings = settings::settings(config, &api, s3.as_deref())?;
        let storage = storage::open(config, environment, IfAbsent::Create).await?;
        let stop = CancellationToken::new();
        let s3_task = match s3_listener {
            Some(listener) => {
                let objects = open_objects(config).await?;
                let keys = Arc::new(AccountKeys::new(Arc::clone(&storage.store)));
                let stopped = stop.clone().cancelled_owned();
                Some(tokio::spawn(async move {
                    objects.serve(listener, keys, stopped).await
                }))
            }
            None => None,
        };
        let server = Server::new(packhorse_server::Context {
            store: Arc::clone(&storage.store),
            signature_key: storage.signature_key,
            artifact_key: storage.artifact_key,
            console_seal: storage.console_seal.clone(),
            settings,
            clock: Arc::new(clock::now),
            connections: packhorse_server::Connections::default(),
            redactions: packhorse_server::Redactions::default(),
        });
        let drain = Duration::from_secs(config.server.drain_seconds.into());
        let server = server.with_tls(tls).with_drain(drain);
        let stopped = stop.clone().cancelled_owned();
        let api_task = tokio::spawn(async move {
            server
                .serve(listener, stopped)
                .await
                .context("serve the API")
        });
        Ok(Self {
            storage,
            api,
            s3,
            stop,
            api_task,
            s3_task,
        })
    }

    /// URL of the API, the desk and the console, for others.
    pub(crate) fn api(&self) -> &str {
        &self.api
    }

    /// URL of the embedded object store, if it is the one in use.
    pub(crate) fn s3(&self) -> Option<&str> {
        self.s3.as_deref()
    }

    /// The job store, for administration in the same process.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Waits until one of the two ends by itself, which it should not.
    pub(crate) async fn broken(&mut self) -> anyhow::Error {
        let s3_ended = async {
            match &mut self.s3_task {
                Some(task) => task.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut self.api_task => match ended {
                Ok(Err(error)) => error,
                Ok(Ok(())) => anyhow!("the API server stopped by itself"),
                Err(panic) => anyhow::Error::from(panic).context("the API server broke down"),
            },
            ended = s3_ended => match ended {
                Ok(()) => anyhow!("the object store stopped by itself"),
                Err(panic) => anyhow::Error::from(panic).context("the object store broke down"),
            },
        }
    }

    /// Takes no more connections, answers the requests in flight and ends.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let api = self.api_task.await.context("the API server broke down")?;
        if let Some(task) = self.s3_task {
            task.await.context("the object store broke down")?;
        }
        api
    }
}

async fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let in_use = error.kind() == std::io::ErrorKind::AddrInUse;
        let error = anyhow::Error::from(error).context(format!("listen on {address}"));
        match in_use {
            true => error.context(Hint(format!(
                "another program uses this port; choose one with {flag} (port 0 takes a free one)"
            ))),
            false => error,
        }
    })
}

async fn open_objects(config: &Config) -> anyhow::Result<Embedded> {
    let folder = storage::data_dir(config)?.join(OBJECTS_FOLDER);
    storage::make_data_dir(&folder)?;
    let opened = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || Embedded::open(&folder)
    });
    let opened = opened.await.context("open the object store")?;
    opened.map_err(|error| {
        let in_use = matches!(error, OpenError::InUse);
        let error = anyhow::Error::from(error).context(format!("open {}", folder.display()));
        match in_use {
            true => error.context(Hint("is another `packhorse serve` running on it?".into())),
            false => error,
        }
    })
}
