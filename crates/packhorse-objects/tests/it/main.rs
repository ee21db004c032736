//! The public face of the room: the client, the embedded store and the failing double, over TCP.
//!
//! (`cfg(test)` tells the lints that helpers are tests as well.)

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod model;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod support;
