//! Images, erased.

use std::io::{Read as _, Write as _};

use super::*;

const SIZE: usize = 9 * 1024 * 1024 + 777;

fn image() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![0xa5; SIZE]).unwrap();
    file
}

fn content(file: &tempfile::NamedTempFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(file.path()).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_byte_is_zero_afterwards_and_the_size_is_the_same() {
    for method in [Method::Overwrite, Method::Discard] {
        let file = image();
        let device = Erasable::open(file.path()).unwrap();
        let mut steps = Vec::new();
        let mut watch = |step, at| {
            steps.push((step, at));
            true
        };
        let erased = device.erase(method, Verify::Full, &mut watch).unwrap();
        assert!(erased.is_clean());
        assert_eq!(erased.verified_bytes, SIZE as u64);
        assert_eq!(content(&file), vec![0; SIZE], "{method:?}");
        assert_eq!(steps.first(), Some(&(Step::Erasing, 0)));
        assert_eq!(steps.last(), Some(&(Step::Verifying, 8 * 1024 * 1024)));
    }
}

#[test]
fn what_is_left_is_found() {
    let file = image();
    let device = Erasable::open(file.path()).unwrap();
    let mut erased = Erased::default();
    let sample = Verify::Sample(7);
    device
        .verify(sample, &mut erased, &mut |_, _| true)
        .unwrap();
    assert_eq!(erased.not_zero, [(0, SIZE as u64)]);
    assert!(!erased.is_clean());
}

#[test]
fn a_stop_is_told_from_a_success_and_can_be_repeated() {
    let file = image();
    let device = Erasable::open(file.path()).unwrap();
    let mut watch = |_, at| at == 0;
    let stopped = device.erase(Method::Overwrite, Verify::Full, &mut watch);
    assert!(matches!(stopped, Err(EraseError::Stopped(_))));
    let again = device.erase(Method::Overwrite, Verify::Full, &mut |_, _| true);
    assert!(again.unwrap().is_clean());
}

#[test]
fn folders_and_pipes_are_no_devices() {
    let folder = tempfile::tempdir().unwrap();
    let refused = Erasable::open(folder.path());
    assert!(
        matches!(refused, Err(EraseError::NotErasable(_))),
        "{refused:?}"
    );
    let refused = Erasable::open(&folder.path().join("gone"));
    assert!(
        matches!(refused, Err(EraseError::Open { .. })),
        "{refused:?}"
    );
    let refused = Erasable::open(Path::new("/dev/null"));
    assert!(
        matches!(refused, Err(EraseError::NotErasable(_))),
        "{refused:?}"
    );
}

#[test]
fn samples_rise_reach_both_ends_and_lie_within() {
    for size in [1, 65_536, 1 << 30, (1 << 40) + 5, 1 << 60] {
        let starts: Vec<u64> = samples(size, samples::BYTES, Some(3)).collect();
        assert!(starts.is_sorted_by(|a, b| a < b), "{size}");
        assert_eq!(starts.first(), Some(&0));
        let last = starts.last().unwrap();
        assert!(*last < size && size - last <= samples::BYTES, "{size}");
        assert!(starts.len() <= 4096 || size < 1 << 30, "{size}");
    }
    let other: Vec<u64> = samples(1 << 40, samples::BYTES, Some(4)).collect();
    let one: Vec<u64> = samples(1 << 40, samples::BYTES, Some(3)).collect();
    assert_ne!(one, other);
}

#[test]
fn ranges_that_touch_are_one_and_their_number_is_bounded() {
    let mut ranges = Vec::new();
    add(&mut ranges, 0, 10);
    add(&mut ranges, 10, 10);
    add(&mut ranges, 30, 10);
    assert_eq!(ranges, [(0, 20), (30, 40)]);
    for number in 0..5000 {
        add(&mut ranges, 100 + number * 20, 10);
    }
    assert_eq!(ranges.len(), RANGES_MAX);
    assert_eq!(ranges.last().unwrap().1, 100 + 4999 * 20 + 10);
}
