//! Edits of a sound image (hfs): listed and read, or refused; never a panic, soon.

#![no_main]

#[path = "image/mod.rs"]
mod image;

edits!("hfs");
