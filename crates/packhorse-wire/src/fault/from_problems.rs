//! Which fault a manifest's problems make.

use packhorse_core::manifest::{Problem, ProblemKind};

use super::{Fault, FaultCode};

/// The faults in the order in which they win, each with the first line of its message.
///
/// What cannot be read comes before what is missing, and that before what is wrong: so the
/// original answered to a mapping of unknown keys with MissingManifestFieldException. Customs come
/// after the address that makes them necessary. docs/MANIFEST.md has the whole order, with the faults
/// that come after these: of the access key and of the buckets.
const PRECEDENCE: [(ProblemKind, FaultCode, &str); 7] = [
    (
        ProblemKind::Malformed,
        FaultCode::MalformedManifest,
        "Your manifest is not well-formed",
    ),
    (
        ProblemKind::MissingField,
        FaultCode::MissingManifestField,
        "Your manifest lacks one or more required fields",
    ),
    (
        ProblemKind::InvalidField,
        FaultCode::InvalidManifestField,
        "Your manifest contains one or more invalid fields",
    ),
    (
        ProblemKind::InvalidAddress,
        FaultCode::InvalidAddress,
        "The address in your manifest is invalid",
    ),
    (
        ProblemKind::MissingCustoms,
        FaultCode::MissingCustoms,
        "Your manifest lacks one or more required customs fields",
    ),
    (
        ProblemKind::InvalidCustoms,
        FaultCode::InvalidCustoms,
        "Your manifest contains one or more invalid customs fields",
    ),
    (
        ProblemKind::InvalidFileSystem,
        FaultCode::InvalidFileSystem,
        "The fileSystem in your manifest is invalid",
    ),
];

impl Fault {
    /// The fault that a manifest's problems make: the code of the first in the precedence, and
    /// all problems in the message, one per line: a manifest's reader names some of each kind and
    /// counts the others. `None` when there are only warnings.
    pub fn from_problems(problems: &[Problem]) -> Option<Self> {
        let (_, code, headline) = PRECEDENCE
            .iter()
            .find(|(kind, ..)| problems.iter().any(|p| p.kind == *kind))?;
        let mut message = (*headline).to_owned();
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            message.push_str(&format!("\n{problem}"));
        }
        Some(Self::new(*code, message))
    }
}
