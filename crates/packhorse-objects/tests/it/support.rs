//! A store on a free port with two accounts, and clients for them.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use packhorse_core::secret::Secret;
use packhorse_objects::client::Client;
use packhorse_objects::embedded::{Embedded, Keys, Owner, Unavailable};
use packhorse_wire::desk::{Credentials, ObjectStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const REGION: &str = "us-east-1";

/// Accounts `ann`, `bob` and `disabled`; each one's access key id is its name in capitals.
pub(crate) struct Accounts;

#[async_trait]
impl Keys for Accounts {
    async fn find(&self, access_key_id: &str) -> Result<Option<Owner>, Unavailable> {
        let account = match access_key_id {
            "ANN" => "ann",
            "BOB" => "bob",
            "DISABLED" => "disabled",
            "BROKEN" => return Err("no database".into()),
            _ => return Ok(None),
        };
        Ok(Some(Owner {
            account: account.to_owned(),
            secret: Secret::new(secret_of(access_key_id)),
            enabled: account != "disabled",
        }))
    }
}

pub(crate) fn secret_of(access_key_id: &str) -> String {
    format!("secret of {access_key_id}")
}

/// A running store.
pub(crate) struct Room {
    pub(crate) endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    _folder: Option<TempDir>,
}

impl Room {
    /// In a folder of its own.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut room = Self::start_in(folder.path()).await;
        room._folder = Some(folder);
        room
    }

    pub(crate) async fn start_in(folder: &Path) -> Self {
        let store = Embedded::open(folder).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            store.serve(listener, Arc::new(Accounts), stopped).await;
        });
        Self {
            endpoint,
            stop: Some(stop),
            task: Some(task),
            _folder: None,
        }
    }

    pub(crate) fn client(&self, access_key_id: &str) -> Client {
        client(&self.endpoint, access_key_id, &secret_of(access_key_id))
    }

    /// Stops the store in good order.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.task.take().unwrap().await.unwrap();
    }
}

pub(crate) fn client(endpoint: &str, access_key_id: &str, secret: &str) -> Client {
    let store = ObjectStore {
        endpoint: endpoint.to_owned(),
        region: REGION.to_owned(),
        path_style: true,
    };
    let credentials = Credentials {
        access_key_id: access_key_id.to_owned(),
        secret_access_key: Secret::new(secret),
    };
    Client::new(&store, &credentials).unwrap()
}

/// Bytes that differ everywhere.
pub(crate) fn bytes(length: usize, seed: u64) -> bytes::Bytes {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect::<Vec<u8>>().into()
}
