//! The embedded object store, which knows the customers of the server, behind a proxy that fails
//! on demand.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use packhorse_objects::client::Client;
use packhorse_objects::embedded::{Embedded, Keys, Owner, Unavailable};
use packhorse_objects::faults::{Fault, FaultProxy};
use packhorse_store::{AccessKey, Store};
use packhorse_wire::desk::{Credentials, ObjectStore};
use tokio::net::TcpListener;

/// More than any object of the tests has.
const OBJECT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the server under test reaches at `proxy`.
pub(crate) struct Objects {
    pub(crate) proxy: FaultProxy,
    _folder: tempfile::TempDir,
}

impl Objects {
    /// Starts a store of its own; it ends with the runtime.
    pub(crate) async fn start(customers: Arc<dyn Store>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Customers(customers));
        tokio::spawn(async move { store.serve(listener, keys, std::future::pending()).await });
        Self {
            proxy: FaultProxy::start(&endpoint).await.unwrap(),
            _folder: folder,
        }
    }

    /// Where the store is, for server and customers.
    pub(crate) fn place(&self) -> ObjectStore {
        ObjectStore {
            endpoint: self.proxy.endpoint(),
            region: "us-east-1".to_owned(),
            path_style: true,
        }
    }

    /// A client with the customer's key.
    pub(crate) fn client(&self, key: &AccessKey) -> Client {
        let credentials = Credentials {
            access_key_id: key.id.clone(),
            secret_access_key: key.secret.clone(),
        };
        Client::new(&self.place(), &credentials).unwrap()
    }

    /// A bucket of the customer's.
    pub(crate) async fn add_bucket(&self, bucket: &str, owner: &AccessKey) {
        self.client(owner).create_bucket(bucket).await.unwrap();
    }

    /// An object of the customer's.
    pub(crate) async fn object(&self, owner: &AccessKey, bucket: &str, key: &str) -> Option<Bytes> {
        match self.client(owner).get_object(bucket, key, None).await {
            Ok(object) => Some(object.body.collect(OBJECT_BYTES_MAX).await.unwrap()),
            Err(error) => {
                assert_eq!(error.code(), Some("NoSuchKey"), "{error}");
                None
            }
        }
    }

    /// Answers everything with this status and code until the proxy's rules are cleared.
    pub(crate) fn answer_with(&self, status: u16, code: &'static str) {
        self.proxy.fail_if(Fault::Status(status, code), |_| true);
    }
}

struct Customers(Arc<dyn Store>);

#[async_trait]
impl Keys for Customers {
    async fn find(&self, access_key_id: &str) -> Result<Option<Owner>, Unavailable> {
        let found = self.0.find_access_key(access_key_id).await?;
        Ok(found.map(|key| Owner {
            account: key.account_name,
            secret: key.secret,
            enabled: key.enabled,
        }))
    }
}
