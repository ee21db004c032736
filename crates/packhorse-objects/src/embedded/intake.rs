//! Takes a body in: hashed as it arrives, kept in memory while short, in a file when not.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::fault::{Code, Fault};
use super::files::{Files, NewFile};
use super::index::objects::NewBody;
use super::limits::{GATHER_BYTES, OBJECT_BYTES_MAX, SMALL_BODY_BYTES_MAX};
use super::outlet::StoredBytes;
use super::payload::{Digests, Expected, Found, Payload};

/// A body that is wholly here, checked, and not yet named by the index.
pub(crate) struct Received {
    pub(crate) size: u64,
    pub(crate) found: Found,
    pub(crate) body: NewBody,
}

/// Where a body comes from.
pub(crate) enum Source<'a> {
    /// The request.
    Request(Box<Payload<'a>>),
    /// Another object.
    Copy(StoredBytes),
}

impl Source<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Request(payload) => payload.next().await,
            Self::Copy(bytes) => bytes.next().await.map_err(|error| Fault::io(&error)),
        }
    }
}

/// Receives a body and checks it. A body that is refused leaves nothing behind.
pub(crate) async fn receive(
    files: &Arc<Files>,
    mut source: Source<'_>,
    mut expected: Expected,
) -> Result<Received, Fault> {
    let mut intake = Intake {
        files: Arc::clone(files),
        gathered: Vec::new(),
        gathered_bytes: 0,
        size: 0,
        sink: Sink::Idle(Box::new(Digests::new(&expected)), None),
    };
    while let Some(bytes) = source.next().await? {
        intake.take(bytes).await?;
    }
    if let Source::Request(payload) = &source {
        expected.add_trailer(payload)?;
    }
    intake.finish(&expected).await
}

struct Intake {
    files: Arc<Files>,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    size: u64,
    sink: Sink,
}

/// Hashing and writing take turns with receiving, one batch ahead.
enum Sink {
    Idle(Box<Digests>, Option<NewFile>),
    Busy(JoinHandle<std::io::Result<(Box<Digests>, NewFile)>>),
    Failed,
}

impl Intake {
    async fn take(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.size += bytes.len() as u64;
        if self.size > OBJECT_BYTES_MAX {
            return Err(Code::EntityTooLarge.into());
        }
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_bytes >= GATHER_BYTES {
            self.write().await?;
        }
        Ok(())
    }

    /// Hands what was gathered to a thread.
    async fn write(&mut self) -> Result<(), Fault> {
        let (mut digests, file) = self.settle().await?;
        let batch = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let files = Arc::clone(&self.files);
        self.sink = Sink::Busy(tokio::task::spawn_blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => files.create()?,
            };
            for bytes in &batch {
                digests.update(bytes);
                file.file().write_all(bytes)?;
            }
            Ok((digests, file))
        }));
        Ok(())
    }

    /// Waits for the thread, if there is one.
    async fn settle(&mut self) -> Result<(Box<Digests>, Option<NewFile>), Fault> {
        match std::mem::replace(&mut self.sink, Sink::Failed) {
            Sink::Idle(digests, file) => Ok((digests, file)),
            Sink::Busy(task) => {
                let written = task.await.map_err(Fault::internal)?;
                let (digests, file) = written.map_err(|error| Fault::io(&error))?;
                Ok((digests, Some(file)))
            }
            Sink::Failed => Err(Fault::internal("a body that failed was continued")),
        }
    }

    async fn finish(mut self, expected: &Expected) -> Result<Received, Fault> {
        let (mut digests, file) = self.settle().await?;
        if file.is_none() && self.gathered_bytes <= SMALL_BODY_BYTES_MAX {
            let mut bytes = Vec::with_capacity(self.gathered_bytes);
            for piece in &self.gathered {
                bytes.extend_from_slice(piece);
            }
            digests.update(&bytes);
            let found = digests.finish();
            expected.check(&found)?;
            return Ok(Received {
                size: self.size,
                found,
                body: NewBody::Small(self.files.new_id(), bytes),
            });
        }
        self.sink = Sink::Idle(digests, file);
        self.write().await?;
        let (digests, file) = self.settle().await?;
        let found = digests.finish();
        expected.check(&found)?;
        let mut file = file.ok_or_else(|| Fault::internal("a written body has no file"))?;
        let sealed = tokio::task::spawn_blocking(move || file.seal().map(|()| file));
        let sealed = sealed.await.map_err(Fault::internal)?;
        Ok(Received {
            size: self.size,
            found,
            body: NewBody::File(sealed.map_err(|error| Fault::io(&error))?),
        })
    }
}
