//! Notices a parser that neither returns nor goes on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use packhorse_media::volume::{FileReader, ReadError};
use packhorse_media::{Entry, MediaError, Stop, Volume, Walk};

/// The calls into parsers that have not come back, and when each last gave a sign of life.
#[derive(Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Calls>>);

#[derive(Default)]
struct Calls {
    next: u64,
    inside: BTreeMap<u64, Instant>,
}

/// A call, until dropped.
struct Call {
    watch: Watch,
    number: u64,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Call {
        let mut calls = self.lock();
        let number = calls.next;
        calls.next += 1;
        calls.inside.insert(number, Instant::now());
        drop(calls);
        Call {
            watch: self.clone(),
            number,
        }
    }

    /// For how long the quietest call has given no sign of life.
    pub(super) fn stalled(&self, now: Instant) -> Duration {
        let calls = self.lock();
        let oldest = calls.inside.values().min();
        oldest.map_or(Duration::ZERO, |at| now.saturating_duration_since(*at))
    }
}

impl Call {
    fn goes_on(&self) {
        self.watch.lock().inside.insert(self.number, Instant::now());
    }

    /// What is called from inside is not the parser.
    fn leave_for<T>(&self, outside: impl FnOnce() -> T) -> T {
        self.watch.lock().inside.remove(&self.number);
        let result = outside();
        self.goes_on();
        result
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.watch.lock().inside.remove(&self.number);
    }
}

/// A volume whose calls are watched.
pub(super) struct Watched {
    volume: Arc<dyn Volume>,
    watch: Watch,
}

impl Watched {
    pub(super) fn new(volume: Arc<dyn Volume>, watch: Watch) -> Self {
        Self { volume, watch }
    }
}

impl Volume for Watched {
    fn format(&self) -> &str {
        self.volume.format()
    }

    fn identity(&self) -> String {
        self.volume.identity()
    }

    fn walk_until(&self, stop: Stop<'_>, each: Walk<'_>) -> Result<(), MediaError> {
        let call = self.watch.enter();
        // It is asked between reads: a damaged disk may go on for long without an entry.
        let stop = || {
            call.goes_on();
            stop()
        };
        let mut each = |entry: Entry| -> ControlFlow<()> { call.leave_for(|| each(entry)) };
        self.volume.walk_until(&stop, &mut each)
    }

    fn root_entry(&self, name: &[u8]) -> Result<Option<Entry>, ReadError> {
        let _call = self.watch.enter();
        self.volume.root_entry(name)
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn FileReader>, ReadError> {
        let _call = self.watch.enter();
        let reader = self.volume.open(entry)?;
        Ok(Box::new(WatchedReader {
            reader,
            watch: self.watch.clone(),
        }))
    }
}

struct WatchedReader {
    reader: Box<dyn FileReader>,
    watch: Watch,
}

impl FileReader for WatchedReader {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let _call = self.watch.enter();
        self.reader.read_at(offset, buffer)
    }

    fn finish(&mut self) -> Result<(), ReadError> {
        let _call = self.watch.enter();
        self.reader.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_inside_of_a_parser_counts() {
        let watch = Watch::default();
        let later = || Instant::now() + Duration::from_secs(60);
        assert_eq!(watch.stalled(later()), Duration::ZERO);
        let call = watch.enter();
        assert!(watch.stalled(later()) >= Duration::from_secs(59));
        call.leave_for(|| assert_eq!(watch.stalled(later()), Duration::ZERO));
        assert!(watch.stalled(later()) >= Duration::from_secs(59));
        drop(call);
        assert_eq!(watch.stalled(later()), Duration::ZERO);
    }
}
