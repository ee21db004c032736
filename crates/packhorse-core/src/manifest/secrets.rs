//! Passwords and pins.

use crate::secret::Secret;

use super::fields::Fields;
use super::options::limits::SECRET_BYTES_MAX;
use super::problem::Problems;
use super::yaml::Value;

/// What GetStatus shows instead of a secret, see [`super::redact`]; that it is taken for no value,
/// [`super::doubts`] sees to.
pub(super) const REDACTED: &str = "(redacted)";

/// Reads a password or pin. No message about it repeats any of it.
pub(super) fn read(document: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<Secret> {
    let field = document.get(name)?;
    let message = match &field.node.value {
        Value::Scalar { text, .. } if text.len() > SECRET_BYTES_MAX => {
            format!("is too long, at most {SECRET_BYTES_MAX} bytes are allowed")
        }
        Value::Scalar { text, .. } if text.chars().any(char::is_control) => {
            "contains a control character, perhaps a line break".to_owned()
        }
        Value::Scalar { text, .. } => return Some(Secret::new(text.as_str())),
        Value::Sequence(_) | Value::Mapping(_) => {
            "must be a text; put it between single quotes".to_owned()
        }
    };
    problems.add(field.wrong(message));
    None
}
