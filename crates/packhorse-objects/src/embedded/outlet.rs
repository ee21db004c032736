//! Bytes of stored objects on their way out, read a buffer at a time on threads that may block.

use std::fs::File;
use std::future::Future as _;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::files::{BodyId, Files, ReadLease};
use super::limits::READ_BYTES;

/// A run of bytes of one body.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) body: BodyId,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// The bytes themselves, when they were in the index.
    pub(crate) bytes: Option<Bytes>,
}

/// The bytes of an object or a range of it. Keeps the bodies it reads from being removed.
#[derive(Debug)]
pub(crate) struct StoredBytes {
    files: Arc<Files>,
    runs: std::vec::IntoIter<Run>,
    open: Option<(File, Run)>,
    reading: Option<JoinHandle<io::Result<Read>>>,
    left: u64,
    _lease: ReadLease,
}

#[derive(Debug)]
struct Read {
    file: File,
    /// What remains to be read.
    run: Run,
    bytes: Bytes,
}

impl StoredBytes {
    /// `lease` is from before the index was read.
    pub(crate) fn new(files: Arc<Files>, lease: ReadLease, runs: Vec<Run>) -> Self {
        Self {
            files,
            left: runs.iter().map(|run| run.length).sum(),
            runs: runs.into_iter(),
            open: None,
            reading: None,
            _lease: lease,
        }
    }

    pub(crate) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(context));
                self.reading = None;
                let read = read.map_err(io::Error::other)??;
                self.left = self.left.saturating_sub(read.bytes.len() as u64);
                self.open = Some((read.file, read.run));
                return Poll::Ready(Ok(Some(read.bytes)));
            }
            match self.open.take() {
                Some((_, run)) if run.length == 0 => {}
                Some((file, run)) => self.begin(Some(file), run),
                None => match self.runs.next() {
                    None => return Poll::Ready(Ok(None)),
                    Some(run) if run.length == 0 => {}
                    Some(Run {
                        bytes: Some(bytes), ..
                    }) => {
                        self.left = self.left.saturating_sub(bytes.len() as u64);
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                    Some(run) => self.begin(None, run),
                },
            }
        }
    }

    fn begin(&mut self, file: Option<File>, run: Run) {
        let files = Arc::clone(&self.files);
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let file = match file {
                Some(file) => file,
                None => files.read(run.body)?,
            };
            read(file, run)
        }));
    }
}

fn read(file: File, mut run: Run) -> io::Result<Read> {
    let length = run.length.min(READ_BYTES as u64);
    let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut buffer, run.offset)?;
    run.offset += length;
    run.length -= length;
    Ok(Read {
        file,
        run,
        bytes: Bytes::from(buffer),
    })
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    Whole(Option<Bytes>),
    Stored(StoredBytes),
}

impl AnswerBody {
    pub(crate) fn empty() -> Self {
        Self::Whole(None)
    }
}

impl<B: Into<Bytes>> From<B> for AnswerBody {
    fn from(bytes: B) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stored(stored) => {
                let next = ready!(stored.poll_next(context)).transpose();
                if let Some(Err(error)) = &next {
                    tracing::error!(%error, "could not read a stored body");
                }
                Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, Bytes::len) as u64,
            Self::Stored(stored) => stored.left,
        })
    }
}
