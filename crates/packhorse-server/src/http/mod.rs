//! What is common to all requests: connections, limits, request ids, health, stopping.

mod body;
mod health;
mod request_id;
mod router;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::expiry;

pub(crate) use body::{Bodies, BodyError, CutBody};
pub(crate) use request_id::RequestId;
pub use tls::{Tls, TlsError};

/// Connections served at once; more wait in the listener's queue. Each costs some 10 KiB, and its
/// body at most what [`body`] allows.
const CONNECTIONS_MAX: usize = 1024;
/// Time for the head of a request, and for a kept connection to say something again.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a client to take a piece of an answer: who asks and never reads gives its place up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request's head. Presigned URLs and signatures have some 2 KiB; a GET carries a
/// manifest in its URL.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Time for requests in flight when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after the system could not accept a connection (no file descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener is not usable.
    #[error("the listener cannot be used")]
    Listener(#[source] std::io::Error),
    /// The certificate is read, and no TLS can be made with it.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// The service over HTTP.
#[derive(Clone)]
pub struct Server {
    context: Context,
    tls: Option<Tls>,
    drain: Duration,
}

impl Server {
    /// A server; nothing runs yet. It speaks plain HTTP, and stops without delay.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            tls: None,
            drain: Duration::ZERO,
        }
    }

    /// Speaks TLS only.
    #[must_use]
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Told to stop, still answers for this long, while `/readyz` and the end of each connection
    /// send clients elsewhere.
    #[must_use]
    pub fn with_drain(self, drain: Duration) -> Self {
        Self { drain, ..self }
    }

    /// Serves until `stop` is done, then answers what is in flight (for at most half a minute) and
    /// returns. Expires overdue jobs in the meantime.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        listener.local_addr().map_err(Error::Listener)?;
        let ended = CancellationToken::new();
        let expiring = tokio::spawn(expiry::run(self.context.clone(), ended.clone()));
        let acceptor = self.tls.as_ref().map(Tls::acceptor).transpose();
        let acceptor = acceptor.map_err(Error::Tls)?;
        if let Some(tls) = self.tls {
            tokio::spawn(tls.follow(ended.clone()));
        }
        let stopping = CancellationToken::new();
        let router = router::router(self.context, stopping.clone());
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let open = GracefulShutdown::new();
        let until = async {
            stop.await;
            stopping.cancel();
            tokio::time::sleep(self.drain).await;
        };
        tokio::pin!(until);
        loop {
            let next = accept(&listener, &slots);
            let (stream, slot) = tokio::select! {
                () = &mut until => break,
                next = next => next,
            };
            let (router, acceptor, watcher) = (router.clone(), acceptor.clone(), open.watcher());
            tokio::spawn(async move {
                let mut stream = TimeoutStream::new(stream);
                stream.set_write_timeout(Some(WRITE_TIMEOUT));
                let stream = Box::pin(stream);
                match acceptor {
                    None => converse(stream, router, watcher).await,
                    Some(acceptor) => {
                        if let Some(stream) = acceptor.accept(stream).await {
                            converse(stream, router, watcher).await;
                        }
                    }
                }
                drop(slot);
            });
        }
        drop(listener);
        ended.cancel();
        if tokio::time::timeout(DRAIN_TIMEOUT, open.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("stopped with requests in flight");
        }
        if expiring.await.is_err() {
            tracing::error!("the expiry of jobs broke off");
        }
        Ok(())
    }
}

/// Answers what comes over one connection.
async fn converse<S>(stream: S, router: axum::Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// The next connection, once there is room for one.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let slot = slots.clone().acquire_owned().await;
    let slot = slot.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole, so waiting for more bytes only delays them.
                let _ = stream.set_nodelay(true);
                return (stream, slot);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
