//! What crosses a process boundary: the desk's messages, the AWS Query protocol and its signatures.
//!
//! No I/O and no clock: bytes and `now` come in, values and bytes go out.

pub mod actions;
pub mod authenticate;
pub mod desk;
pub mod fault;
pub mod percent;
pub mod query;
pub mod sigv4;
pub mod xml;
