//! Folders on the device that a customer names.

use crate::mapping::KEY_BYTES_MAX;

use super::fields::Field;
use super::problem::{Problems, shown};

/// Reads a path below the root of the device, `/` between names. What could lead out of it, or is
/// no name on some file system, is refused.
pub(super) fn read(field: &Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.not_blank(KEY_BYTES_MAX, problems)?;
    let path = text.trim_end_matches('/');
    let fault = if path.is_empty() || path.starts_with('/') {
        Some("must not begin with a slash: it is a path below the root of the device")
    } else if path.contains('\\') {
        Some("must have `/`, not `\\`, between names")
    } else if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
        Some("must not have empty names, `.` or `..` in it")
    } else {
        None
    };
    match fault {
        Some(fault) => {
            problems.add(field.wrong(format!("{} {fault}", shown(&text))));
            None
        }
        None => Some(path.to_owned()),
    }
}
