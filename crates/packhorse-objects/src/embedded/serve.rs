//! From a connection to an answer: limits, identity, the action, what the log says.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, HeaderName, SERVER};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::answer::{Answer, set};
use super::fault::{Code, Fault};
use super::head::Head;
use super::keys::{Keys, identify};
use super::limits::{
    BODY_STALL_TIMEOUT, CONNECTION_BUFFER_BYTES, CONNECTIONS_MAX, DRAIN_BYTES_MAX, DRAIN_TIMEOUT,
    HEAD_TIMEOUT, SHUTDOWN_TIMEOUT,
};
use super::outlet::AnswerBody;
use super::stall::WriteStall;
use super::{Embedded, Store, actions};

/// After an accept that failed for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// What connections share.
struct Service {
    store: Arc<Store>,
    keys: Arc<dyn Keys>,
    host_id: String,
}

impl Embedded {
    /// Serves S3 on `listener` until `shutdown` is ready, then ends the requests under way. Access
    /// keys are those that `keys` knows. May run on several listeners at once.
    pub async fn serve(
        &self,
        listener: TcpListener,
        keys: Arc<dyn Keys>,
        shutdown: impl Future<Output = ()>,
    ) {
        let service = Arc::new(Service {
            store: Arc::clone(&self.store),
            keys,
            host_id: uuid::Uuid::new_v4().simple().to_string(),
        });
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                accepted = accept(&listener, &places) => accepted,
            };
            let Some((stream, place)) = accepted else {
                continue;
            };
            let service = Arc::clone(&service);
            let answer = service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(service.answer(request).await) }
            });
            let stream = TokioIo::new(WriteStall::new(stream, BODY_STALL_TIMEOUT));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(CONNECTION_BUFFER_BYTES)
                .serve_connection(stream, answer);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke");
                }
                drop(place);
            });
        }
        drop(listener);
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("requests were still under way when the object store stopped");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "could not set TCP_NODELAY");
            }
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let started = Instant::now();
        let request_id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
        let (parts, mut body) = request.into_parts();
        let method = parts.method.clone();
        let path = parts.uri.path().to_owned();
        let waits_for_continue = parts.headers.contains_key(EXPECT);
        let outcome = self.act(parts, &mut body).await;
        let mut answer = match outcome {
            Ok(answer) => answer,
            Err(fault) => self.refusal(&fault, &method, &path, &request_id),
        };
        if !body.is_end_stream() && (waits_for_continue || !drain(&mut body).await) {
            answer
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let headers = answer.headers_mut();
        set(headers, REQUEST_ID, &request_id);
        set(headers, HOST_ID, &self.host_id);
        headers.insert(SERVER, HeaderValue::from_static("Packhorse"));
        // The query may hold a signature and stays out.
        tracing::debug!(
            %request_id,
            %method,
            path,
            status = answer.status().as_u16(),
            duration_ms = started.elapsed().as_millis() as u64,
            "answered"
        );
        answer
    }

    async fn act(&self, parts: http::request::Parts, body: &mut Incoming) -> Result<Answer, Fault> {
        let head = Head::read(parts)?;
        let (caller, covered) = identify(&head, self.keys.as_ref()).await?;
        actions::act(&self.store, head, caller, covered, body).await
    }

    fn refusal(&self, fault: &Fault, method: &Method, path: &str, request_id: &str) -> Answer {
        let has_body = method != Method::HEAD && fault.code() != Code::NotModified;
        let mut answer = if has_body {
            let document = fault.document(path, request_id, &self.host_id);
            let mut answer = Response::new(AnswerBody::from(document));
            answer
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            answer
        } else {
            Response::new(AnswerBody::empty())
        };
        *answer.status_mut() = fault.status();
        answer
    }
}

/// Reads the rest of a body that was refused: closing before would make the client lose the
/// answer. Gives up on what is too long, and says so.
async fn drain(body: &mut Incoming) -> bool {
    let read = async {
        let mut drained = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            drained += frame.data_ref().map_or(0, bytes::Bytes::len);
            if drained > DRAIN_BYTES_MAX {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DRAIN_TIMEOUT, read)
        .await
        .unwrap_or(false)
}
