//! What a refused signature means to a customer of the Query API.

use super::{Fault, FaultCode};
use crate::authenticate::AuthError;

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Absent => FaultCode::MissingAuthenticationToken,
            AuthError::UnknownKey => return Self::unknown_access_key(),
            AuthError::Missing(_)
            | AuthError::Malformed { .. }
            | AuthError::Unsupported(_)
            | AuthError::UnsignedHeader(_) => FaultCode::IncompleteSignature,
            AuthError::Skewed { .. } | AuthError::Expired { .. } => FaultCode::RequestExpired,
            AuthError::WrongService { .. }
            | AuthError::SignedHeaderAbsent(_)
            | AuthError::PayloadMismatch => FaultCode::SignatureDoesNotMatch,
            AuthError::Mismatch => return Self::new(FaultCode::SignatureDoesNotMatch, MISMATCH),
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

/// The text of the original; customers search for it.
const MISMATCH: &str = "The request signature we calculated does not match the signature you \
    provided. Check your AWS Secret Access Key and signing method. Consult the service \
    documentation for details.";

/// The text with a capital at its start.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}
