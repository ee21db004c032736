//! How fast the files of a device are read: `read_rate DEVICE [PASSWORD-FILE]`, for
//! docs/PERFORMANCE.md. Prints the bytes, the seconds and the rate of each pass.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use packhorse_core::ledger::EntryKind;
use packhorse_core::secret::Secret;
use packhorse_media::{Unlock, Volume, open_device_with};

const PIECE_BYTES: usize = 4 * 1024 * 1024;
const PASSES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().ok_or("name a device")?;
    let mut unlock = Unlock::default();
    if let Some(file) = arguments.next() {
        let password = std::fs::read_to_string(file)?;
        unlock
            .passwords
            .push(Secret::new(password.trim_end_matches('\n')));
    }
    let begun = Instant::now();
    let opened = open_device_with(Path::new(&device), &unlock)?;
    println!("opened in {:.3} s", begun.elapsed().as_secs_f64());
    for (volume, place) in opened.volumes().iter().zip(opened.places()) {
        let encryption = place.encryption.unwrap_or("none");
        println!("{}, encryption: {encryption}", volume.format());
        for _ in 0..PASSES {
            pass(&**volume)?;
        }
    }
    Ok(())
}

fn pass(volume: &dyn Volume) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    volume.walk(&mut |entry| {
        if entry.kind == EntryKind::File && entry.problem.is_none() {
            files.push(entry);
        }
        ControlFlow::Continue(())
    })?;
    let mut buffer = vec![0; PIECE_BYTES];
    let begun = Instant::now();
    let mut bytes = 0u64;
    for entry in &files {
        let mut reader = volume.open(entry)?;
        let mut offset = 0;
        while offset < entry.size {
            let read = reader.read_at(offset, &mut buffer)?;
            if read == 0 {
                break;
            }
            offset += read as u64;
        }
        bytes += offset;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let rate = bytes as f64 / seconds / 1e6;
    println!(
        "{} files, {bytes} bytes, {seconds:.3} s, {rate:.0} MB/s",
        files.len()
    );
    Ok(())
}
