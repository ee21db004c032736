//! Every exit code of the executable.

use std::process::ExitCode;

/// How a command ended. (2 is clap's: the command line itself is wrong.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: everything asked for was done.
    Success,
    /// 1: it failed; the error says why, and the same command may work later.
    Failed,
    /// 3: the load is complete, but some files failed; the report names them.
    FileErrors,
    /// 4: refused for good: SIGNATURE, state of the job, or no file system that can be read.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::FileErrors => Self::from(3),
            Exit::Refused => Self::from(4),
        }
    }
}
