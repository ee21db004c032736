//! Any bytes as a device: opened and read, or refused; never a panic, soon.

#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;

#[path = "image/mod.rs"]
mod image;

static IMAGE: LazyLock<Mutex<image::Image>> = LazyLock::new(|| Mutex::new(image::Image::load("")));

fuzz_target!(|data: &[u8]| {
    IMAGE.lock().expect("one thread").bytes(data);
});
