//! Which file system a volume holds, and its reader.

use std::sync::Arc;

use crate::block::BlockSource;
use crate::exfat::{ExFat, is_exfat};
use crate::ext::{Ext, is_ext};
use crate::fat::{Fat, is_fat};
use crate::magic;
use crate::ntfs::{Ntfs, is_ntfs};
use crate::volume::{MediaError, Volume};

/// Opens the file system on `source`, which begins at `offset` of the device.
pub(crate) fn open(
    source: Arc<dyn BlockSource>,
    offset: u64,
) -> Result<Arc<dyn Volume>, MediaError> {
    // The plainer a mark, the later it is looked for: FAT has none.
    if is_ext(&*source)? {
        opened("ext", Ext::open(source, offset))
    } else if is_exfat(&*source)? {
        opened("exFAT", ExFat::open(source, offset))
    } else if is_ntfs(&*source)? {
        opened("NTFS", Ntfs::open(source, offset))
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
