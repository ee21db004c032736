//! The way of a request through the proxy.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::rules::Rules;
use super::{Fault, Seen};

type Answer = Response<BoxBody<Bytes, io::Error>>;

pub(super) async fn run(listener: TcpListener, upstream: String, rules: Arc<Rules>) {
    // Dropped with the task, and every connection with it.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, upstream.clone(), Arc::clone(&rules)));
    }
}

async fn connection(stream: TcpStream, upstream: String, rules: Arc<Rules>) {
    let reset = Arc::new(AtomicBool::new(false));
    let stream = Resettable {
        stream,
        reset: Arc::clone(&reset),
    };
    let service = service_fn(|request| answer(request, &upstream, &rules, &reset));
    // A fault ends the connection with an error: that is its purpose.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    upstream: &str,
    rules: &Rules,
    reset: &AtomicBool,
) -> io::Result<Answer> {
    let _under_way = rules.begin();
    let fault = rules.judge(Seen {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    });
    let cut = || {
        reset.store(true, Ordering::Relaxed);
        Err(io::ErrorKind::ConnectionReset.into())
    };
    match fault {
        None => forward(request, upstream, Way::Whole).await,
        Some(Fault::Status(status, code)) => refuse(request, status, code).await,
        Some(Fault::ResetBefore) => cut(),
        Some(Fault::ResetAfter) => {
            let answer = forward(request, upstream, Way::Whole).await?;
            answer.into_body().collect().await?;
            cut()
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            forward(request, upstream, Way::Whole).await
        }
        Some(Fault::Hang) => pending().await,
        Some(Fault::CutRequest(bytes)) => {
            forward(request, upstream, Way::Cut(bytes)).await.ok();
            cut()
        }
        Some(Fault::CorruptRequest) => forward(request, upstream, Way::Corrupted).await,
        Some(Fault::CorruptAnswer) => {
            let answer = forward(request, upstream, Way::Whole).await?;
            Ok(answer.map(|body| corrupted(body).boxed()))
        }
        Some(Fault::CorruptEtag) => {
            let mut answer = forward(request, upstream, Way::Whole).await?;
            if let Some(etag) = answer.headers_mut().get_mut(ETAG) {
                let turned = HeaderValue::from_bytes(&turned(etag.as_bytes()));
                *etag = turned.map_err(io::Error::other)?;
            }
            Ok(answer)
        }
        Some(Fault::CorruptBodyEtag) => {
            let answer = forward(request, upstream, Way::Whole).await?;
            change_body_etag(answer, turned_text).await
        }
        Some(Fault::EmptyBodyEtag) => {
            let answer = forward(request, upstream, Way::Whole).await?;
            change_body_etag(answer, |_| String::new()).await
        }
        Some(Fault::TruncateAnswer) => {
            truncate(forward(request, upstream, Way::Whole).await?).await
        }
    }
}

/// How a request's body arrives.
#[derive(Clone, Copy)]
enum Way {
    Whole,
    Corrupted,
    Cut(u64),
}

async fn forward(request: Request<Incoming>, upstream: &str, way: Way) -> io::Result<Answer> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = request.map(|body| {
        let body = body.map_err(io::Error::other).boxed();
        match way {
            Way::Whole => body,
            Way::Corrupted => corrupted(body).boxed(),
            Way::Cut(left) => Cut { body, left }.boxed(),
        }
    });
    let answer = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    Ok(answer.map(|body| body.map_err(io::Error::other).boxed()))
}

/// Answers as an overloaded store does; the body is read so that the answer gets through.
async fn refuse(request: Request<Incoming>, status: u16, code: &str) -> io::Result<Answer> {
    let _ = request.into_body().collect().await;
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>injected</Message><RequestId>FAULT</RequestId></Error>"
    );
    let body = Full::from(document).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    let xml = HeaderValue::from_static("application/xml");
    answer.headers_mut().insert(CONTENT_TYPE, xml);
    Ok(answer)
}

/// Half of the body, with the length of all of it.
async fn truncate(answer: Answer) -> io::Result<Answer> {
    let (mut parts, body) = answer.into_parts();
    let whole = body.collect().await?.to_bytes();
    if whole.is_empty() {
        // No half of nothing; a HEAD's Content-Length is that of the object.
        let body = Full::from(whole).map_err(|never| match never {}).boxed();
        return Ok(Response::from_parts(parts, body));
    }
    let half = whole.slice(..whole.len() / 2);
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let truncated = Truncated {
        half: Some(half),
        sent: false,
    };
    Ok(Response::from_parts(parts, truncated.boxed()))
}

/// Changes the first byte.
fn corrupted(body: BoxBody<Bytes, io::Error>) -> Corrupted {
    Corrupted { body, done: false }
}

/// Changes what stands between `<ETag>` and `</ETag>`.
async fn change_body_etag(answer: Answer, change: fn(&str) -> String) -> io::Result<Answer> {
    let (mut parts, body) = answer.into_parts();
    let whole = body.collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&whole);
    let ends = text.split_once("<ETag>").and_then(|(head, rest)| {
        rest.split_once("</ETag>")
            .map(|(etag, tail)| (head, etag, tail))
    });
    let (head, etag, tail) = ends.ok_or_else(|| io::Error::other("no ETag in the answer"))?;
    let body = format!("{head}<ETag>{}</ETag>{tail}", change(etag));
    parts
        .headers
        .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    let body = Full::from(body).map_err(|never| match never {}).boxed();
    Ok(Response::from_parts(parts, body))
}

/// Turns the digits of an ETag in a document. The dash and the number of parts stay, and so do quotes
/// written as `&quot;`.
fn turned_text(etag: &str) -> String {
    let hex = etag.trim_start_matches("&quot;").trim_start_matches('"');
    etag.replace(hex, &String::from_utf8_lossy(&turned(hex.as_bytes())))
}

/// Turns hex digits into others, up to the first byte that is neither hex digit nor quote.
fn turned(etag: &[u8]) -> Vec<u8> {
    let length = etag
        .iter()
        .take_while(|b| b.is_ascii_hexdigit() || **b == b'"')
        .count();
    let (hex, rest) = etag.split_at(length);
    let turn = |byte: &u8| match byte {
        b'0'..=b'8' | b'a'..=b'e' => byte + 1,
        b'9' => b'0',
        b'f' => b'a',
        other => *other,
    };
    hex.iter().map(turn).chain(rest.iter().copied()).collect()
}

struct Corrupted {
    body: BoxBody<Bytes, io::Error>,
    done: bool,
}

impl Body for Corrupted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = Pin::new(&mut self.body).poll_frame(context);
        if self.done {
            return next;
        }
        next.map(|frame| {
            frame.map(|frame| {
                Ok(frame?.map_data(|data| {
                    let mut bytes = data.to_vec();
                    if let Some(first) = bytes.first_mut() {
                        *first ^= 1;
                        self.done = true;
                    }
                    Bytes::from(bytes)
                }))
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// So many bytes, then an error.
struct Cut {
    body: BoxBody<Bytes, io::Error>,
    left: u64,
}

impl Body for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        let next = Pin::new(&mut self.body).poll_frame(context);
        next.map(|frame| {
            frame.map(|frame| {
                Ok(frame?.map_data(|data| {
                    let whole = data.len();
                    let kept = usize::try_from(self.left).unwrap_or(whole).min(whole);
                    self.left -= kept as u64;
                    data.slice(..kept)
                }))
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Some bytes, a moment in which they are sent, then an error.
struct Truncated {
    half: Option<Bytes>,
    sent: bool,
}

impl Body for Truncated {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.sent {
            // The connection sends what it has while the body makes it wait.
            self.sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }
}

/// A stream that ends with RST instead of FIN once it is told to.
struct Resettable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            // A FIN now would reach the client before the RST.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
