//! Encrypted volumes and containers: what a password opens is a block source like any other.
//!
//! LUKS has a mark. TrueCrypt and VeraCrypt volumes have none: they are random bytes until a
//! password makes sense of them.

mod cipher;
pub(crate) mod container;
mod fill;
mod kdf;
mod luks;
mod source;
mod unlock;
mod veracrypt;
mod xts;

use std::io::ErrorKind;
use std::sync::Arc;

use crate::block::BlockSource;
use crate::volume::MediaError;

pub use fill::PayloadCipher;
pub(crate) use unlock::Trial;
pub use unlock::{UNLOCK_MEMORY_BYTES, UNLOCK_TIME, Unlock};
pub(crate) use veracrypt::looks_random;

/// An encrypted volume that was opened.
pub(crate) struct Unlocked {
    /// What is inside.
    pub(crate) source: Arc<dyn BlockSource>,
    /// What it is encrypted with.
    pub(crate) name: &'static str,
    /// Where its data begin, in bytes from its own beginning.
    pub(crate) data_offset: u64,
}

/// Opens a volume whose beginning says that it is encrypted; `None` when it does not.
pub(crate) fn open_marked(
    source: &Arc<dyn BlockSource>,
    trial: &Trial<'_>,
) -> Result<Option<Unlocked>, MediaError> {
    luks::open(source, trial)
}

/// Opens a volume that nothing else is known of; `None` when it does not look encrypted.
pub(crate) fn open_unmarked(
    source: &Arc<dyn BlockSource>,
    trial: &Trial<'_>,
) -> Result<Option<Unlocked>, MediaError> {
    match luks::open_by_second(source, trial)? {
        Some(unlocked) => Ok(Some(unlocked)),
        None => veracrypt::open(source, trial),
    }
}

fn locked(name: &str, why: String) -> MediaError {
    MediaError::Locked(format!("a volume encrypted with {name}: {why}"))
}

/// The error of reading something that a header says is there.
fn cut_off(error: std::io::Error, what: &str) -> MediaError {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            MediaError::Damaged(format!("{what} lies beyond the end of the volume"))
        }
        _ => MediaError::Io(error),
    }
}
