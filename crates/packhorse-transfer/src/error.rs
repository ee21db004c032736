//! Why a load stops before its end. What concerns one file is a row, not an error.

use std::path::{Path, PathBuf};

use packhorse_media::MediaError;
use packhorse_objects::client::Error as StoreError;

/// A load that stopped. Running it again goes on where it stopped, except for the device's own
/// faults (see [`Error::is_of_the_device`]) and a damaged ledger.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The device as a whole cannot be read.
    #[error("cannot read the device")]
    Media(#[from] MediaError),
    /// A parser of the device gave up without an error: a defect, contained here.
    #[error("the reader of the device broke down: {0}")]
    Panicked(String),
    /// A part of this program broke down: a defect that is not the device's.
    #[error("a defect of this program: {0}")]
    Defect(String),
    /// The store did not answer for longer than the retry limit.
    #[error("the object store is out of reach: {what}")]
    StoreUnavailable {
        /// What was tried.
        what: String,
        /// The last answer.
        #[source]
        source: StoreError,
    },
    /// The store refuses the whole job: bucket missing, key unknown, no permission.
    #[error("the object store refuses the job: {what}")]
    StoreRefused {
        /// What was tried.
        what: String,
        /// The answer.
        #[source]
        source: StoreError,
    },
    /// The station's own disk.
    #[error("cannot write the job's state at {}", path.display())]
    State {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The station's own database (a full disk also shows here).
    #[error("cannot use the job's database")]
    Database(#[from] rusqlite::Error),
    /// Another process works on this job here.
    #[error("another process is loading this job: {} is locked", .0.display())]
    Busy(PathBuf),
    /// The ledger contradicts itself; nothing is guessed.
    #[error("the job's ledger is damaged: {0}")]
    LedgerDamaged(&'static str),
    /// The device that an export is written to.
    #[error("cannot write to the device at {}", path.display())]
    Target {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The device cannot be what the manifest asks for.
    #[error("the device cannot be used for this export: {0}")]
    UnfitTarget(String),
    /// A program that writes file systems failed, or is not installed.
    #[error("cannot make the file system: {0}")]
    Format(String),
    /// What was written to the device is not what was exported.
    #[error("the file system that was made is not what was exported: {0}")]
    BadImage(String),
    /// Asked to stop: lease lost, or a signal.
    #[error("stopped on request")]
    Stopped,
}

impl Error {
    /// Whether the device is to blame, so that trying again is of no use. A station that has run out
    /// of memory or file handles is not the device's fault.
    pub fn is_of_the_device(&self) -> bool {
        match self {
            Self::Media(MediaError::Io(error)) => !is_the_stations(error),
            Self::Media(_) | Self::Panicked(_) | Self::BadImage(_) => true,
            Self::Target { source, .. } => is_a_failing_disk(source),
            _ => false,
        }
    }

    pub(crate) fn target(path: &Path, source: std::io::Error) -> Self {
        Self::Target {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn state(path: &Path, source: std::io::Error) -> Self {
        Self::State {
            path: path.to_owned(),
            source,
        }
    }
}

fn is_the_stations(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let own = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| own.contains(&errno))
}

/// Pulled out, worn out, or switched to read-only by its driver after errors.
fn is_a_failing_disk(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let failing = [Errno::IO, Errno::NXIO, Errno::NODEV, Errno::ROFS];
    Errno::from_io_error(error).is_some_and(|errno| failing.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_without_file_handles_does_not_blame_the_device() {
        let io = |errno: rustix::io::Errno| Error::Media(MediaError::Io(errno.into()));
        assert!(!io(rustix::io::Errno::MFILE).is_of_the_device());
        assert!(io(rustix::io::Errno::IO).is_of_the_device());
        assert!(!Error::Stopped.is_of_the_device());
    }
}
