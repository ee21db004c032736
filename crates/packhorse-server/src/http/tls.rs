//! TLS for the API, the desk and the console, with certificates that are renewed while the server runs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{interval, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::store_error::chain;

/// Looking at two files costs microseconds; who has renewed a certificate wants to see it work.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Time for a client to agree on keys.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What HTTP/1.1 is called in the handshake (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("read {kind} from {path}")]
    File {
        /// What was looked for.
        kind: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The two do not fit each other, or are of a kind that is not known.
    #[error("use the certificate {cert} with the key {key}")]
    Pair {
        /// The chain.
        cert: PathBuf,
        /// The private key.
        key: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
}

/// A certificate chain and its key, from files that are looked at again and again.
#[derive(Clone, Debug)]
pub struct Tls(Arc<Files>);

#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    pair: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// Reads both files (PEM): the chain, the server's own certificate first, and its key.
    pub fn load(cert: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pair = RwLock::new(read(&cert, &key, &provider)?);
        Ok(Self(Arc::new(Files {
            cert,
            key,
            provider,
            pair,
        })))
    }

    /// What agrees on keys with clients.
    pub(super) fn acceptor(&self) -> Result<Acceptor, rustls::Error> {
        let provider = Arc::clone(&self.0.provider);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        let mut config = config.with_cert_resolver(Arc::clone(&self.0) as _);
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }

    /// Uses new files soon after they are there. A pair that cannot be used (one may be written
    /// before the other) leaves the one in use.
    pub(super) async fn follow(self, ended: CancellationToken) {
        let mut known = self.0.written();
        let mut ticks = interval(LOOK_AGAIN);
        while ended.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = self.0.written();
            if now != known && self.0.reload() {
                known = now;
            }
        }
    }
}

impl Files {
    /// When the files were written; `None` for one that is not there.
    fn written(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| path.metadata().and_then(|m| m.modified()).ok())
    }

    /// Whether the files are in use now.
    fn reload(&self) -> bool {
        match read(&self.cert, &self.key, &self.provider) {
            Ok(pair) => {
                *self.pair.write().unwrap_or_else(PoisonError::into_inner) = pair;
                tracing::info!(certificate = %self.cert.display(), "a new certificate is in use");
                true
            }
            Err(error) => {
                let error = chain(&error);
                tracing::error!(error, "the new certificate cannot be used; the old one is");
                false
            }
        }
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pair = self.pair.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&pair))
    }
}

/// Turns connections into encrypted ones.
#[derive(Clone)]
pub(super) struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// `None` for a client that does not get there, or not in time.
    pub(super) async fn accept<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match timeout(HANDSHAKE_TIMEOUT, self.0.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS was agreed on");
                None
            }
            Err(_) => None,
        }
    }
}

fn read(
    cert: &PathBuf,
    key: &PathBuf,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let file = |kind, path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::File { kind, path, source }
    };
    let no_chain = file("a certificate", cert);
    let chain =
        CertificateDer::pem_file_iter(cert).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.and_then(|chain| match chain.is_empty() {
        true => Err(rustls::pki_types::pem::Error::NoItemsFound),
        false => Ok(chain),
    });
    let chain = chain.map_err(no_chain)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(file("a private key", key))?;
    let pair = CertifiedKey::from_der(chain, secret, provider);
    pair.map(Arc::new).map_err(|source| TlsError::Pair {
        cert: cert.clone(),
        key: key.clone(),
        source,
    })
}
