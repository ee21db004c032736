//! Small files that wait for a sender: tasks that each send one file after the other.
//!
//! A task for each file would cost about as much as signing its request.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::ledger::OpenRow;
use crate::reader::Body;

/// A file and its bytes.
pub(super) type File = (OpenRow, Body);

/// The queue. How long it gets is bounded by the bytes that its files hold.
pub(super) struct Waiting {
    files: Mutex<VecDeque<File>>,
    /// As many permits as files; closed when no more will come.
    count: Semaphore,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            files: Mutex::default(),
            count: Semaphore::new(0),
        }
    }

    pub(super) fn add(&self, group: Vec<File>) {
        let count = group.len();
        self.files().extend(group);
        self.count.add_permits(count);
    }

    /// The next file; `None` when there is none and no more will come.
    pub(super) async fn next(&self) -> Option<File> {
        if let Ok(permit) = self.count.acquire().await {
            permit.forget();
        }
        self.files().pop_front()
    }

    /// Senders end when what waits now is sent.
    pub(super) fn close(&self) {
        self.count.close();
    }

    /// Nobody will send what waits.
    pub(super) fn clear(&self) {
        self.files().clear();
    }

    fn files(&self) -> MutexGuard<'_, VecDeque<File>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
