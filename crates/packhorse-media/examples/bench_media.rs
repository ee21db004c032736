//! Lists a device, or lists it and reads every file in the order of the disk, and says how long that
//! took and how much memory: what `make bench-media` runs, one process for each number.
//!
//! `bench_media list|read DEVICE` prints one line of JSON.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement ends at what it did not expect, and prints its result"
)]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use packhorse_core::ledger::EntryKind;
use packhorse_media::{Entry, Volume, open_device};

/// As the engine reads.
const PIECE_BYTES: usize = 1024 * 1024;

fn read(volume: &dyn Volume, entry: &Entry, piece: &mut [u8]) -> u64 {
    let mut file = volume.open(entry).unwrap();
    let mut at = 0;
    while at < entry.size {
        at += file.read_at(at, piece).unwrap() as u64;
    }
    file.finish().unwrap();
    at
}

/// The most memory that this process held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, device] = arguments.as_slice() else {
        eprintln!("usage: bench_media list|read DEVICE");
        return ExitCode::from(2);
    };
    let start = Instant::now();
    let opened = open_device(Path::new(device)).unwrap();
    let (mut entries, mut problems, mut bytes) = (0u64, 0u64, 0u64);
    for volume in opened.volumes() {
        let mut files = Vec::new();
        let walked = volume.walk(&mut |entry| {
            entries += 1;
            problems += u64::from(entry.problem.is_some());
            if what == "read" && entry.kind == EntryKind::File && entry.problem.is_none() {
                files.push(entry);
            }
            ControlFlow::Continue(())
        });
        walked.unwrap();
        files.sort_by_key(|entry| entry.first_extent);
        let mut piece = vec![0; PIECE_BYTES];
        bytes += files
            .iter()
            .map(|entry| read(&**volume, entry, &mut piece))
            .sum::<u64>();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{{\"entries\": {entries}, \"problems\": {problems}, \"bytes\": {bytes}, \
         \"seconds\": {seconds:.3}, \"peak_kib\": {}}}",
        peak()
    );
    ExitCode::SUCCESS
}
