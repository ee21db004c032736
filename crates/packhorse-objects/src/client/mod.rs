//! A thin S3 client: one call is one request, signed, sent and judged.
//!
//! The client never retries; [`Error::is_retryable`] says whether a caller may. Bodies to send are
//! whole [`Bytes`](bytes::Bytes) (a small file or one part) and travel with digests that the store
//! checks before it answers; what it answers is compared with them again.
//!
//! Start reading at `call.rs`, through which every request passes.

mod body;
mod bucket;
mod call;
mod endpoint;
mod error;
mod fetch;
mod list;
mod meta;
mod multipart;
mod object;

use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use packhorse_wire::desk::{Credentials, ObjectStore};

use self::endpoint::Endpoint;

pub use self::body::Body;
pub use self::bucket::Bucket;
pub use self::error::Error;
pub use self::fetch::Facts;
pub use self::list::{ListObjects, ListPage, ListedObject};
pub use self::meta::ObjectMeta;
pub use self::multipart::{
    CompletedPart, Part, PartsPage, Upload, UploadId, UploadMarker, UploadsPage,
};
pub use self::object::{Etag, GetObject, ObjectInfo};

/// Time to reach the store, TLS not included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of a request: neither a byte sent nor a byte received. Stores that assemble a
/// large object send white space every few seconds.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Shorter than what stores keep an idle connection (5 to 20 s and more), so that a request seldom
/// meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Idle connections kept: at least as many as one station has requests in flight.
const IDLE_CONNECTIONS_MAX: usize = 1024;

/// Speaks to one S3 endpoint with one key. Cloning is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    http: legacy::Client<HttpsConnector<HttpConnector>, body::Outgoing>,
    endpoint: Endpoint,
    signer: call::Signer,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.shared.endpoint)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for that store and key; nothing is sent yet. Fails when the endpoint is not an
    /// `http` or `https` address.
    pub fn new(store: &ObjectStore, credentials: &Credentials) -> Result<Self, Error> {
        Ok(Self {
            shared: Arc::new(Shared {
                http: legacy::Client::builder(TokioExecutor::new())
                    .pool_timer(TokioTimer::new())
                    .pool_idle_timeout(IDLE_TIMEOUT)
                    .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
                    .build(connector()?),
                endpoint: Endpoint::parse(store)?,
                signer: call::Signer::new(credentials, &store.region),
            }),
        })
    }

    /// A client for the same store and another key, over the same connections.
    pub fn with_credentials(&self, credentials: &Credentials) -> Self {
        let Shared {
            http,
            endpoint,
            signer,
        } = &*self.shared;
        Self {
            shared: Arc::new(Shared {
                http: http.clone(),
                endpoint: endpoint.clone(),
                signer: call::Signer::new(credentials, signer.region()),
            }),
        }
    }
}

fn connector() -> Result<HttpsConnector<HttpConnector>, Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(STALL_TIMEOUT));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Ok(HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| Error::Transport(Box::new(error)))?
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}
