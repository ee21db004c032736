//! Edits of a sound image (vhdx): listed and read, or refused; never a panic, soon.

#![no_main]

#[path = "image/mod.rs"]
mod image;

edits!("vhdx");
