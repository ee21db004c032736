//! exe
fn main() {}
