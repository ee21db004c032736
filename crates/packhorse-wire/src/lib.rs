//! What crosses a process boundary: the desk's messages, the AWS Query protocol and its signatures.
//!
//! No I/O and no clock: bytes and `now` come in, values and bytes go out.

pub mod desk;
