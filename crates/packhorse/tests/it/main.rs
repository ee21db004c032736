//! The executable as its users meet it: every test runs the real binary.

mod account;
mod configuration;
mod device;
mod help;
mod job;
mod manifest;
mod quickstart;
mod serve;
mod station;
mod support;
