//! Edits of a sound image (ext4): listed and read, or refused; never a panic, soon.

#![no_main]

#[path = "image/mod.rs"]
mod image;

edits!("ext4");
