//! Who sent a request: the schemes a client may sign with, and why a signature is refused.

mod error;

pub use error::AuthError;
