//! The S3 side of Packhorse.
//!
//! - [`client`]: a thin S3 client. One call is one request; who retries is the caller's business.
//! - [`embedded`]: a store of our own, for a user who has none yet.
//! - `faults` (feature of the same name): a failing double for tests.
//! - [`digest`]: what is computed over a body so that the store can confirm it.
//!
//! Nothing here reads a device, knows a job, or keeps a credential longer than its owner does.

pub mod client;
mod clock;
pub mod digest;
pub mod embedded;
mod encoded_word;
#[cfg(feature = "faults")]
pub mod faults;
mod uri;
mod xml;
