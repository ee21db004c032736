//! Migrations are compiled into the executable: rebuild when one is added.
#![allow(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
