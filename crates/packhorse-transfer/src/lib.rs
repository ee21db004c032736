//! The import engine: from the volumes of one device to verified objects and a report.
//!
//! ```text
//! volumes -> plan (rows in job.db) -> readers (plain threads: read, hash) -> lanes (tokio: PUT,
//! multipart) -> ledger (outcomes, one writer thread) -> verification (listing) -> report
//! ```
//!
//! [`Import::run`] is the one entrance. It may be stopped or killed at any moment; run again with
//! the same job folder it goes on with the rows still open. Nothing here knows the desk or a lease.

mod budget;
mod check;
mod error;
mod export;
mod headers;
mod import;
mod lanes;
mod ledger;
mod merge;
mod plan;
mod preflight;
mod progress;
mod reader;
mod recorder;
mod report;
mod restore;
mod retry;
mod takeover;
mod throttle;
mod uploads;
mod verify;

pub use check::{Check, Checked, Example, Ignored, Problem, Sample, Tally};
pub use error::Error;
pub use export::{
    Destination, DiskPlan, Export, ExportPlan, ExportProblem, Exported, VerifiedExport,
    VerifyExport,
};
pub use import::{Import, Loaded, SourceVolume};
pub use ledger::JobFolder;
pub use progress::{Meter, Reading, Stage};
pub use reader::WHOLE_BYTES_MAX as MEMORY_BYTES_MIN;
pub use retry::Limits;
pub use throttle::{Ask, NotARate, RatePlan, Throttle};
