//! AWS Signature Version 2, verifying only: the signature is a parameter of the form or the URL.
//!
//! What is signed: method, host, path and all other parameters, each brought into one normal form
//! out of its decoded text, since no two clients send the same bytes. Two liberties are known to
//! be needed, and no more are taken:
//!
//! - some clients sign the host without its port although the header has it, so both are tried;
//! - a URL that says `?Operation=NAME` beside a signed body with `Action=NAME` is not signed by
//!   one family of clients, so a signature over the body alone counts then.

mod canonical;
mod presented;
#[cfg(test)]
mod tests;

pub use presented::Presented;

/// How far a `Timestamp` may be off, either way.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = crate::sigv4::CLOCK_SKEW_SECONDS_MAX;
