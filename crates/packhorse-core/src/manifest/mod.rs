//! The manifest: the customer's YAML text, read into types, with every problem at its line and
//! column.
//!
//! [`read`] is the one entrance. It never stops at the first problem: it returns either a
//! [`Manifest`] with warnings, or all problems found, in source order.

mod problem;
mod types;

pub use problem::{Position, Problem, ProblemKind};
pub use types::{
    Address, CannedAcl, Common, ConflictPolicy, Extensions, Kind, Manifest, ManifestVersion,
    ObjectHeaders, S3Import, ServiceLevel, StorageClass, Verification,
};

/// A manifest is at most this long: design section 3.2.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;
