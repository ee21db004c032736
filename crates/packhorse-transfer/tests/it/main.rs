//! The engine against the embedded store over TCP, whole and under faults.

mod bench_of_one;
mod faults;
mod folders;
mod options;
mod resume;
