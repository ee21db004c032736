//! The public face of the room: the client, the embedded store and the failing double, over TCP.

mod conformance;
mod durability;
mod faults;
mod model;
mod raw;
mod rights;
mod support;
