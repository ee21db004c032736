//! The server of Packhorse: the AWS Query API for customers and the desk for stations.
//!
//! - [`Server`]: listens, limits, drains. Everything a request needs is in its [`Context`].
//! - `http`: what is common to all requests: limits, request ids, health.
//! - `api`: the six actions, one file each.
//! - `artifacts`: files behind links: packing slip, SIGNATURE, shipping label.
//! - `console`: the pages for people, customers' and operators'.
//! - `desk`: what stations say.
//! - `expiry`: jobs whose device never came.
//!
//! The server never touches a device and holds no state: the store is the only shared thing, so
//! any number of servers may run on it.

mod api;
mod artifacts;
mod console;
mod context;
mod desk;
mod expiry;
mod http;
mod postal;
mod store_error;
mod throttle;

pub use api::Redactions;
pub use context::{Clock, Connections, Context, Facility, Settings};
pub use desk::LEASE_TTL;
pub use expiry::expire_once;
pub use http::{Error, Server, Tls, TlsError};
