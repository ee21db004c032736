//! The one thread that writes: takes all changes that wait, makes them in one transaction, commits,
//! answers.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::buckets::Buckets;
use super::objects::NewBody;
use crate::embedded::fault::Fault;
use crate::embedded::files::{BodyId, Files, NewFile};

/// Changes of one transaction: a bound on how long the first of them waits.
const CHANGES_PER_COMMIT_MAX: usize = 256;
/// Changes that wait; more wait in their connections.
const QUEUE_MAX: usize = 1024;

type Answer = Box<dyn FnOnce(Result<(), Fault>) + Send>;
type Change = Box<dyn FnOnce(Result<&mut Changes<'_>, Fault>) -> Answer + Send>;

pub(super) struct Writer {
    queue: Option<mpsc::Sender<Change>>,
    thread: Option<JoinHandle<()>>,
}

/// A transaction being put together.
pub(crate) struct Changes<'a> {
    pub(crate) db: &'a Connection,
    pub(crate) buckets_changed: bool,
    added: Vec<NewFile>,
    removed: Vec<BodyId>,
}

impl Changes<'_> {
    /// Names a body in the index.
    pub(crate) fn add(&mut self, body: NewBody) -> Result<BodyId, Fault> {
        match body {
            NewBody::Small(id, bytes) => {
                let mut insert = self
                    .db
                    .prepare_cached("INSERT INTO small_bodies (id, bytes) VALUES (?, ?)")?;
                insert.execute((id, bytes))?;
                Ok(id)
            }
            NewBody::File(file) => {
                let id = file.id();
                let mut insert = self
                    .db
                    .prepare_cached("INSERT INTO files (id) VALUES (?)")?;
                insert.execute([id])?;
                self.added.push(file);
                Ok(id)
            }
        }
    }

    /// Takes a body out of the index; its file goes once the change is committed and nobody reads
    /// it any more.
    pub(crate) fn remove(&mut self, id: BodyId) -> Result<(), Fault> {
        let mut small = self
            .db
            .prepare_cached("DELETE FROM small_bodies WHERE id = ?")?;
        if small.execute([id])? > 0 {
            return Ok(());
        }
        let mut file = self.db.prepare_cached("DELETE FROM files WHERE id = ?")?;
        if file.execute([id])? > 0 {
            self.removed.push(id);
        }
        Ok(())
    }
}

impl Writer {
    pub(super) fn start(
        db: Connection,
        files: Arc<Files>,
        buckets: Arc<Buckets>,
    ) -> std::io::Result<Self> {
        let (queue, changes) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("objects-index".to_owned())
            .spawn(move || run(&db, &files, &buckets, changes))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Changes<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (reply, result) = oneshot::channel();
        let change: Change = Box::new(move |changes| {
            let outcome = changes.and_then(|changes| in_savepoint(changes, change));
            Box::new(move |committed| {
                // A caller that has gone needs no answer.
                let _ = reply.send(committed.and(outcome));
            })
        });
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(change).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    /// Waits for the changes that were taken, so that a store opened next finds them.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn stopped() -> Fault {
    Fault::internal("the index has stopped")
}

fn run(db: &Connection, files: &Files, buckets: &Buckets, mut changes: mpsc::Receiver<Change>) {
    let mut batch = Vec::new();
    while changes.blocking_recv_many(&mut batch, CHANGES_PER_COMMIT_MAX) > 0 {
        commit(db, files, buckets, &mut batch);
    }
}

fn commit(db: &Connection, files: &Files, buckets: &Buckets, batch: &mut Vec<Change>) {
    let begun = db.execute_batch("BEGIN IMMEDIATE").map_err(Fault::from);
    let mut changes = Changes {
        db,
        buckets_changed: false,
        added: Vec::new(),
        removed: Vec::new(),
    };
    let answers: Vec<Answer> = batch
        .drain(..)
        .map(|change| change(begun.clone().and_then(|()| still_open(&mut changes))))
        .collect();
    let committed = begun.and_then(|()| Ok(db.execute_batch("COMMIT")?));
    match &committed {
        Ok(()) => files.remove(std::mem::take(&mut changes.removed)),
        Err(_) => {
            let _ = db.execute_batch("ROLLBACK");
        }
    }
    // Should a commit that was reported as failed turn out to be on the disk after a crash, its
    // bodies must be there: they stay, and the sweep at the next start judges.
    changes.added.drain(..).for_each(NewFile::keep);
    if changes.buckets_changed
        && let Err(error) = buckets.reload(db)
    {
        tracing::error!(%error, "could not read the buckets again");
    }
    for answer in answers {
        answer(committed.clone());
    }
}

/// SQLite gives a transaction up by itself when the disk is full; what is done after that would be
/// a transaction of its own.
fn still_open<'a, 'b>(changes: &'a mut Changes<'b>) -> Result<&'a mut Changes<'b>, Fault> {
    match changes.db.is_autocommit() {
        true => Err(Fault::internal("the transaction was given up")),
        false => Ok(changes),
    }
}

/// Makes a change whole or not at all, within the transaction of its batch.
fn in_savepoint<T>(
    changes: &mut Changes<'_>,
    change: impl FnOnce(&mut Changes<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let (added, removed) = (changes.added.len(), changes.removed.len());
    execute(changes.db, "SAVEPOINT change")?;
    let outcome = change(changes);
    if outcome.is_err() {
        execute(changes.db, "ROLLBACK TO change")?;
        changes.added.truncate(added);
        changes.removed.truncate(removed);
    }
    execute(changes.db, "RELEASE change")?;
    outcome
}

fn execute(db: &Connection, statement: &str) -> Result<(), Fault> {
    db.prepare_cached(statement)?.execute([])?;
    Ok(())
}
