//! What crosses a process boundary: the AWS Query protocol, its signatures and its XML, and the
//! messages between a station and the desk.
//!
//! No I/O and no clock: bytes and `now` come in, values and bytes go out. Nothing here decides
//! what a customer may do; it says who asks ([`authenticate`]), what for ([`actions`]), and how the
//! answer or refusal ([`fault`]) looks on the wire.
//!
//! A server takes a request through [`query::Call::parameters`], [`authenticate::Claim::find`] and
//! `verify`, [`actions::Request::read`], and answers with [`actions::respond`] or
//! [`fault::Fault::to_xml`]. A client sends [`actions::Action::form`] signed by
//! [`sigv4::sign_headers`]. The same signatures serve the S3 client and the embedded store.

pub mod actions;
pub mod authenticate;
pub mod desk;
pub mod fault;
mod host;
pub mod percent;
pub mod query;
pub mod sigv2;
pub mod sigv4;
pub mod xml;
