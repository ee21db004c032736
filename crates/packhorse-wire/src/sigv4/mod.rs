//! AWS Signature Version 4, for signing and for verifying, as pure functions.
//!
//! Two uses differ in details, see [`Dialect`]: the AWS Query API and the S3 API. Both know the
//! header form (`Authorization: AWS4-HMAC-SHA256 …`) and the presigned form (`X-Amz-*` in the
//! query).
//!
//! A client derives a [`SigningKey`] once a day and gives it to [`sign_headers`] or [`presign`]
//! with every request. A server reads what the request claims with [`Presented::find`], looks the
//! access key up, and calls [`Presented::verify`]. [`ChunkChain`] continues either into the body
//! of an `aws-chunked` upload.
//!
//! Nothing here reads a clock, and nothing here looks at the body: its digest is an argument.

mod canonical;
mod chunk;
mod claims;
mod payload;
mod presented;
mod scope;
mod sign;
mod signature;
#[cfg(test)]
mod tests;

pub use canonical::{Dialect, Request};
pub use chunk::ChunkChain;
pub use payload::Payload;
pub use presented::{Presented, Verified};
pub use scope::{AmzDate, Scope};
pub use sign::{SignAs, presign, sign_headers};
pub use signature::{Signature, SigningKey};

/// How far a client's clock may be off, either way.
pub const CLOCK_SKEW_SECONDS_MAX: i64 = 15 * 60;
/// A presigned URL lives at most a week: the limit of S3 and of the protocol.
pub const PRESIGNED_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;
/// The algorithm's name in headers, parameters and strings to sign.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last word of every scope.
const TERMINATOR: &str = "aws4_request";
