//! The S3 side of Packhorse.
//!
//! - [`client`]: a thin S3 client. One call is one request; who retries is the caller's business.
//! - [`digest`]: what is computed over a body so that the store can confirm it.
//!
//! Nothing here reads a device, knows a job, or keeps a credential longer than its owner does.

pub mod client;
mod clock;
pub mod digest;
mod encoded_word;
mod uri;
mod xml;
