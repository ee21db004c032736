//! Which file system a volume holds, and its reader: plainly, inside of an encryption, or in a
//! container on it.

use std::sync::Arc;

use crate::block::BlockSource;
use crate::crypt::{self, Trial, Unlocked, container};
use crate::exfat::{ExFat, is_exfat};
use crate::ext::{Ext, is_ext};
use crate::fat::{Fat, is_fat};
use crate::hfs::{Hfs, is_hfs};
use crate::iso::{Iso, is_iso};
use crate::magic;
use crate::ntfs::{Ntfs, is_ntfs};
use crate::volume::{MediaError, Volume};
use crate::xfs::{Xfs, is_xfs};

/// A volume that can be read.
pub(crate) struct Opened {
    pub(crate) volume: Arc<dyn Volume>,
    /// What it was encrypted with.
    pub(crate) encryption: Option<&'static str>,
    /// The volume that its container lies on.
    pub(crate) carrier: Option<Arc<dyn Volume>>,
}

/// Opens what `source` holds, which begins at `offset` of the device. Encrypted volumes and
/// containers are opened with the passwords of `trial`.
pub(crate) fn open(
    source: Arc<dyn BlockSource>,
    offset: u64,
    trial: &Trial<'_>,
) -> Result<Opened, MediaError> {
    if let Some(unlocked) = crypt::open_marked(&source, trial)? {
        return inside(unlocked, offset);
    }
    let unsupported = match open_plain(Arc::clone(&source), offset) {
        Ok(volume) => return open_container(volume, trial),
        Err(MediaError::Unsupported(what)) => what,
        Err(error) => return Err(error),
    };
    if !magic::is_known(&*source)?
        && let Some(unlocked) = crypt::open_unmarked(&source, trial)?
    {
        return inside(unlocked, offset);
    }
    Err(MediaError::Unsupported(unsupported))
}

/// The volume itself, or the one in a container in its root.
pub(crate) fn open_container(
    volume: Arc<dyn Volume>,
    trial: &Trial<'_>,
) -> Result<Opened, MediaError> {
    let Some((name, source)) = container::find(&volume, trial.containers())? else {
        return Ok(Opened {
            volume,
            encryption: None,
            carrier: None,
        });
    };
    let within = |error| match error {
        MediaError::Locked(what) => MediaError::Locked(format!("{name}: {what}")),
        MediaError::Damaged(what) => MediaError::Damaged(format!("{name}: {what}")),
        MediaError::Unsupported(what) => MediaError::Unsupported(format!("{name}: {what}")),
        other => other,
    };
    let opened = match crypt::open_marked(&source, trial).map_err(within)? {
        Some(unlocked) => unlocked,
        None => crypt::open_unmarked(&source, trial)
            .map_err(within)?
            .ok_or_else(|| within(MediaError::Unsupported("no encrypted container".to_owned())))?,
    };
    let inner = inside(opened, 0).map_err(within)?;
    Ok(Opened {
        carrier: Some(volume),
        ..inner
    })
}

/// The file system inside of an encryption.
fn inside(unlocked: Unlocked, offset: u64) -> Result<Opened, MediaError> {
    let name = unlocked.name;
    let offset = offset.saturating_add(unlocked.data_offset);
    let volume = open_plain(unlocked.source, offset).map_err(|error| match error {
        MediaError::Unsupported(what) => MediaError::Unsupported(format!("{name}: {what}")),
        MediaError::Damaged(what) => MediaError::Damaged(format!("{name}: {what}")),
        other => other,
    })?;
    Ok(Opened {
        volume,
        encryption: Some(name),
        carrier: None,
    })
}

/// Opens the file system on `source`, which begins at `offset` of the device.
fn open_plain(source: Arc<dyn BlockSource>, offset: u64) -> Result<Arc<dyn Volume>, MediaError> {
    // The plainer a mark, the later it is looked for: FAT has none.
    if is_ext(&*source)? {
        opened("ext", Ext::open(source, offset))
    } else if is_exfat(&*source)? {
        opened("exFAT", ExFat::open(source, offset))
    } else if is_ntfs(&*source)? {
        opened("NTFS", Ntfs::open(source, offset))
    } else if is_hfs(&*source)? {
        opened("HFS+", Hfs::open(source, offset))
    } else if is_xfs(&*source)? {
        opened("XFS", Xfs::open(source, offset))
    } else if is_iso(&*source)? {
        opened("ISO 9660", Iso::open(source, offset))
    } else if is_fat(&*source)? {
        opened("FAT", Fat::open(source, offset))
    } else {
        Err(MediaError::Unsupported(magic::name(&*source)?.to_owned()))
    }
}

fn opened<V: Volume + 'static>(
    name: &str,
    volume: Result<V, MediaError>,
) -> Result<Arc<dyn Volume>, MediaError> {
    match volume {
        Ok(volume) => Ok(Arc::new(volume)),
        Err(MediaError::Damaged(what)) => {
            Err(MediaError::Damaged(format!("{name} file system: {what}")))
        }
        Err(error) => Err(error),
    }
}
