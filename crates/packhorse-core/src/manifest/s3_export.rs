//! The options of an S3 export.

use super::fields::Fields;
use super::problem::{ProblemKind, Problems};
use super::types::S3Export;
use super::{directory, operations, substitutions};

/// Where objects go whose keys cannot be names (guide page "recoveryDirectory").
const RECOVERY_DIRECTORY: &str = "EXPORT-RECOVERY";

/// Reads them. `None` if there was a problem.
pub(super) fn read(
    document: &Fields<'_>,
    is_encrypted: bool,
    problems: &mut Problems,
) -> Option<S3Export> {
    let file_system = document
        .get("fileSystem")
        .map(|field| field.with_kind(ProblemKind::InvalidFileSystem))
        .and_then(|field| field.one_of(problems));
    let recovery_directory = document
        .get("recoveryDirectory")
        .and_then(|field| directory::read(&field, problems));
    let substitutions = substitutions::read(document, problems);
    let operations = operations::exports(document, problems);
    if !is_encrypted {
        let message = "the data will travel unencrypted: neither trueCryptPassword nor pinCode is \
                       given";
        problems.warn(None, "", message);
    }
    Some(S3Export {
        file_system: file_system?,
        operations: operations?,
        recovery_directory: recovery_directory.unwrap_or_else(|| RECOVERY_DIRECTORY.to_owned()),
        substitutions,
    })
}
