//! Listing: walks every volume and gives each entry a row.

use std::ops::ControlFlow;

use jiff::Timestamp;
use packhorse_core::ledger::{EntryKind, Verdict};
use packhorse_core::manifest::{Manifest, S3Import};
use packhorse_core::mapping::{self, Target};
use packhorse_media::{Entry, MediaError};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::import::SourceVolume;
use crate::ledger::{Ledger, PlanWriter, Planned};
use crate::progress::Meter;
use crate::restore;

/// The largest object of S3.
const OBJECT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024 * 1024;

/// Lists `volumes` into the ledger.
pub(crate) fn list(
    ledger: &Ledger,
    manifest: &Manifest<S3Import>,
    volumes: &[SourceVolume],
    meter: &Meter,
    stop: &CancellationToken,
    clock: fn() -> Timestamp,
) -> Result<(), Error> {
    if manifest.extensions.restore_export {
        restore::read(ledger, volumes, stop)?;
    }
    let mut writer = ledger.plan()?;
    for (index, source) in volumes.iter().enumerate() {
        let mut failure = None;
        let mut each = |entry: Entry| {
            if stop.is_cancelled() {
                failure = Some(Error::Stopped);
                return ControlFlow::Break(());
            }
            match add(
                &mut writer,
                manifest,
                (ledger, source),
                index,
                &entry,
                clock(),
            ) {
                Ok(()) => {
                    meter.change_counts(|counts| {
                        counts.listed += 1;
                        counts.listed_bytes = counts.listed_bytes.saturating_add(entry.size);
                    });
                    ControlFlow::Continue(())
                }
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        let walked = match &source.content {
            Ok(volume) => volume.walk_until(&|| stop.is_cancelled(), &mut each),
            Err(entry) => {
                // One row stands for a volume that cannot be read; breaking is the closure's word.
                let _: ControlFlow<()> = each(Entry::clone(entry));
                Ok(())
            }
        };
        if let Some(error) = failure {
            return Err(error);
        }
        walked.map_err(|error: MediaError| Error::Media(error))?;
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
    }
    writer.finish(clock().as_millisecond())
}

fn add(
    writer: &mut PlanWriter<'_>,
    manifest: &Manifest<S3Import>,
    (ledger, source): (&Ledger, &SourceVolume),
    index: usize,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), Error> {
    let mut target = target(manifest, &source.folder, entry);
    if manifest.extensions.restore_export && target.is_ok() {
        target = match ledger.restored_key(&source.folder, &entry.path)? {
            Some(key) => match mapping::restored(&manifest.kind, &key) {
                Target::Key(key) => Ok(key),
                Target::Ignored(_) => Err(Verdict::ignored()),
                Target::Failed(verdict) => Err(verdict),
            },
            None if restore::is_sidecar(&entry.path) => Err(Verdict::ignored()),
            None => target,
        };
    }
    writer.add(&Planned {
        volume: index,
        entry,
        folder: &source.folder,
        target,
        at_ms: now.as_millisecond(),
    })
}

/// The key of an entry, or the row that it is at once.
fn target(manifest: &Manifest<S3Import>, folder: &str, entry: &Entry) -> Result<String, Verdict> {
    let import = &manifest.kind;
    let extensions = &manifest.extensions;
    // A directory that cannot be read stands for what is in it.
    let unreadable = match entry.kind {
        EntryKind::Directory => {
            let inside = [&entry.path, b"/".as_slice()].concat();
            mapping::ignored(import, extensions, folder, &inside).is_some()
        }
        _ => false,
    };
    let mapped = mapping::target(import, extensions, folder, &entry.path);
    if unreadable || matches!(mapped, Target::Ignored(_)) {
        return Err(Verdict::ignored());
    }
    if let Some(problem) = &entry.problem {
        return Err(problem.clone());
    }
    match entry.kind {
        EntryKind::File => {}
        EntryKind::Symlink => return Err(Verdict::symbolic_link()),
        EntryKind::Directory => return Err(Verdict::damaged()),
        EntryKind::Fifo
        | EntryKind::Socket
        | EntryKind::CharacterDevice
        | EntryKind::BlockDevice
        | EntryKind::Other => return Err(Verdict::special_file()),
    }
    if entry.size > OBJECT_BYTES_MAX {
        return Err(Verdict::entity_too_large());
    }
    match mapped {
        Target::Key(key) => Ok(key),
        Target::Ignored(_) => Err(Verdict::ignored()),
        Target::Failed(verdict) => Err(verdict),
    }
}
