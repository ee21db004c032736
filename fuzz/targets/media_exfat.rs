//! Edits of a sound image (exfat): listed and read, or refused; never a panic, soon.

#![no_main]

#[path = "image/mod.rs"]
mod image;

edits!("exfat");
