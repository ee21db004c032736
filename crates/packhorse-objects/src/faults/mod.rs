//! A failing double for tests: a proxy in front of any S3 endpoint (plain HTTP) that lets requests
//! through and, when told so, fails them the way networks and stores do.
//!
//! Requests keep their `Host`, so their signatures stay valid if the store does not compare `Host`
//! with its own address.

mod forward;
mod rules;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Uri};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::rules::Rules;

/// What happens to a request instead of, or on top of, being forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error answer with this status and S3 code; the request is not forwarded.
    Status(u16, &'static str),
    /// The connection is reset before the request is forwarded: nothing happened.
    ResetBefore,
    /// The request is forwarded, its answer thrown away, the connection reset: it happened.
    ResetAfter,
    /// The request is forwarded this much later.
    Delay(Duration),
    /// The request is never answered nor forwarded.
    Hang,
    /// So many bytes of the request's body are forwarded, then both connections end.
    CutRequest(u64),
    /// A byte of the request's body is changed.
    CorruptRequest,
    /// A byte of the answer's body is changed.
    CorruptAnswer,
    /// The answer's ETag is changed into another of the same shape.
    CorruptEtag,
    /// The ETag in the answer's body is changed likewise, and nothing else.
    CorruptBodyEtag,
    /// The ETag in the answer's body is left empty, as Ceph 16 does when an upload is completed.
    EmptyBodyEtag,
    /// Half of the answer's body is sent, then the connection ends.
    TruncateAnswer,
}

impl Fault {
    /// 503 SlowDown.
    pub const SLOW_DOWN: Self = Self::Status(503, "SlowDown");
    /// 500 InternalError.
    pub const INTERNAL_ERROR: Self = Self::Status(500, "InternalError");
}

/// A request as rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path, as sent.
    pub path: String,
    /// Its query, as sent; empty when there is none.
    pub query: String,
}

/// The running proxy. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    rules: Arc<Rules>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts on a free port of the loopback, in front of `upstream` (`http://host:port`).
    pub async fn start(upstream: &str) -> io::Result<Self> {
        let upstream: Uri = upstream
            .parse()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let authority = upstream
            .authority()
            .ok_or(io::ErrorKind::InvalidInput)?
            .to_string();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let rules = Arc::new(Rules::default());
        let task = tokio::spawn(forward::run(listener, authority, Arc::clone(&rules)));
        Ok(Self {
            address,
            rules,
            task,
        })
    }

    /// Where to send requests: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Fails the next `count` requests.
    pub fn fail_next(&self, count: usize, fault: Fault) {
        self.rules.add(fault, Some(count), 1, |_| true);
    }

    /// Fails the next `count` requests that `matches` picks.
    pub fn fail_next_if(
        &self,
        count: usize,
        fault: Fault,
        matches: impl Fn(&Seen) -> bool + Send + Sync + 'static,
    ) {
        self.rules.add(fault, Some(count), 1, matches);
    }

    /// Fails every request that `matches` picks, until [`clear`](Self::clear).
    pub fn fail_if(&self, fault: Fault, matches: impl Fn(&Seen) -> bool + Send + Sync + 'static) {
        self.rules.add(fault, None, 1, matches);
    }

    /// Fails every `step`th request, until [`clear`](Self::clear).
    pub fn fail_every(&self, step: usize, fault: Fault) {
        self.rules.add(fault, None, step, |_| true);
    }

    /// Lets everything through again.
    pub fn clear(&self) {
        self.rules.clear();
    }

    /// Requests that came, failed or not, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.rules.seen()
    }

    /// How many requests were under way at once, at the most.
    pub fn most_at_once(&self) -> usize {
        self.rules.most_at_once()
    }

    /// How many requests were failed.
    pub fn failed(&self) -> usize {
        self.rules.failed()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
