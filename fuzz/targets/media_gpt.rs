//! Edits of a sound image (gpt): listed and read, or refused; never a panic, soon.

#![no_main]

#[path = "image/mod.rs"]
mod image;

edits!("gpt");
